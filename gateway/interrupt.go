package gateway

import (
	"time"

	"realdocd/gateway/fpm"
)

// cut ends the connection and a request on it, which may still say why.
func (c *webConn) cut() {
	c.web.SetWriteDeadline(time.Now().Add(cutGrace))
	c.endWaitAt(past)
	c.interrupt()
}

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
