package gateway

import (
	"context"
	"errors"
	"net"
	"os"
	"slices"
	"sync/atomic"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"realdocd/gateway/control"
)

// A server is one FPM listener of a pool.
type server struct {
	pool   *pool
	addr   string
	unix   *unixAddr // nil for TCP
	ctx    context.Context
	cancel context.CancelFunc // when the pool has the server no more
	gone   bool               // then; guarded by the pool's mutex

	out     atomic.Pointer[outage] // nil while it is up
	outages limiter                // of log events
	since   atomic.Int64           // up or out since then, in Unix nanoseconds
	opened  atomic.Uint64          // connections
	reused  atomic.Uint64          // requests over a kept one

	// Guarded by the pool's mutex.
	running int
	tenants int // requests that an older daemon runs in it
	keeping
}

// busy is how many requests run in the server, of an older daemon too.
func (s *server) busy() int { return s.running + s.tenants }

func newServer(p *pool, addr string) *server {
	s := &server{pool: p, addr: addr}
	s.why = errLearning
	s.since.Store(time.Now().UnixNano())
	s.ctx, s.cancel = context.WithCancel(context.Background())
	if isUnix(addr) {
		s.unix = newUnixAddr(addr)
	}
	return s
}

// An outage is the time in which a server is passed over.
type outage struct {
	cause  error
	logged bool
}

const (
	firstPause = 50 * time.Millisecond // before an ejected server is tried again
	lastPause  = 5 * time.Second       // to which the pauses grow
)

// choose gives the least busy server that is up, and of those that are out one
// only where no other is left. The pool's mutex is held.
func (p *pool) choose(tried []*server) *server {
	var best *server
	n := len(p.servers)
	for i := range n {
		s := p.servers[(p.next+i)%n]
		if slices.Contains(tried, s) {
			continue
		}
		up, bestUp := s.out.Load() == nil, best != nil && best.out.Load() == nil
		if best == nil || up && !bestUp || up == bestUp && s.busy() < best.busy() {
			best = s
		}
	}
	if n > 1 {
		p.next = (p.next + 1) % n
	}
	return best
}

// assign puts a request that has a place into a server that was not tried, with
// a kept connection where there is one; false when all were tried. The pool's
// mutex is held.
func (p *pool) assign(rq *request, tried []*server) bool {
	s := p.choose(tried)
	if s == nil {
		return false
	}
	if rq.server != nil {
		rq.server.running--
	}
	s.running++
	rq.server, rq.kept = s, nil
	if rq.mayReuse() {
		rq.kept = s.takeKept()
	}
	return true
}

// failed ejects a server that did not take a connection.
func (s *server) failed(cause error) {
	o := &outage{cause: cause, logged: s.outages.allow(time.Now())}
	if s.ctx.Err() != nil || !s.out.CompareAndSwap(nil, o) {
		return
	}
	s.since.Store(time.Now().UnixNano())
	if o.logged {
		s.pool.log.Warn().Str("server", s.addr).Err(cause).Msg("FPM listener ejected")
	}
	go s.recover(o)
}

// answered restores a server that is out and has taken a connection.
func (s *server) answered() {
	o := s.out.Load()
	if o == nil || !s.out.CompareAndSwap(o, nil) {
		return
	}
	was := time.Unix(0, s.since.Swap(time.Now().UnixNano()))
	if o.logged {
		s.pool.log.Info().Str("server", s.addr).Float64("out", time.Since(was).Seconds()).Msg("FPM listener restored")
	}
}

// recover tries a server that is out, with growing pauses, until it answers or
// the pool has it no more.
func (s *server) recover(o *outage) {
	for pause := firstPause; s.out.Load() == o; pause = min(2*pause, lastPause) {
		select {
		case <-s.ctx.Done():
			return
		case <-time.After(pause):
		}
		if fpm, err := s.dial(time.Now().Add(s.pool.cfg().ConnectTimeout)); err == nil {
			fpm.close()
			s.answered()
		}
	}
}

// errBacklogFull is a unix listener whose backlog is full: the kernel tells at
// once, and does not tell when there is room again.
var errBacklogFull = errors.New("the backlog of FPM is full: raise pm.max_children or listen.backlog")

// dial makes one attempt, also where the pool has the server no more: requests
// that have a place in it are served. The standard library's Dial would ask for the
// addresses of both ends, two system calls that nobody needs here.
func (s *server) dial(deadline time.Time) (*sock, error) {
	if s.unix == nil {
		conn, err := (&net.Dialer{Deadline: deadline}).Dial("tcp", s.addr)
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
	fpm, err := newSock(os.NewFile(uintptr(fd), s.addr))
	if err == nil {
		fpm.fd = uintptr(fd)
	}
	return fpm, err
}

// status is the server now. The pool's mutex is held.
func (s *server) status(c *PoolConfig) control.ServerStatus {
	st := control.ServerStatus{
		Address: s.addr, Up: true, Since: time.Unix(0, s.since.Load()), Running: s.busy(), Kept: len(s.kept),
		Opened: s.opened.Load(), Reused: s.reused.Load(), Reuse: s.reuse(c),
		Version: s.facts.Version, Workers: s.facts.Workers,
	}
	if o := s.out.Load(); o != nil {
		st.Up, st.Error = false, o.cause.Error()
	}
	return st
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
