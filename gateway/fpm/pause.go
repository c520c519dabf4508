package fpm

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// A pause is whether a pool gives places, and why not. One value has all of it, so that
// a drain that fails can undo its own pause, and neither one that was there before nor
// one that came while it waited. The pool's mutex guards it.
//
//	open      gives places
//	draining  gives none: drains wait until nothing runs. The last of them to fail opens
//	          the pool again; the first to succeed makes it paused
//	paused    gives none until it is resumed; drains may wait too
type pause struct {
	state   pauseState
	drains  int           // that wait
	resumed chan struct{} // closed by the next resume; made by the first drain
}

type pauseState int

const (
	open pauseState = iota
	draining
	paused
)

// holds says whether requests have to wait.
func (ps *pause) holds() bool { return ps.state != open }

// beginDrain counts a drain that waits, and gives what ends with a resume.
func (ps *pause) beginDrain() (resumed <-chan struct{}) {
	if ps.state == open {
		ps.state = draining
	}
	if ps.resumed == nil {
		ps.resumed = make(chan struct{})
	}
	ps.drains++
	return ps.resumed
}

// resume opens the pool and fails the drains that wait.
func (ps *pause) resume() {
	if ps.resumed != nil {
		close(ps.resumed)
	}
	*ps = pause{}
}

// ErrResumed is a drain of a pool that was resumed meanwhile.
var ErrResumed = errors.New("it was resumed while it drained")

// A DrainError is a drain that did not come to its end.
type DrainError struct {
	// Paused says that the pool stays paused, for somebody else; otherwise it was
	// resumed.
	Paused bool
	// Running are the requests that were left, Kept the connections to FPM.
	Running, Kept int
	// Workers are those of FPM that still ran a script at the last look, and Unknown why
	// FPM did not tell; nil if it did, or could not be asked.
	Workers []Worker
	Unknown error
	cause   error
}

func (e *DrainError) Error() string {
	return fmt.Sprintf("requests that run %d, connections kept %d: %v", e.Running, e.Kept, e.cause)
}

// Unwrap is why the wait ended: the error of its context.
func (e *DrainError) Unwrap() error { return e.cause }

// Pause has new requests wait in the queue, within its limits, until Resume. Requests
// that run go on. Connections that are kept are closed.
func (p *Pool) Pause() {
	p.mu.Lock()
	p.pause.state = paused
	idle := p.takeAllKeptLocked()
	p.mu.Unlock()
	endAll(idle)
}

// Resume lets requests in again, and fails the drains that wait, with [ErrResumed].
func (p *Pool) Resume() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.pause.resume()
	p.changedLocked()
}

// Drain pauses the pool and returns when nothing runs in it, and nothing of what FPM's
// status tells, if that is configured: a script may run on after its request. If ctx ends
// first the pool is as it was before, and the error is a *[DrainError].
func (p *Pool) Drain(ctx context.Context) error {
	p.mu.Lock()
	resumed := p.pause.beginDrain()
	idle := p.takeAllKeptLocked()
	drained := p.drainedLocked()
	p.mu.Unlock()
	endAll(idle)
	var workers []Worker
	var unknown error
	select {
	case <-drained:
		workers, unknown = p.awaitWorkers(ctx, resumed)
	case <-resumed:
	case <-ctx.Done():
	}
	err := p.endDrain(resumed, ctx.Err())
	if failed := (*DrainError)(nil); errors.As(err, &failed) {
		failed.Workers, failed.Unknown = workers, unknown
	}
	return err
}

// asksWorkersEvery is how often FPM is asked while a drain waits for its workers.
const asksWorkersEvery = 50 * time.Millisecond

// awaitWorkers waits until FPM's status names no worker that runs a script. It returns
// those of the last look, or why FPM does not tell, if it could not wait any longer.
func (p *Pool) awaitWorkers(ctx context.Context, resumed <-chan struct{}) (left []Worker, unknown error) {
	tick := time.NewTicker(asksWorkersEvery)
	defer tick.Stop()
	for c := p.Config(); c.StatusServer != ""; {
		asking, cancel := context.WithTimeout(ctx, askWorkersTimeout)
		workers, err := AskWorkers(asking, c.StatusServer, c.StatusPath)
		cancel()
		switch {
		case err == nil:
			left, unknown = Busy(workers), nil
			if len(left) == 0 {
				return nil, nil
			}
		case ctx.Err() == nil:
			left, unknown = nil, err
		}
		select {
		case <-tick.C:
		case <-resumed:
			return left, unknown
		case <-ctx.Done():
			return left, unknown
		}
	}
	return nil, nil
}

// Busy are the workers that may run a script.
func Busy(workers []Worker) (busy []Worker) {
	for _, w := range workers {
		if w.State != "Idle" && w.State != "Reading headers" && w.Script != "" && w.Script != "-" {
			busy = append(busy, w)
		}
	}
	return busy
}

// drainedLocked is closed when nothing runs.
func (p *Pool) drainedLocked() <-chan struct{} {
	if p.drained == nil {
		p.drained = make(chan struct{})
	}
	drained := p.drained
	if p.running == 0 {
		close(p.drained)
		p.drained = nil
	}
	return drained
}

// endDrain says how a drain has ended. cause is why its caller waits no more; nil if the
// caller does.
func (p *Pool) endDrain(resumed <-chan struct{}, cause error) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	select {
	case <-resumed:
		return ErrResumed
	default:
	}
	p.pause.drains--
	if cause == nil {
		p.pause.state = paused
		return nil
	}
	failed := &DrainError{Running: p.running, cause: cause}
	for _, l := range p.listeners {
		failed.Kept += len(l.kept)
	}
	failed.Paused = p.pause.state == paused || p.pause.drains > 0
	if !failed.Paused {
		p.pause.resume()
		p.changedLocked()
	}
	return failed
}
