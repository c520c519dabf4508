package gateway

import (
	"fmt"
	"sync"
	"sync/atomic"

	"realdocd/deploy"
	"realdocd/gateway/control"
)

// trials are those of a site, by docroot. They outlive a reload. Of a site that has none, a
// request loads one pointer.
type trials struct {
	now atomic.Pointer[map[string]*trial] // never changed, but replaced; nil for none
	mu  sync.Mutex                        // held by whoever replaces it
}

// of is the trial of a docroot; nil for none.
func (ts *trials) of(docroot string) *trial {
	now := ts.now.Load()
	if now == nil {
		return nil
	}
	return (*now)[docroot]
}

// add begins a trial, unless the docroot has one.
func (ts *trials) add(t *trial) error {
	ts.mu.Lock()
	defer ts.mu.Unlock()
	if has := ts.of(t.docroot); has != nil {
		return fmt.Errorf("release %s is tried already (%s): end that first, with realdocd canary %s --abort", has.candidate.Path, has.plan.Kind, t.st.Name)
	}
	ts.replace(func(all map[string]*trial) { all[t.docroot] = t })
	return nil
}

func (ts *trials) remove(t *trial) {
	ts.mu.Lock()
	defer ts.mu.Unlock()
	if ts.of(t.docroot) == t {
		ts.replace(func(all map[string]*trial) { delete(all, t.docroot) })
	}
}

func (ts *trials) replace(change func(map[string]*trial)) {
	next := map[string]*trial{}
	if now := ts.now.Load(); now != nil {
		for docroot, t := range *now {
			next[docroot] = t
		}
	}
	change(next)
	if len(next) == 0 {
		ts.now.Store(nil)
		return
	}
	ts.now.Store(&next)
}

// all are those that run.
func (ts *trials) all() (all []*trial) {
	if now := ts.now.Load(); now != nil {
		for _, t := range *now {
			all = append(all, t)
		}
	}
	return all
}

// status is what a status has of them.
func (ts *trials) status() (all []control.TrialStatus) {
	for _, t := range ts.all() {
		all = append(all, t.Status())
	}
	return all
}

// flipped ends the trial of a docroot of which another release has gone live.
func (ts *trials) flipped(docroot string, live *deploy.Release) {
	t := ts.of(docroot)
	switch {
	case t == nil:
	case t.plan.Kind == control.KindBake && live.Path == t.candidate.Path:
	case live.Path == t.candidate.Path:
		t.ends("flip", "the release has gone live")
	default:
		t.ends("flip", fmt.Sprintf("another release has gone live: %s", live.Path))
	}
}
