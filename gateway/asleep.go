package gateway

import (
	"errors"
	"os"
	"time"
)

// A connection that has been without a request for a while is asleep: no goroutine serves
// it, and sock.Watcher, which watches it anyway, wakes it when something comes. A goroutine
// has a stack, and thousands of connections may wait. Whoever ends the wait of a connection
// wakes it (webConn.endWaitAt): what happens to it then happens in the goroutine that
// serves it, asleep or not.

// sleepsAfter is how long a connection has been without a request when it falls asleep. A
// connection in use never does: to fall asleep and wake up takes a request some 5 µs.
const sleepsAfter = 500 * time.Millisecond

// crowded is how many connections are awake when a new one begins asleep, and one that has
// had its request sleeps at once. A web server that opens so many keeps them, and most of
// them wait.
const crowded = 256

// errAsleep is a wait for a request that has ended because the connection falls asleep.
var errAsleep = errors.New("the connection falls asleep")

// An idleness is where a connection is in a wait for the next request. The goroutine that
// serves changes it, but for asked: that and the deadline come together, under webConn.mu.
const (
	notIdle int32 = iota
	idle          // the goroutine waits for the first byte of a request
	asked         // and has been asked to end
)

// fill waits for more from the web server. It is errAsleep if the connection is to fall
// asleep.
func (c *webConn) fill() error {
	if c.busy.Load() || c.web.In.Buffered() > 0 || c.errand != nil {
		return c.web.Fill()
	}
	c.idleness.Store(idle)
	err := c.web.Fill()
	if c.idleness.CompareAndSwap(idle, notIdle) {
		return err
	}
	c.mu.Lock() // askToSleep has set the deadline
	c.idleness.Store(notIdle)
	c.stay()
	c.mu.Unlock()
	switch {
	case c.s.life.now().leaves():
		c.web.SetReadDeadline(c.s.idleUntil()) // what stay has undone
	case c.lateFor() != nothing:
		c.web.SetReadDeadline(past)
	case errors.Is(err, os.ErrDeadlineExceeded):
		return errAsleep
	}
	return err
}

// askToSleep ends the wait for the next request, if the connection is in one.
func (c *webConn) askToSleep() {
	if c.idleness.Load() != idle {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.idleness.CompareAndSwap(idle, asked) {
		c.web.SetReadDeadline(past)
	}
}

// isTooMany says whether the connection is to sleep at once, since so many are awake.
func (c *webConn) isTooMany() bool {
	return c.s.awake.Load() > crowded && c.web.In.Buffered() == 0 && !c.busy.Load() && c.errand == nil
}

// fallAsleep gives the connection to the watcher, and its buffer back. If it returns true, somebody else may
// have begun to serve the connection already, or even have closed it.
func (c *webConn) fallAsleep() bool {
	c.web.In.Release()
	// Nobody else serves the connection before the watcher has it: its descriptor could
	// be another's.
	c.mu.Lock()
	err := c.s.hang.WatchInput(c.web)
	c.asleep = err == nil
	c.mu.Unlock()
	if err != nil {
		return false
	}
	c.s.awake.Add(-1)
	if c.s.life.now().leaves() || c.lateFor() != nothing || c.gone.Load() {
		return !c.rouse() // what came before it was asleep did not wake it
	}
	return true
}

// wake begins to serve a connection that is asleep.
func (c *webConn) wake() {
	if c.rouse() {
		go c.serve()
	}
}

// rouse says whether the connection was asleep. The caller serves it then.
func (c *webConn) rouse() (was bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if was, c.asleep = c.asleep, false; was {
		c.s.awake.Add(1)
		c.s.hang.IgnoreInput(c.web) // if it fails, the watcher tells of more than it need
	}
	return was
}

// Came is called when something comes on a connection that is asleep; see [sock.Watcher].
func (c *webConn) Came() { c.wake() }

// endWaitAt ends the wait for the web server at a time, which may be past.
func (c *webConn) endWaitAt(at time.Time) {
	c.web.SetReadDeadline(at)
	c.wake()
}
