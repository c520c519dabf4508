package gateway

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/rs/zerolog"

	"realdocd/fcgi"
)

// A ServerCheck says whether one FPM listener answers.
type ServerCheck struct {
	Pool, Server string
	// Err is why it does not; nil when it does.
	Err error
	// Took is how long the answer took.
	Took time.Duration
}

// CheckPools asks every listener of every pool for FCGI_MAX_CONNS with
// GET_VALUES, which FPM answers without running a script. All are asked at
// once, so that one that does not answer leaves the others their time. The waits
// are bounded by ctx and by the pools' connect and read timeouts.
func CheckPools(ctx context.Context, pools []PoolConfig) []ServerCheck {
	var servers []*server
	for _, c := range pools {
		servers = append(servers, newPool(c, zerolog.Nop()).servers...)
	}
	all := make([]ServerCheck, len(servers))
	var asked sync.WaitGroup
	for i, s := range servers {
		asked.Go(func() {
			began := time.Now()
			err := s.ping(ctx)
			all[i] = ServerCheck{s.pool.name, s.addr, err, time.Since(began)}
		})
	}
	asked.Wait()
	return all
}

func (s *server) ping(ctx context.Context) error {
	c := s.pool.cfg()
	fpm, err := s.dial(time.Now().Add(c.ConnectTimeout))
	if err != nil {
		return fmt.Errorf("connect: %w", err)
	}
	defer fpm.close()
	stop := context.AfterFunc(ctx, fpm.interrupt)
	defer stop()
	if c.ReadTimeout > 0 {
		fpm.SetReadDeadline(time.Now().Add(c.ReadTimeout))
	}
	query := fcgi.AppendPair(nil, []byte("FCGI_MAX_CONNS"), nil)
	question := append(fcgi.AppendHeader(nil, fcgi.GetValues, 0, len(query)), query...)
	// libfcgi, as in fcgiwrap, answers when the next record is there: an empty one.
	question = fcgi.AppendHeader(question, fcgi.GetValues, 0, 0)
	if _, err := fpm.Write(question); err != nil {
		return fmt.Errorf("ask: %w", err)
	}
	for {
		if err := fpm.fill(); err != nil {
			return fmt.Errorf("wait for the answer: %w", noEOF(err))
		}
		rec, ok, err := fpm.in.Next()
		if err != nil {
			return err
		}
		if ok && rec.Type != fcgi.GetValuesResult {
			return fmt.Errorf("answered with %v: it is not a FastCGI application", rec.Type)
		}
		if ok {
			return nil
		}
	}
}
