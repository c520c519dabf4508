package gateway

import (
	"errors"
	"os"
	"time"
)

// past is a deadline that ends a wait at once.
var past = time.Unix(1, 0)

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
