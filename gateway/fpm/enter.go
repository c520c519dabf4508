package fpm

import (
	"slices"
	"time"

	"realdocd/gateway/sock"
)

// A Client is the request that wants a place.
type Client interface {
	// WaitFor says what the request waits for from now on; nil is nothing. Until
	// the next call another goroutine may interrupt that.
	WaitFor(Interruptible)
	// Ended is why the request cannot go on; nil while it can. After an
	// interruption it is not nil.
	Ended() error
}

// An Interruptible wait is ended by another goroutine.
type Interruptible interface{ Interrupt() }

// A Want is what a request asks of a pool.
type Want struct {
	// By is the request.
	By Client
	// Flow is whose turn it counts for.
	Flow Flow
	// Limit bounds the requests of the flow in FPM at once; 0 sets no bound.
	Limit int
	// Reusable says that the request may go over a kept connection and leave its
	// own to be kept: it has no body, and it goes out in one write.
	Reusable bool
	// First is for a warm-up, on which a way back may depend: it goes before those
	// who wait, also in a pool that is paused, and waits for as long as its client.
	First bool
	// At is the listener that it wants; "" is any. It goes to no other.
	At sock.Addr
}

// Enter gives the request a place, and waits in the queue for one while all are taken
// or the pool is paused: for at most queue_timeout, and no longer than the request can
// go on. The error is a *[Refusal], or what [Client.Ended] says.
func (p *Pool) Enter(pl *Place, want Want) error {
	pl.begin(p, want)
	p.mu.Lock()
	if (p.hasRoomLocked() && !p.isFullLocked(want) && !p.isBehindLocked() || want.First && p.hasPlaceLocked()) && p.Total.takeLocked(p) {
		p.admitLocked(pl)
		p.mu.Unlock()
		pl.Queued = time.Now()
		pl.Entered = pl.Queued
		return nil
	}
	var w, pushedOut *waiter
	if want.First {
		w = &waiter{pool: p, place: pl, since: time.Now(), done: make(chan error, 1)}
		p.ahead = append(p.ahead, w)
	} else {
		w, pushedOut = p.enqueueLocked(pl)
		if p.Total.bounds() {
			p.giveLocked()
		}
	}
	p.reportLocked()
	p.mu.Unlock()
	if pushedOut != nil {
		pushedOut.done <- errQueueFull
	}
	if w == nil {
		return p.refusal(errQueueFull, want)
	}
	return p.await(w)
}

// isBehindLocked says whether others wait for a place of the total, who were here before.
func (p *Pool) isBehindLocked() bool { return p.queue.len > 0 && p.Total.bounds() }

// isFullLocked says whether the request's flow has as many in FPM as it may have.
func (p *Pool) isFullLocked(want Want) bool {
	f := p.queue.flows[want.Flow]
	return want.Limit > 0 && f != nil && f.running >= want.Limit
}

// admitLocked gives the request a place in the least busy listener.
func (p *Pool) admitLocked(pl *Place) {
	p.running++
	p.requests++
	pl.held = true
	if p.Config().MaxConns != 0 || pl.want.Limit > 0 || p.Total.bounds() {
		pl.flow = p.queue.flow(pl.want.Flow)
		p.queue.bound(pl.flow, pl.want.Limit)
		p.queue.count(pl.flow, 1)
	}
	p.assignLocked(pl, nil)
}

// enqueueLocked puts the request into the queue; w is nil if there is no room for it.
// pushedOut had to go for it.
func (p *Pool) enqueueLocked(pl *Place) (w, pushedOut *waiter) {
	p.wantLocked()
	f := p.queue.flow(pl.want.Flow)
	p.queue.bound(f, pl.want.Limit)
	if limit := p.Config().Queue; p.queue.len >= limit {
		if limit > 0 {
			pushedOut = p.queue.newestOfLongest(f)
		}
		p.refused++
		if pushedOut == nil {
			p.queue.forget(f)
			return nil, nil
		}
		p.queue.take(pushedOut)
	}
	w = &waiter{pool: p, flow: f, place: pl, since: time.Now(), done: make(chan error, 1)}
	p.queue.push(w)
	return w, pushedOut
}

// await waits for the waiter's turn.
func (p *Pool) await(w *waiter) error {
	pl := w.place
	by := pl.want.By
	pl.Queued = w.since
	defer func() { pl.Entered = time.Now() }()
	by.WaitFor(w)
	defer by.WaitFor(nil)
	if by.Ended() != nil {
		w.Interrupt()
	}
	var late <-chan time.Time
	if !pl.want.First {
		timer := time.NewTimer(p.Config().QueueTimeout)
		defer timer.Stop()
		late = timer.C
	}
	var err error
	select {
	case err = <-w.done:
	case <-late:
		w.withdraw(errQueueTimeout)
		err = <-w.done
	}
	if ended := by.Ended(); ended != nil {
		return ended
	}
	if err != nil {
		return p.refusal(err, pl.want)
	}
	return nil
}

// withdraw takes the waiter out of the queue, unless its turn has come.
func (w *waiter) withdraw(err error) {
	p := w.pool
	p.mu.Lock()
	waits := w.in != nil || slices.Contains(p.ahead, w)
	if waits {
		p.dropLocked(w)
		if err != errInterrupted {
			p.refused++
		}
		p.reportLocked()
	}
	p.mu.Unlock()
	if waits {
		w.done <- err
	}
}

// Interrupt ends the wait. Any goroutine may call it.
func (w *waiter) Interrupt() { w.withdraw(errInterrupted) }
