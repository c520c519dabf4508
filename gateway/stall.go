package gateway

import (
	"errors"
	"os"
	"slices"
	"time"
)

// What a connection waits for from its web server, if it waits, and since when, is one
// number, so that an ordinary request sets it with one store. One goroutine looks at all
// of them (Server.watchStalls), and ends those that have waited for too long.
type stall int64

const (
	nothing   stall = iota
	aRequest        // no request has begun
	aHeader         // the rest of a request's params
	aBody           // the next part of a body
	anyMore         // nobody waits for the web server: the upload is over
	stallBits = 3
)

// awaits says what the connection waits for from now on.
func (c *webConn) awaits(what stall, now time.Time) {
	c.awaited.Store(sinceEpoch(now).Milliseconds()<<stallBits | int64(what))
}

// awaitsNothing says that the connection does not wait for its web server.
func (c *webConn) awaitsNothing() { c.awaited.Store(0) }

// lateFor is what the connection has waited for too long for; nothing if it has not.
func (c *webConn) lateFor() stall { return stall(c.late.Load()) }

// stallLimits are how long each wait may be; 0 sets no bound.
type stallLimits [anyMore]time.Duration

// hurriedStall is for how long a web server may be silent within a request while
// somebody waits for requests to end: a drain, an upgrade, a stop.
const hurriedStall = 2 * time.Second

func (s *Server) stallLimits() stallLimits {
	c := &s.setup.Load().cfg
	limits := stallLimits{aRequest: c.IdleTimeout, aHeader: c.HeaderTimeout, aBody: c.BodyTimeout}
	if s.drains.Load() > 0 || s.life.now().leaves() {
		for _, what := range []stall{aHeader, aBody} {
			if limits[what] == 0 || limits[what] > hurriedStall {
				limits[what] = hurriedStall
			}
		}
	}
	return limits
}

const (
	slowestStallLook = time.Second           // between two looks at all connections
	fastestStallLook = 20 * time.Millisecond // if a limit is short
)

// watchStalls ends waits for web servers that last for too long, and lets connections fall
// asleep. It ends with the last
// request.
func (s *Server) watchStalls() {
	for {
		limits := s.stallLimits()
		every := slowestStallLook
		for _, limit := range limits {
			if limit > 0 {
				every = min(every, max(limit/4, fastestStallLook))
			}
		}
		select {
		case <-s.empty:
			return
		case now := <-time.After(every):
			s.endStalled(s.stallLimits(), now)
		}
	}
}

func (s *Server) endStalled(limits stallLimits, now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.conns {
		seen := c.awaited.Load()
		what, waits := stall(seen&(1<<stallBits-1)), sinceEpoch(now)-time.Duration(seen>>stallBits)*time.Millisecond
		if what != nothing && limits[what] > 0 && waits >= limits[what] {
			c.endWait(seen, what)
		} else if what == aRequest && waits >= sleepsAfter && !s.life.now().leaves() {
			c.askToSleep()
		}
	}
}

// endIdlest ends the wait of connections that have been without a request for longest,
// so many at the most. It returns how many it was.
func (s *Server) endIdlest(n int) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	var idle []int64
	for c := range s.conns {
		if seen := c.awaited.Load(); stall(seen&(1<<stallBits-1)) == aRequest && c.lateFor() == nothing && c.errand == nil {
			idle = append(idle, seen)
		}
	}
	if len(idle) == 0 {
		return 0
	}
	slices.Sort(idle)
	last, ended := idle[min(n, len(idle))-1], 0
	for c := range s.conns {
		if seen := c.awaited.Load(); seen <= last && stall(seen&(1<<stallBits-1)) == aRequest && ended < n {
			c.endWait(seen, aRequest)
			ended++
		}
	}
	return ended
}

// endWait ends a wait that was seen, unless it has ended meanwhile.
func (c *webConn) endWait(seen int64, what stall) {
	if !c.late.CompareAndSwap(int64(nothing), int64(what)) {
		return
	}
	c.endWaitAt(past)
	if c.awaited.Load() != seen {
		c.late.Store(int64(nothing))
		c.stay()
	}
}

// wasMeant says whether a read that a deadline has ended was to end: by endIdle, cut,
// endWait, or endReads. The other case is a wait that ended by itself just when it was to be ended.
func (c *webConn) wasMeant(err error) bool {
	return !errors.Is(err, os.ErrDeadlineExceeded) || !c.busy.Load() || c.lateFor() != nothing || c.last.Load() != 0 || c.s.life.now() >= cutting
}
