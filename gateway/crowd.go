package gateway

import (
	"sync/atomic"

	"golang.org/x/sys/unix"
)

// A crowd counts the connections that one listener has accepted, so that nobody who
// connects to it can use up the descriptors of the others. A nil crowd has room for all.
type crowd struct{ now atomic.Int64 }

// enter counts a connection in; false if there are as many as may be.
func (c *crowd) enter(most int) bool {
	if c == nil {
		return true
	}
	if c.now.Add(1) <= int64(most) {
		return true
	}
	c.now.Add(-1)
	return false
}

func (c *crowd) leave() {
	if c != nil {
		c.now.Add(-1)
	}
}

// leastConnections is the smallest bound that is chosen by itself.
const leastConnections = 64

// maxConnections is the bound of one of so many listeners: max_connections, or its share
// of three fifths of the descriptors that the process may have. A request takes a
// descriptor for the connection to FPM too, and perhaps one for its spooled body.
func (c *Config) maxConnections(listeners int) int {
	if c.MaxConnections > 0 {
		return c.MaxConnections
	}
	var limit unix.Rlimit
	if unix.Getrlimit(unix.RLIMIT_NOFILE, &limit) != nil {
		limit.Cur = 1024
	}
	return max(leastConnections, int(min(limit.Cur, 1<<20))*3/5/max(listeners, 1))
}
