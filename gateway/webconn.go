package gateway

import (
	"errors"
	"io"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"realdocd/deploy"
	"realdocd/fcgi"
	"realdocd/gateway/fpm"
	"realdocd/gateway/sock"
)

// A webConn is a connection from a web server. It carries one request after
// another; the goroutine that serves it is the only one to read and write it,
// but for the upload of a request whose body is streamed.
type webConn struct {
	s   *Server
	web *sock.Conn

	gone atomic.Bool // the web server has hung up
	busy atomic.Bool // a request has begun and not ended
	keep bool        // the web server closes the connection, not we

	mu    sync.Mutex
	waits fpm.Interruptible // what the request waits for; nil for nothing
	rq    *request          // the one that runs, for others to read

	pin string // requests run on this release, whether it is live or not
}

// enterOn enters the release that a request on the connection runs on.
func (c *webConn) enterOn(st *site, docroot string, now time.Time) (deploy.Visit, error) {
	if c.pin != "" {
		return st.releases.EnterRelease(docroot, c.pin)
	}
	return st.releases.Enter(docroot, now)
}

// serve answers requests until the connection ends, or is given away.
func (c *webConn) serve() {
	if give := c.serveRequests(); give != nil {
		(*give)(c)
		return
	}
	c.s.closed(c)
}

// serveRequests returns what gives the connection away; nil when it has ended.
func (c *webConn) serveRequests() (give *func(*webConn)) {
	for {
		rq, err := c.next()
		if give := c.s.giving.Load(); give != nil && errors.Is(err, os.ErrDeadlineExceeded) && !c.busy.Load() && !c.gone.Load() {
			if c.mayMove() {
				return give
			}
			c.web.SetReadDeadline(time.Time{}) // a request is on its way
			continue
		}
		if err != nil {
			if !errors.Is(err, io.EOF) && !errors.Is(err, os.ErrDeadlineExceeded) && !c.gone.Load() {
				c.s.log.Warn().Err(err).Msg("connection of the web server ended")
			}
			return nil
		}
		c.s.handle(rq)
		c.busy.Store(false)
		keep := c.keep && !rq.broken && !rq.unread
		rq.free()
		if !keep {
			return nil
		}
		if give := c.s.giving.Load(); give != nil && c.mayMove() {
			return give
		}
		if c.s.stopping.Load() {
			return nil
		}
	}
}

// mayMove says whether nothing of a request has been read, so that another
// process can read the next one whole.
func (c *webConn) mayMove() bool { return c.web.In.Buffered() == 0 && c.pin == "" }

// HungUp is called when the web server has closed its end; see [sock.Watcher].
func (c *webConn) HungUp() {
	c.gone.Store(true)
	c.interrupt()
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
func (rq *request) Ended() error { return rq.conn.ended() }

// next reads up to the end of a request's PARAMS. It answers what is no
// request on the way: management records, roles other than responder.
func (c *webConn) next() (*request, error) {
	var rq *request
	for {
		rec, err := c.record()
		if err != nil {
			if rq != nil {
				rq.free()
				err = noEOF(err)
			}
			return nil, err
		}
		switch {
		case rec.ID == 0:
			err = c.manage(rec)
		case rec.Type == fcgi.BeginRequest && rq == nil:
			rq, err = c.begin(rec)
		case rec.Type == fcgi.BeginRequest:
			err = c.refuseSecond(rec.ID)
		case rq == nil || rec.ID != rq.id:
			// Section 3.3: records of a request that is not active are ignored.
		case rec.Type == fcgi.AbortRequest:
			err = c.write(fcgi.AppendEnd(nil, rq.id, 0, fcgi.RequestComplete))
			rq.free()
			rq = nil
			c.busy.Store(false)
			if err == nil && !c.keep {
				err = io.EOF
			}
		case rec.Type == fcgi.Params && len(rec.Content) > 0:
			rq.collect(rec.Content)
		case rec.Type == fcgi.Params:
			return rq, nil
		}
		if err != nil {
			if rq != nil {
				rq.free()
			}
			return nil, err
		}
	}
}

// record takes the next record, and waits for it where it has not come.
func (c *webConn) record() (fcgi.Record, error) {
	for {
		rec, ok, err := c.web.In.Next()
		if ok || err != nil {
			return rec, err
		}
		if c.web.In.Buffered() == 0 {
			c.web.In.Release()
		}
		if err := c.web.Fill(); err != nil {
			if c.web.In.Buffered() > 0 {
				err = noEOF(err)
			}
			return fcgi.Record{}, err
		}
	}
}

func (c *webConn) begin(rec fcgi.Record) (*request, error) {
	b, err := fcgi.ParseBegin(rec.Content)
	if err != nil {
		return nil, err
	}
	c.busy.Store(true)
	if c.s.stopping.Load() || c.s.giving.Load() != nil {
		c.web.SetReadDeadline(time.Time{})
	}
	c.keep = b.KeepConn
	if b.Role != fcgi.RoleResponder {
		c.busy.Store(false)
		err := c.write(fcgi.AppendEnd(nil, rec.ID, 0, fcgi.UnknownRole))
		if err == nil && !c.keep {
			err = io.EOF
		}
		return nil, err
	}
	return newRequest(c, rec.ID, time.Now()), nil
}

// refuseSecond answers a request that begins while another is under way on the
// same connection.
func (c *webConn) refuseSecond(id uint16) error {
	return c.write(fcgi.AppendEnd(nil, id, 0, fcgi.CantMpxConn))
}

// manage answers a management record (section 4).
func (c *webConn) manage(rec fcgi.Record) error {
	if rec.Type != fcgi.GetValues {
		return c.write(fcgi.AppendUnknownType(nil, rec.Type))
	}
	out, err := fcgi.AppendValues(nil, rec.Content, ourValue)
	if err != nil {
		return err
	}
	return c.write(out)
}

// ourValue answers GET_VALUES. The limits are those of the file table, so the
// one answer that matters is that requests are not multiplexed.
func ourValue(name []byte) (string, bool) {
	if string(name) == "FCGI_MPXS_CONNS" {
		return "0", true
	}
	return "", false
}

func (c *webConn) write(b []byte) error {
	_, err := c.web.Write(b)
	return err
}

func noEOF(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}
