package fpm

import (
	"errors"
	"fmt"
)

// A Reason is why a request got no place, or no connection.
type Reason int

// The reasons.
const (
	QueueFull    Reason = iota + 1 // more requests wait than the queue has room for
	QueueTimeout                   // no place became free within queue_timeout
	Down                           // no listener took the connection
	BacklogFull                    // FPM's backlog was full for all of connect_timeout
	OwnLimit                       // the daemon's own descriptors or memory have run out
)

// A Refusal is a request that got no place, or no connection. Its text is for operators.
type Refusal struct {
	Reason Reason
	err    error
}

func (r *Refusal) Error() string { return r.err.Error() }

// Unwrap gives the cause, for errors.Is.
func (r *Refusal) Unwrap() error { return r.err }

func refuse(why Reason, format string, args ...any) *Refusal {
	return &Refusal{why, fmt.Errorf(format, args...)}
}

var (
	errQueueFull    = errors.New("the queue is full")
	errQueueTimeout = errors.New("no place in time")
)

// ErrBacklogFull is a unix listener whose backlog is full. The kernel tells at once, and
// does not tell when there is room again.
var ErrBacklogFull = errors.New("the backlog of FPM is full: raise pm.max_children or listen.backlog")

// refusal says to the operator why there was no place.
func (p *Pool) refusal(why error, want Want) error {
	c := p.Config()
	p.mu.Lock()
	running, waiting, paused, limit := p.running, p.queue.len, p.pause.holds(), p.limitLocked()
	full := p.isFullLocked(want)
	p.mu.Unlock()
	state := fmt.Sprintf("pool %s: %d requests run, of at most %d", p.Name, running, limit)
	if p.Total.isFull() && (limit == 0 || running < limit) {
		state = fmt.Sprintf("pool %s: %d requests run, and all pools together have max_conns (%d) of them", p.Name, running, p.Total.Limit())
	}
	if full {
		state = fmt.Sprintf("site %s has all of its max_conns (%d) in pool %s", want.Flow.Site, want.Limit, p.Name)
	}
	if paused {
		state = fmt.Sprintf("pool %s is paused: realdocd resume %s", p.Name, p.Name)
	}
	if why == errQueueFull {
		return refuse(QueueFull, "%w: %s, and %d wait, of at most %d (queue)", why, state, waiting, c.Queue)
	}
	return refuse(QueueTimeout, "%w: waited for queue_timeout (%s); %s", why, c.QueueTimeout, state)
}
