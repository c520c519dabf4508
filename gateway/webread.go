package gateway

import (
	"errors"
	"io"
	"time"

	"realdocd/fcgi"
)

// next reads up to the end of a request's PARAMS. On the way it answers what is not
// a request: management records, roles other than responder.
func (c *webConn) next() (*request, error) {
	var rq *request
	for {
		rec, err := c.record()
		if err != nil {
			if rq != nil && c.lateFor() == aHeader {
				rq.stalled = true
				return rq, nil
			}
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
			if err = c.countJunk(len(rec.Raw)); err == nil { // unless a request comes of it
				rq, err = c.begin(rec)
			}
		case rec.Type == fcgi.BeginRequest:
			err = c.refuseSecond(rec.ID)
		case rq == nil || rec.ID != rq.id:
			// Section 3.3: records of a request that is not active are ignored.
			err = c.countJunk(len(rec.Raw))
		case rec.Type == fcgi.AbortRequest:
			err = c.write(fcgi.AppendEnd(c.small[:0], rq.id, 0, fcgi.RequestComplete))
			rq.free()
			rq = nil
			c.awaits(aRequest, time.Now())
			c.busy.Store(false)
			if err == nil && !c.keep {
				err = io.EOF
			}
		case rec.Type == fcgi.Params && len(rec.Content) > 0:
			rq.collect(rec.Content)
			if rq.tooLong != nil && c.countJunk(len(rec.Raw)) != nil {
				rq.unread = true // they do not end
				return rq, nil
			}
		case rec.Type == fcgi.Params:
			c.awaitsNothing()
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

// record takes the next record, and waits for it if it has not come.
func (c *webConn) record() (fcgi.Record, error) {
	for {
		rec, ok, err := c.web.In.Next()
		if ok || err != nil {
			return rec, err
		}
		if c.web.In.Buffered() == 0 {
			c.web.In.Release()
		}
		c.waited = true
		if !c.busy.Load() && c.web.In.Buffered() > 0 && stall(c.awaited.Load()&(1<<stallBits-1)) == aRequest {
			c.awaits(aHeader, time.Now()) // a part of its first record is here
		}
		if err := c.holdBuffer(); err != nil {
			return fcgi.Record{}, err
		}
		if err := c.fill(); err != nil {
			if !c.wasMeant(err) {
				c.stay()
				continue
			}
			if c.web.In.Buffered() > 0 {
				err = noEOF(err)
			}
			return fcgi.Record{}, err
		}
	}
}

// holdBuffer has the memory for requests know of the buffer of a long record that is
// waited for.
func (c *webConn) holdBuffer() error {
	holds := int64(0)
	if n := c.web.In.Held(); n > fcgi.SmallBuffer {
		holds = int64(n)
	}
	if holds == c.memory {
		return nil
	}
	c.s.memory.give(c.memory)
	if c.memory = holds; holds > 0 && !c.s.memory.take(int(holds)) {
		c.memory = 0
		return refuse(causeMemory, "a part of a long record has come: %w", errMemory)
	}
	return nil
}

// bodyRecord is record within a body, where the web server may be silent for body_timeout
// at the most.
func (c *webConn) bodyRecord() (fcgi.Record, error) {
	if rec, ok, err := c.web.In.Next(); ok || err != nil {
		return rec, err
	}
	c.awaits(aBody, time.Now())
	rec, err := c.record()
	c.awaitsNothing()
	return rec, err
}

func (c *webConn) begin(rec fcgi.Record) (*request, error) {
	b, err := fcgi.ParseBegin(rec.Content)
	if err != nil {
		return nil, err
	}
	c.busy.Store(true)
	if c.s.life.now().leaves() {
		c.stay()
	}
	c.keep = b.KeepConn
	if b.Role != fcgi.RoleResponder && b.Role != fcgi.RoleAuthorizer {
		c.busy.Store(false)
		err := c.refuseRole(rec.ID, b.Role)
		if err == nil && !c.keep {
			err = io.EOF
		}
		return nil, err
	}
	now := time.Now()
	c.awaits(aHeader, now)
	rq := newRequest(c, rec.ID, now)
	if b.Role == fcgi.RoleAuthorizer {
		rq.authorizes, rq.body.ended = true, true // it has no body, nor its end
	}
	return rq, nil
}

// refuseRole answers a request for a role that realdocd does not have, with a complete
// refusal.
func (c *webConn) refuseRole(id uint16, role uint16) error {
	c.s.roles.event(c.s.log.Error(), time.Now()).Uint16("role", role).
		Msg("the web server asks for a FastCGI role that is not the responder's nor the authorizer's: it got a 403")
	const text = "Status: 403 Forbidden\r\nContent-Type: text/plain; charset=utf-8\r\nCache-Control: no-store\r\n\r\n403 Forbidden\n"
	out := fcgi.AppendStream(nil, fcgi.Stdout, id, []byte(text))
	out = fcgi.AppendHeader(out, fcgi.Stdout, id, 0)
	return c.write(fcgi.AppendEnd(out, id, 0, fcgi.UnknownRole))
}

// refuseSecond answers a request that begins while another is under way on the
// same connection.
func (c *webConn) refuseSecond(id uint16) error {
	if err := c.countJunk(2 * fcgi.HeaderLen); err != nil {
		return err
	}
	return c.write(fcgi.AppendEnd(c.small[:0], id, 0, fcgi.CantMpxConn))
}

// manage answers a management record (section 4).
func (c *webConn) manage(rec fcgi.Record) error {
	if err := c.countJunk(len(rec.Raw)); err != nil {
		return err
	}
	if rec.Type != fcgi.GetValues {
		return c.write(fcgi.AppendUnknownType(c.small[:0], rec.Type))
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

func noEOF(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}
