package gateway

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"realdocd/deploy"
	"realdocd/gateway/control"
	"realdocd/gateway/fpm"
)

// A site's holds have new requests of a docroot wait before they enter a release, so that
// they get the one that is live when they are let go. What is held is counted into the
// limits of the pool's queue, but takes no place of other sites there. Of a site that has
// none, a request loads one counter.
//
// Whoever holds sets the hold first and counts then who is inside. A request enters first
// and looks then for a hold, and leaves again if there is one. So one of them sees the other.
type holds struct {
	count   atomic.Int32 // holds that there are, of all docroots
	waiting atomic.Int64 // requests that are held

	mu  sync.Mutex // guards the following
	all []*hold
}

// A hold is of one docroot.
type hold struct {
	docroot string
	over    chan struct{} // closed when it lets go
}

// begin holds a docroot, until end.
func (hs *holds) begin(docroot string) *hold {
	h := &hold{docroot, make(chan struct{})}
	hs.mu.Lock()
	defer hs.mu.Unlock()
	hs.all = append(hs.all, h)
	hs.count.Add(1)
	return h
}

func (hs *holds) end(h *hold) {
	hs.mu.Lock()
	defer hs.mu.Unlock()
	hs.all = slices.DeleteFunc(hs.all, func(other *hold) bool { return other == h })
	hs.count.Add(-1)
	close(h.over)
}

// of is a hold of the docroot; nil for none.
func (hs *holds) of(docroot string) *hold {
	if hs.count.Load() == 0 {
		return nil
	}
	hs.mu.Lock()
	defer hs.mu.Unlock()
	for _, h := range hs.all {
		if h.docroot == docroot {
			return h
		}
	}
	return nil
}

// Hold has new requests of a docroot wait, and returns when none runs in any of its
// releases, nor a script behind its request. Commands of realdocd exec are not waited for.
// The caller calls letGo, once. If ctx ends first nothing is held, and left is who runs.
func (s *Server) Hold(ctx context.Context, name, docroot string) (letGo func(), left []control.Occupant, err error) {
	st, docroot, err := s.site(name, docroot)
	if err != nil {
		return nil, nil, err
	}
	h := st.holds.begin(docroot)
	s.log.Info().Str("site", st.Name).Str("docroot", docroot).Msg("new requests are held")
	letGo = func() {
		s.log.Info().Str("site", st.Name).Str("docroot", docroot).Int64("held", st.holds.waiting.Load()).Msg("requests are let go")
		st.holds.end(h)
	}
	tick := time.NewTicker(drainEvery)
	defer tick.Stop()
	var why error
	for {
		now, err := s.runningIn(ctx, st, docroot)
		switch {
		case err == nil && len(now) == 0:
			return letGo, nil, nil
		case err == nil:
			left, why = now, nil
		case ctx.Err() == nil:
			why = err
		}
		select {
		case <-ctx.Done():
			letGo()
			return nil, left, errors.Join(why, ctx.Err())
		case <-tick.C:
		}
	}
}

// runningIn are the requests that run in the releases of a docroot, and the scripts that
// have outlived theirs.
func (s *Server) runningIn(ctx context.Context, st *site, docroot string) (left []control.Occupant, err error) {
	inside := s.occupants(time.Now())
	var releases []string
	for _, r := range st.releases.Releases(docroot) {
		commands, before := int64(0), len(left)
		for _, o := range inside[r.Docroot] {
			if o.Kind == "command" {
				commands++
			} else {
				left = append(left, o)
			}
		}
		if r.Inside > commands && len(left) == before {
			left = append(left, control.Occupant{Kind: "request"}) // on its way in or out
		}
		older, err := s.predecessor.leftBefore(ctx, st.Name, docroot, r.Path)
		if err != nil {
			return left, err
		}
		left = append(left, slices.DeleteFunc(older, func(o control.Occupant) bool { return o.Kind == "command" })...)
		releases = append(releases, r.Path)
	}
	if len(left) > 0 {
		return left[:min(len(left), maxOccupants)], nil
	}
	return workersIn(ctx, st.pool.Config(), releases...)
}

// A heldWait is a request that is held.
type heldWait struct {
	interrupted chan struct{}
	once        sync.Once
}

// Interrupt ends the wait; for [fpm.Interruptible].
func (w *heldWait) Interrupt() { w.once.Do(func() { close(w.interrupted) }) }

// awaitHold waits while the request is held, within the limits of the queue of its pool.
// It says whether it has waited: then the release that was entered is not the one to run on.
func (rq *request) awaitHold() (held bool, err error) {
	st := rq.site
	if st.holds.count.Load() == 0 || rq.conn.errand != nil {
		return false, nil
	}
	h := st.holds.of(rq.docroot)
	if h == nil {
		return false, nil
	}
	rq.visit.Withdraw()
	rq.visit = deploy.Visit{}
	rq.unsent.Store(rq.body.ended && rq.mayPersist()) // as in the queue, it waits without its web server
	limits := rq.pool.Config()
	defer st.holds.waiting.Add(-1)
	if st.holds.waiting.Add(1) > int64(limits.Queue) {
		return false, refuse(causeQueueFull, "site %s: %d requests are held already, by a flip with a command", st.Name, limits.Queue)
	}
	w := &heldWait{interrupted: make(chan struct{})}
	rq.WaitFor(w)
	defer rq.WaitFor(nil)
	if err := rq.Ended(); err != nil {
		return false, err
	}
	late := time.NewTimer(limits.QueueTimeout)
	defer late.Stop()
	select {
	case <-h.over:
		rq.waited = true // it gets the release of now
		return true, nil
	case <-late.C:
		return false, refuse(causeQueueTimeout, "site %s: the request was held for queue_timeout (%s), by a flip with a command", st.Name, limits.QueueTimeout)
	case <-w.interrupted:
		if err := rq.Ended(); err != nil {
			return false, err
		}
		return false, errClientGone
	}
}

var _ fpm.Interruptible = (*heldWait)(nil)
