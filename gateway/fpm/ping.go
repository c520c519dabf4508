package fpm

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/rs/zerolog"

	"realdocd/fcgi"
	"realdocd/gateway/sock"
)

// A Ping says whether one FPM listener answers.
type Ping struct {
	Pool   string
	Server sock.Addr
	// Err is why it does not; nil if it does.
	Err error
	// Took is how long the answer took.
	Took time.Duration
}

// PingAll asks every listener of every pool for FCGI_MAX_CONNS with GET_VALUES, which FPM
// answers without running a script. All are asked at once, so that one that does not
// answer leaves the others their time. The waits are bounded by ctx and by the pools'
// connect and read timeouts.
func PingAll(ctx context.Context, pools []Config) []Ping {
	var listeners []*listener
	for _, c := range pools {
		listeners = append(listeners, New(c, zerolog.Nop()).listeners...)
	}
	all := make([]Ping, len(listeners))
	var asked sync.WaitGroup
	for i, l := range listeners {
		asked.Go(func() {
			began := time.Now()
			err := l.ping(ctx)
			all[i] = Ping{l.pool.Name, l.addr, err, time.Since(began)}
		})
	}
	asked.Wait()
	return all
}

func (l *listener) ping(ctx context.Context) error {
	c := l.pool.Config()
	conn, err := l.dial(time.Now().Add(c.ConnectTimeout))
	if err != nil {
		return fmt.Errorf("connect: %w", err)
	}
	defer conn.End()
	if c.ReadTimeout > 0 {
		conn.SetReadDeadline(time.Now().Add(c.ReadTimeout))
	}
	return pingOver(ctx, conn)
}

// pingOver asks over a connection, which the caller ends. The end of ctx ends the wait.
func pingOver(ctx context.Context, conn *sock.Conn) error {
	stop := context.AfterFunc(ctx, conn.Interrupt)
	defer stop()
	query := fcgi.AppendPair(nil, []byte("FCGI_MAX_CONNS"), nil)
	question := append(fcgi.AppendHeader(nil, fcgi.GetValues, 0, len(query)), query...)
	// libfcgi, as in fcgiwrap, answers when the next record is there: an empty one.
	question = fcgi.AppendHeader(question, fcgi.GetValues, 0, 0)
	if _, err := conn.Write(question); err != nil {
		return fmt.Errorf("ask: %w", err)
	}
	for {
		if err := conn.Fill(); err != nil {
			if errors.Is(err, io.EOF) {
				err = io.ErrUnexpectedEOF
			}
			return fmt.Errorf("wait for the answer: %w", err)
		}
		rec, ok, err := conn.In.Next()
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

// ListenerPID is the process that began to listen on a unix socket, FPM's master
// (SO_PEERCRED in unix(7)).
func ListenerPID(addr sock.Addr) (int, error) {
	if !addr.IsUnix() {
		return 0, fmt.Errorf("%s is not a unix socket: who listens there cannot be told", addr)
	}
	pid, err := New(Config{Servers: []sock.Addr{addr}}, zerolog.Nop()).listeners[0].whoListens()
	return int(pid), err
}
