package gateway

import (
	"errors"
	"io"
	"os"
	"strings"
	"syscall"
	"time"
)

// A fate is what becomes of a connection on which no request runs.
type fate int

const (
	stays fate = iota // for the next request
	moves             // to another process
	sleeps
	ends
)

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
