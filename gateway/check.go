package gateway

import (
	"context"
	"fmt"
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
// GET_VALUES, which FPM answers without running a script. The waits are
// bounded by ctx and by the pools' connect and read timeouts.
func CheckPools(ctx context.Context, pools []PoolConfig) []ServerCheck {
	var all []ServerCheck
	for _, c := range pools {
		p := newPool(c, zerolog.Nop())
		for i := range p.servers {
			began := time.Now()
			err := p.servers[i].ping(ctx)
			all = append(all, ServerCheck{c.Name, p.servers[i].addr, err, time.Since(began)})
		}
	}
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
	if _, err := fpm.Write(append(fcgi.AppendHeader(nil, fcgi.GetValues, 0, len(query)), query...)); err != nil {
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
