package fpm

import (
	"context"
	"errors"
	"slices"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"
	"golang.org/x/sys/unix"

	"realdocd/gateway/sock"
)

// A listener is one FPM listener of a pool. It is up, or down: one that did not take a
// connection is passed over until it does.
type listener struct {
	pool   *Pool
	addr   sock.Addr
	dialer *sock.Dialer
	ctx    context.Context
	cancel context.CancelFunc // when the pool no longer has the listener

	down   atomic.Pointer[outage]    // nil while it is up
	logs   *zerolog.BurstSampler     // lets one outage of many through
	since  atomic.Pointer[time.Time] // up or down since then
	opened atomic.Uint64             // connections
	reused atomic.Uint64             // requests over a kept one

	// The pool's mutex guards the following.
	gone    bool // the pool no longer has it
	running int  // requests that have a place in it
	older   int  // requests that an older daemon runs in it
	broken  int  // requests that it has broken off since brokenSince

	brokenSince time.Time
	keeping
	capacity
}

// busyLocked is how many requests run in the listener, of an older daemon too.
func (l *listener) busyLocked() int { return l.running + l.older }

func newListener(p *Pool, addr sock.Addr) *listener {
	l := &listener{pool: p, addr: addr, dialer: sock.NewDialer(addr), logs: &zerolog.BurstSampler{Burst: 1, Period: time.Second}}
	l.why, l.comesBack = errLearning, comesBack
	l.changed(time.Now())
	l.ctx, l.cancel = context.WithCancel(context.Background())
	return l
}

// An outage is the time in which a listener is down.
type outage struct {
	cause  error
	logged bool
}

const (
	firstPause = 50 * time.Millisecond // before a listener that is down is tried again
	lastPause  = 5 * time.Second       // to which the pauses grow
)

// chooseLocked gives the least busy listener that is up. It gives one that is down only if
// no other is left, and nil if all were tried.
func (p *Pool) chooseLocked(tried []*listener) *listener {
	var best *listener
	n := len(p.listeners)
	for i := range n {
		l := p.listeners[(p.next+i)%n]
		if slices.Contains(tried, l) {
			continue
		}
		if best == nil || l.isBetterLocked(best) {
			best = l
		}
	}
	if n > 1 {
		p.next = (p.next + 1) % n
	}
	return best
}

// isBetterLocked says whether a request should go to l and not to other: to one that is up,
// has a free worker, and has less to do.
func (l *listener) isBetterLocked(other *listener) bool {
	if up := l.down.Load() == nil; up != (other.down.Load() == nil) {
		return up
	}
	if full := l.isFullLocked(); full != other.isFullLocked() {
		return !full
	}
	return l.busyLocked() < other.busyLocked()
}

// failed takes a listener down that did not take a connection.
func (l *listener) failed(cause error) {
	o := &outage{cause: cause, logged: l.logs.Sample(zerolog.WarnLevel)}
	if l.ctx.Err() != nil || !l.down.CompareAndSwap(nil, o) {
		return
	}
	l.changed(time.Now())
	if o.logged {
		l.pool.log.Warn().Str("server", string(l.addr)).Err(cause).Msg("FPM listener is down")
	}
	go l.recover(o)
}

// changed notes when the listener went up or down, and gives when it did before.
func (l *listener) changed(now time.Time) (before time.Time) {
	if was := l.since.Swap(&now); was != nil {
		before = *was
	}
	return before
}

// answered brings a listener up that was down and has taken a connection.
func (l *listener) answered() {
	o := l.down.Load()
	if o == nil || !l.down.CompareAndSwap(o, nil) {
		return
	}
	was := l.changed(time.Now())
	l.pool.mu.Lock()
	l.pool.changedLocked() // its places count again
	l.pool.mu.Unlock()
	if o.logged {
		l.pool.log.Info().Str("server", string(l.addr)).Float64("down", time.Since(was).Seconds()).Msg("FPM listener is up again")
	}
}

// recover tries a listener that is down, with growing pauses, until it answers or the
// pool no longer has it.
func (l *listener) recover(o *outage) {
	for wait := firstPause; l.down.Load() == o; wait = min(2*wait, lastPause) {
		select {
		case <-l.ctx.Done():
			return
		case <-time.After(wait):
		}
		if conn, err := l.dial(time.Now().Add(l.pool.Config().ConnectTimeout)); err == nil {
			conn.End()
			l.answered()
		}
	}
}

// dial makes one attempt to connect, also if the pool no longer has the listener:
// requests that have a place in it are served.
func (l *listener) dial(deadline time.Time) (*sock.Conn, error) {
	conn, err := l.dialer.Dial(deadline)
	if errors.Is(err, unix.EAGAIN) {
		return nil, ErrBacklogFull
	}
	return conn, err
}

// A ListenerStatus is one FPM listener at one moment.
type ListenerStatus struct {
	Addr sock.Addr
	// Down is why the listener is passed over; nil while it is up. Since says since
	// when it is up or down.
	Down  error
	Since time.Time
	// Running are the requests in it, Kept its idle kept connections.
	Running, Kept int
	// Opened counts connections made, Reused the requests that went over a kept one.
	Opened, Reused uint64
	// Reuse says whether connections are kept: "off", "on", or why not.
	Reuse string
	// Version is PHP's, and Workers how many FPM had at the last look, if known.
	Version string
	Workers int
}

func (l *listener) statusLocked(c *Config) ListenerStatus {
	st := ListenerStatus{
		Addr: l.addr, Since: *l.since.Load(), Running: l.busyLocked(), Kept: len(l.kept),
		Opened: l.opened.Load(), Reused: l.reused.Load(), Reuse: l.reuse(c),
		Version: l.version, Workers: l.workers,
	}
	if o := l.down.Load(); o != nil {
		st.Down = o.cause
	}
	return st
}
