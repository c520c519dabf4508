package trial

import (
	"fmt"
	"sync"
	"sync/atomic"

	"realdocd/deploy"
	"realdocd/gateway/control"
)

// A Set has the trials of a site, by docroot. Of a site that has none, a request loads one
// pointer. The zero value is an empty one.
type Set struct {
	now atomic.Pointer[map[string]*Trial] // never changed, but replaced; nil for none
	mu  sync.Mutex                        // held by whoever replaces it
}

// Of is the trial of a docroot; nil for none.
func (s *Set) Of(docroot string) *Trial {
	now := s.now.Load()
	if now == nil {
		return nil
	}
	return (*now)[docroot]
}

// Add adds a trial that is to Run, which leaves when it ends. If the docroot has one, Add gives that
// instead.
func (s *Set) Add(t *Trial) (has *Trial) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if has := s.Of(t.Docroot); has != nil {
		return has
	}
	t.in = s
	s.replaceLocked(func(all map[string]*Trial) { all[t.Docroot] = t })
	return nil
}

func (s *Set) remove(t *Trial) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.Of(t.Docroot) == t {
		s.replaceLocked(func(all map[string]*Trial) { delete(all, t.Docroot) })
	}
}

func (s *Set) replaceLocked(change func(map[string]*Trial)) {
	next := map[string]*Trial{}
	if now := s.now.Load(); now != nil {
		for docroot, t := range *now {
			next[docroot] = t
		}
	}
	change(next)
	if len(next) == 0 {
		s.now.Store(nil)
		return
	}
	s.now.Store(&next)
}

// All are those that run.
func (s *Set) All() (all []*Trial) {
	if now := s.now.Load(); now != nil {
		for _, t := range *now {
			all = append(all, t)
		}
	}
	return all
}

// Status is what a status has of them.
func (s *Set) Status() (all []control.TrialStatus) {
	for _, t := range s.All() {
		all = append(all, t.Status())
	}
	return all
}

// Flipped ends the trial of a docroot of which another release has gone live. Word of what made the live
// release of a canary live may come when that has begun already, from whoever has looked at the link first.
func (s *Set) Flipped(docroot string, live *deploy.Release) {
	t := s.Of(docroot)
	switch {
	case t == nil:
	case t.Plan.Kind == control.KindBake && live.Path == t.Candidate.Path:
	case t.Plan.Kind == control.KindCanary && live.Path == t.Live.Path:
	case live.Path == t.Candidate.Path:
		t.End("flip", "the release has gone live")
	default:
		t.End("flip", fmt.Sprintf("another release has gone live: %s", live.Path))
	}
}
