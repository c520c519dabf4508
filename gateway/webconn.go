package gateway

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

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

// A fate is what becomes of a connection on which no request runs.
type fate int

const (
	stays fate = iota // for the next request
	moves             // to another process
	sleeps
	ends
)

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

// afterWait is for a wait that has brought no request.
func (c *webConn) afterWait(err error) fate {
	late := errors.Is(err, os.ErrDeadlineExceeded) // set by endIdle or cut
	switch {
	case c.gone.Load(), errors.Is(err, io.EOF), late && c.busy.Load(), late && c.lateFor() != nothing:
		return ends
	case errors.Is(err, syscall.ECONNRESET) && !c.busy.Load():
		return ends // it has not read all of the last response, such as what came behind a HEAD's header
	case !late && !errors.Is(err, errAsleep):
		c.noteEnd(err)
		return ends
	}
	next := c.fate()
	switch {
	case next != stays:
	case errors.Is(err, errAsleep):
		return sleeps
	default:
		c.stay() // a request is on its way
	}
	return next
}

// noteEnd tells of a connection that ends before a request has come whole.
func (c *webConn) noteEnd(err error) {
	if refused := (*refusal)(nil); errors.As(err, &refused) {
		c.s.metrics.byCause[refused.cause].Inc()
	}
	if strings.Contains(err.Error(), "is spoken here") {
		c.noteForeign(err)
		return
	}
	if c.s.floods.conns.allow(time.Now()) {
		c.s.log.Warn().Str("error", cut(err.Error())).Msg("connection of the web server ended")
	}
}

// foreignEvery is how often a client that does not speak FastCGI is logged: it asks again
// and again, as a health check does.
const foreignEvery = time.Minute

// noteForeign tells of a client that speaks another protocol, and who it is.
func (c *webConn) noteForeign(err error) {
	now, last := int64(sinceEpoch(time.Now())), c.s.foreign.Load()
	if last != 0 && now-last < int64(foreignEvery) || !c.s.foreign.CompareAndSwap(last, now) {
		return
	}
	c.s.log.Warn().Str("client", c.client()).Str("error", cut(err.Error())).
		Msg("a client that does not speak FastCGI was turned away: see what its configuration connects to this socket")
}

// client says who has connected.
func (c *webConn) client() string {
	if conn, ok := c.web.FileConn.(*net.TCPConn); ok {
		return conn.RemoteAddr().String()
	}
	who := "unknown"
	raw, err := c.web.SyscallConn()
	if err != nil {
		return who
	}
	raw.Control(func(fd uintptr) {
		if cred, err := unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED); err == nil {
			who = fmt.Sprintf("process %d of uid %d", cred.Pid, cred.Uid)
		}
	})
	return who
}

// fate is what becomes of the connection when no request runs on it.
func (c *webConn) fate() fate {
	switch now := c.s.life.now(); {
	case !now.leaves():
		return stays
	case c.s.taker() == nil:
		return ends
	case c.mayMove():
		return moves
	case now < cutting:
		return stays
	}
	return ends
}

// mayMove says whether nothing of a request has been read, so that another
// process can read the next one whole.
func (c *webConn) mayMove() bool { return c.web.In.Buffered() == 0 && c.errand == nil }

// endIdle ends the wait for a request, at a time that may be past, if none runs or
// is on its way.
func (c *webConn) endIdle(at time.Time) {
	if c.busy.Load() {
		return
	}
	c.endWaitAt(at)
	if c.busy.Load() {
		c.stay()
	}
}

// endReads has reads end at a time, which may be past, whoever undoes another end of them
// meanwhile: no request will follow on the connection.
func (c *webConn) endReads(at time.Time) {
	c.last.Store(at.UnixNano()) // before the deadline, so that stay sees it or comes first
	c.web.SetReadDeadline(at)
}

// stay undoes endIdle for a request that has come meanwhile, unless it is to be
// cut off, or reads no more.
func (c *webConn) stay() {
	c.web.SetReadDeadline(time.Time{})
	if last := c.last.Load(); last != 0 {
		c.web.SetReadDeadline(time.Unix(0, last))
	}
	if c.s.life.now() >= cutting {
		c.web.SetReadDeadline(past)
	}
}

// cut ends the connection and a request on it, which may still say why.
func (c *webConn) cut() {
	c.web.SetWriteDeadline(time.Now().Add(cutGrace))
	c.endWaitAt(past)
	c.interrupt()
}

// past is a deadline that ends a wait at once.
var past = time.Unix(1, 0)

// ended says why the request on c cannot go on: the web server has left, or
// the daemon's time is over.
func (c *webConn) ended() error {
	switch {
	case c.gone.Load():
		return errClientGone
	case c.s.life.now() >= cutting:
		return errCut
	}
	return nil
}

// HungUp is called when the web server has closed its end; see [sock.Watcher].
// A request that goes on without it is not interrupted.
func (c *webConn) HungUp() {
	c.gone.Store(true)
	defer c.wake()
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.waits != nil && (c.rq == nil || !c.rq.goesOn()) {
		c.waits.Interrupt()
	}
}

// interrupt ends the wait of the running request for FPM or for a place, if it
// waits. Any goroutine may call it.
func (c *webConn) interrupt() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.waits != nil {
		c.waits.Interrupt()
	}
}

// show lets others read the request, until hide: its site, its release, when it
// began, and its params, which change under the connection's mutex only.
func (rq *request) show() {
	c := rq.conn
	c.mu.Lock()
	c.rq = rq
	c.mu.Unlock()
}

// hide ends show and WaitFor.
func (rq *request) hide() {
	c := rq.conn
	c.mu.Lock()
	c.waits, c.rq = nil, nil
	c.mu.Unlock()
}

// WaitFor says what the request waits for from now on, nil for nothing; until then others
// may interrupt it. What came too early to interrupt anything has left word in Ended. When
// it returns, nobody interrupts what was waited for before.
func (rq *request) WaitFor(i fpm.Interruptible) {
	c := rq.conn
	c.mu.Lock()
	c.waits = i
	c.mu.Unlock()
}

// Ended is why the request cannot go on; nil while it can.
func (rq *request) Ended() error {
	err := rq.conn.ended()
	if err == errClientGone && rq.goesOn() {
		if rq.conn.s.life.now() >= cutting {
			return errCut
		}
		return nil
	}
	return err
}

// ownAnswerTimeout bounds how long the web server may take for an answer that is not one
// of FPM.
const ownAnswerTimeout = 10 * time.Second

// write writes what is not FPM's. Any goroutine of the connection may call it.
func (c *webConn) write(b []byte) error {
	err := c.web.WriteBy(b, c.writeLimit(time.Now()))
	if errors.Is(err, os.ErrDeadlineExceeded) && c.s.life.now() < cutting { // not for who waits for a request in vain
		return refuse(causeClientStalled, "the web server did not read an answer within %s", c.s.answerFor)
	}
	return err
}

func (c *webConn) writeLimit(now time.Time) time.Time {
	if c.s.life.now() >= cutting {
		return now.Add(cutGrace)
	}
	return now.Add(c.s.answerFor)
}

// sendLimit is until when the web server may take nothing of what it is sent: for
// read_timeout, and until the end of request_timeout. So a web server that does not read
// does not keep a place in FPM. Zero sets no bound.
func (c *webConn) sendLimit() (limit time.Time) {
	now, rq := time.Now(), c.now
	if rq == nil || !rq.place.Held() || c.s.life.now() >= cutting {
		return c.writeLimit(now)
	}
	if silence := rq.readTimeout(); silence > 0 {
		limit = now.Add(silence)
	}
	if most := rq.requestTimeout(); most > 0 {
		if last := rq.place.Connected.Add(most); limit.IsZero() || last.Before(limit) {
			limit = last
		}
	}
	return limit
}

func noEOF(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}
