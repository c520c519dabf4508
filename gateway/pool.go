package gateway

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"strings"
	"sync/atomic"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// A pool is a PoolConfig at work. A request gets a connection of its own,
// closed at its end: FPM gives one worker to one connection.
type pool struct {
	PoolConfig
	servers         []server
	next            atomic.Uint32 // the server to try first
	setsIncludePath atomic.Bool   // something on the pool sends include_path
}

// A server is one FPM listener.
type server struct {
	addr string
	unix *unixAddr // nil for TCP
}

func newPool(c PoolConfig) *pool {
	p := &pool{PoolConfig: c}
	for _, addr := range c.Servers {
		s := server{addr: addr}
		if strings.HasPrefix(addr, "/") {
			s.unix = newUnixAddr(addr)
		}
		p.servers = append(p.servers, s)
	}
	return p
}

// errBacklogFull is a unix listener whose backlog is full: the kernel tells at
// once, and does not tell when there is room again.
var errBacklogFull = errors.New("the backlog of FPM is full: raise pm.max_children or listen.backlog")

// connect connects to one of the pool's listeners: round robin, and the next
// one at once when one does not take the connection, since nothing has been
// sent then.
func (rq *request) connect() (*sock, error) {
	p := rq.pool
	rq.connecting = time.Now()
	deadline := rq.connecting.Add(p.ConnectTimeout)
	first := int(p.next.Add(1))
	for pause := time.Millisecond; ; pause = min(2*pause, 50*time.Millisecond) {
		var errs error
		for i := range p.servers {
			s := &p.servers[(first+i)%len(p.servers)]
			fpm, err := s.dial(deadline)
			if err == nil {
				rq.connected = time.Now()
				rq.conn.fpm.Store(fpm)
				return fpm, nil
			}
			errs = errors.Join(errs, fmt.Errorf("connect to FPM at %s: %w", s.addr, err))
		}
		if err := rq.conn.ended(); err != nil {
			return nil, refuse(statusClientGone, "%w", err)
		}
		if !errors.Is(errs, errBacklogFull) {
			return nil, refuse(http.StatusBadGateway, "%w", errs)
		}
		if time.Now().Add(pause).After(deadline) {
			return nil, refuse(http.StatusServiceUnavailable, "%w", errs)
		}
		time.Sleep(pause)
	}
}

// dial makes one attempt. The standard library's Dial would ask for the
// addresses of both ends, two system calls that nobody needs here.
func (s *server) dial(deadline time.Time) (*sock, error) {
	if s.unix == nil {
		conn, err := (&net.Dialer{Deadline: deadline}).DialContext(context.Background(), "tcp", s.addr)
		if err != nil {
			return nil, err
		}
		return newSock(conn.(*net.TCPConn))
	}
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, os.NewSyscallError("socket", err)
	}
	if err := s.unix.connect(fd); err != nil {
		unix.Close(fd)
		if err == unix.EAGAIN {
			return nil, errBacklogFull
		}
		return nil, os.NewSyscallError("connect", err)
	}
	return newSock(os.NewFile(uintptr(fd), s.addr))
}

// A unixAddr is a socket's path as the kernel takes it, made once: unix.Connect
// makes it anew each time, in the value that it is given.
type unixAddr struct {
	raw unix.RawSockaddrUnix
	len uintptr
}

// newUnixAddr takes a path that New has found short enough.
func newUnixAddr(path string) *unixAddr {
	a := &unixAddr{raw: unix.RawSockaddrUnix{Family: unix.AF_UNIX}}
	n := copy(unsafe.Slice((*byte)(unsafe.Pointer(&a.raw.Path[0])), maxUnixPath), path)
	a.len = unsafe.Offsetof(a.raw.Path) + uintptr(n) + 1
	return a
}

// maxUnixPath leaves room for the zero byte behind a path (unix(7)).
const maxUnixPath = len(unix.RawSockaddrUnix{}.Path) - 1

// connect connects a non-blocking socket; it does not wait, see rawIO.
func (a *unixAddr) connect(fd int) error {
	_, _, errno := unix.RawSyscall(unix.SYS_CONNECT, uintptr(fd), uintptr(unsafe.Pointer(&a.raw)), a.len)
	if errno != 0 {
		return errno
	}
	return nil
}
