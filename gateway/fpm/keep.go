package fpm

import (
	"errors"
	"sync/atomic"
	"time"

	"realdocd/fcgi"
	"realdocd/gateway/sock"
)

// A connection to FPM is kept for further requests only if that is provably safe
// (php-src main/fastcgi.c, sapi/fpm/fpm/fpm_main.c):
//
//   - It is a unix socket. Behind the request lies a marker, one more empty STDIN
//     record, which FPM skips when it is back in its read loop. Once the marker
//     is read, which SIOCOUTQ tells, the worker waits for a request. It is not
//     there after fastcgi_finish_request, while the script runs on, nor when the
//     worker ends (pm.max_requests, a reload). TCP has no way to tell.
//   - The request had no body, and FPM is a version that discards an unread one:
//     others take its rest for the next request.
//   - Nothing has come from FPM behind END_REQUEST.
//   - Fewer are kept than FPM has workers, since each holds one, and idle ones
//     are closed after two times keepFor at the most.
//
// A request is written to a kept connection at most once, and goes to another
// only if the kernel has refused that write.

// keepFor is how often what was not needed is closed. Two times this is less
// than the shortest request_terminate_timeout, which kills a worker whose kept
// connection is idle.
const keepFor = 100 * time.Millisecond

// recountEvery is how soon the number of FPM's workers is asked for again, if more of
// them would help.
const recountEvery = 5 * time.Second

// yieldEvery is how long all of FPM's workers may be ours. Then one is let go, and whoever
// waits in FPM's backlog comes in: another client, or a question of the daemon's own.
const yieldEvery = 50 * time.Millisecond

// comesBack is how long a request waits for the worker of the connection that it has been
// given, if no other worker is free. A script that works on after its response takes longer.
const comesBack = time.Millisecond

// maxCandidates is how many kept connections a request looks at.
const maxCandidates = 4

var (
	errReuseOff  = errors.New("off")
	errLearning  = errors.New("FPM has not told its version yet")
	errOnlyUnix  = errors.New("only connections over unix sockets can be kept")
	errOneWorker = errors.New("FPM has one worker, which a kept connection would hold")
	errShared    = errors.New("other pools use the listener too, and together they could hold all of its workers: one pool can serve the sites of both")
	errNoCount   = errors.New("how many workers FPM has cannot be told")
)

// keeping is what a listener needs to keep connections. The pool's mutex guards it.
type keeping struct {
	kept []*sock.Conn // idle, the oldest first
	late []late       // those whose workers are not back, the oldest first; each holds a place

	watchesLate bool // late is going to be looked at
	low         int  // the fewest of them since the last reap
	reaping     bool // a reap is to come

	keeps     atomic.Bool   // why is nil
	why       error         // why none are kept
	version   string        // PHP's, of the FPM that listens
	workers   int           // how many that had when it was asked
	comesBack time.Duration // how long a request waits for the worker of its connection
	yielded   time.Time     // when a connection was last not kept, for other clients
	learning
}

// reuse says whether connections are kept, for people.
func (l *listener) reuse(c *Config) string {
	switch {
	case !c.Reuse:
		return errReuseOff.Error()
	case l.why != nil:
		return l.why.Error()
	case l.workers == 1:
		return errOneWorker.Error()
	}
	return "on"
}

// takeKeptLocked takes the connection that has been idle for longest, since its worker is
// the most likely to be back in its read; nil if there is none. The newest one would have
// more in the processor's caches: that gains nothing at 8 clients of 12 workers, and loses
// a quarter of the requests a second at 32 and 128, where its worker is seldom back.
func (l *listener) takeKeptLocked() *sock.Conn {
	if len(l.kept) == 0 {
		return nil
	}
	conn := l.kept[0]
	l.kept = append(l.kept[:0], l.kept[1:]...)
	l.low = min(l.low, len(l.kept))
	return conn
}

func (l *listener) takeAllKeptLocked() []*sock.Conn {
	all := l.kept
	l.kept, l.low = nil, 0
	return all
}

// keepLocked takes a connection to keep, if there is room for it.
func (l *listener) keepLocked(conn *sock.Conn) bool {
	if l.gone || l.pool.pause.holds() || l.pool.lease != nil || !l.pool.Config().Reuse || l.why != nil {
		return false
	}
	free := l.workers - l.others - l.busyLocked() - len(l.kept)
	if len(l.kept)+1 >= l.workers || free <= 0 {
		if time.Since(l.asked) > recountEvery {
			l.learnLocked() // pm = dynamic and ondemand may have added workers
		}
		return false
	}
	if free == 1 && time.Since(l.yielded) > yieldEvery {
		l.yielded = time.Now()
		return false
	}
	l.kept = append(l.kept, conn)
	if !l.reaping {
		l.reaping = true
		time.AfterFunc(l.pool.KeepFor, l.reap)
	}
	return true
}

// reap closes as many connections as were idle all the time since the last
// reap, the oldest, and asks FPM again for its version when that is old.
func (l *listener) reap() {
	p := l.pool
	p.mu.Lock()
	idle := append([]*sock.Conn(nil), l.kept[:l.low]...)
	l.kept = append(l.kept[:0], l.kept[l.low:]...)
	l.low = len(l.kept)
	if l.reaping = len(l.kept) > 0; l.reaping {
		time.AfterFunc(p.KeepFor, l.reap)
	}
	if time.Since(l.asked) > learnEvery {
		l.learnLocked()
	}
	p.mu.Unlock()
	endAll(idle)
}

// readyOne gives a kept connection, conn or another, whose worker waits for a request; nil
// if there is none. If all workers of FPM are taken, there is only conn: its request has
// just ended, and its worker is on the way back, which mostly takes some 20 µs. A new
// connection would have to wait for the same worker.
func (l *listener) readyOne(conn *sock.Conn) *sock.Conn {
	for i := 1; conn != nil; i++ {
		ready, alive := conn.Ready()
		if ready {
			return conn
		}
		other, only := l.instead(conn, alive, i < maxCandidates)
		if only {
			if conn.AwaitReady(l.comesBack) {
				return conn
			}
			conn.End()
		}
		conn = other
	}
	return nil
}

// instead gives another connection for one that is not ready. A busy one is taken after all
// others that are kept now; one that FPM has closed, as a reload does, is closed. only says that
// there is no other, and no free worker: conn is still the caller's.
func (l *listener) instead(conn *sock.Conn, alive, more bool) (other *sock.Conn, only bool) {
	p := l.pool
	p.mu.Lock()
	if more {
		other = l.takeKeptLocked()
	}
	kept := alive && l.keepLocked(conn)
	if !alive && time.Since(l.asked) > time.Second {
		l.learnLocked()
	}
	only = alive && !kept && other == nil && l.busyLocked() >= l.workers
	p.mu.Unlock()
	if !kept && !only {
		conn.End()
	}
	return other, only
}

// makeRoom closes the oldest kept connection if a new one would be more than
// FPM has workers for.
func (l *listener) makeRoom() {
	p := l.pool
	if !p.Config().Reuse {
		return
	}
	var idle *sock.Conn
	p.mu.Lock()
	if len(l.kept) > 0 && l.busyLocked()+len(l.kept) > l.workers {
		idle = l.kept[0]
		l.kept = append(l.kept[:0], l.kept[1:]...)
		l.low = min(l.low, len(l.kept))
	}
	p.mu.Unlock()
	if idle != nil {
		idle.End()
	}
}

// appendMarker appends what FPM skips when it reads for the next request.
func appendMarker(dst []byte, id uint16) []byte { return fcgi.AppendHeader(dst, fcgi.Stdin, id, 0) }

func (l *listener) mayNotKeepLocked(why error) {
	l.why = why
	l.keeps.Store(false)
}

func endAll(idle []*sock.Conn) {
	for _, conn := range idle {
		conn.End()
	}
}
