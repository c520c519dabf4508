package gateway

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"sync/atomic"

	"golang.org/x/sys/unix"

	"realdocd/gateway/fpm"
	"realdocd/gateway/sock"
)

// An errand is what a connection of our own is for, such as a warm-up: its requests run on
// a release that need not be live, in one FPM of the pool.
type errand struct {
	release string
	server  sock.Addr

	placed  atomic.Bool // the request got a place
	unasked atomic.Bool // it was refused before any FPM had it
}

// note takes why a request failed. A nil errand, of a web server's connection, notes nothing.
func (e *errand) note(err error) {
	if e == nil {
		return
	}
	var noPlace *fpm.Refusal
	e.unasked.Store(errors.As(err, &noPlace))
}

// askOurselves sends a request to the Server itself, as a web server would, on
// a connection of its own.
func (s *Server) askOurselves(ctx context.Context, e *errand, params map[string]string) (*fpm.Response, error) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return nil, os.NewSyscallError("socketpair", err)
	}
	var ends [2]net.Conn
	for i, fd := range fds {
		f := os.NewFile(uintptr(fd), "warm-up")
		conn, connErr := net.FileConn(f)
		f.Close()
		if connErr != nil {
			err = connErr
			continue
		}
		ends[i] = conn
	}
	if err != nil {
		return nil, fmt.Errorf("connect to ourselves: %w", err)
	}
	s.openOurs(ends[0], e)
	return fpm.RunOver(ctx, ends[1], params)
}
