package gateway

import (
	"sync"
	"sync/atomic"
	"time"

	"realdocd/deploy"
	"realdocd/gateway/fpm"
	"realdocd/gateway/sock"
)

// A webConn is a connection from a web server. It carries one request after
// another; the goroutine that serves it is the only one to read and write it,
// but for the upload of a request whose body is streamed.
type webConn struct {
	s   *Server
	web *sock.Conn

	idleness atomic.Int32 // notIdle, idle or asked

	gone atomic.Bool // the web server has hung up
	busy atomic.Bool // a request has begun and not ended
	keep bool        // the web server closes the connection, not we
	now  *request    // the one that runs, for the goroutine that serves

	awaited atomic.Int64 // what of the web server, and since when; see stall
	late    atomic.Int64 // the stall that was ended; nothing while none was
	last    atomic.Int64 // when reads end for good, in nanoseconds of Unix's time; 0 while they do not

	waited bool // since it was last set to false, a record had to be read

	mu     sync.Mutex        // guards the following
	waits  fpm.Interruptible // what the request waits for; nil for nothing
	rq     *request          // the one that runs, for others to read
	asleep bool              // no goroutine serves

	junk   int      // bytes that belonged to no request, since the last one
	memory int64    // what the connection has of Server.memory
	small  [16]byte // an answer to a record that is not one of a request

	crowd  *crowd  // that it is counted in
	errand *errand // what it is for, if it is our own
}

// enterOn enters the release that a request on the connection runs on.
func (c *webConn) enterOn(st *site, docroot string, now time.Time) (deploy.Visit, error) {
	if c.errand != nil {
		return st.releases.EnterRelease(docroot, c.errand.release)
	}
	return st.releases.Enter(docroot, now)
}

// serve answers one request after another until the connection ends, or moves.
func (c *webConn) serve() {
	next := stays
	for next == stays {
		if rq, err := c.next(); err != nil {
			next = c.afterWait(err)
		} else {
			next = c.answer(rq)
		}
		if next == sleeps || next == stays && c.isTooMany() {
			if c.fallAsleep() {
				return
			}
			next = stays
		}
	}
	if next == moves {
		c.s.taker()(c)
		return
	}
	c.s.closed(c)
}

// answer answers a request.
func (c *webConn) answer(rq *request) fate {
	c.now = rq
	c.s.handle(rq)
	c.now = nil
	c.awaits(aRequest, rq.ended)
	c.busy.Store(false)
	keep, linger := c.keep && !rq.broken && !rq.unread, rq.unread && !rq.broken
	rq.free()
	c.junk = 0
	if linger {
		c.linger()
	}
	if !keep {
		return ends
	}
	return c.fate()
}
