package gateway

import (
	"fmt"
	"hash/fnv"
	"sync"
	"time"

	"realdocd/gateway/control"
	"realdocd/gateway/judge"
)

// A trial of many hosts has on each of them the same number, so that a visitor's pin holds on all,
// and is judged by whoever has begun it, by the figures of all.

// failing are the visitors of a trial for whom a class has failed, in the order in which they did.
type failing struct {
	mu  sync.Mutex // guards the following
	all []judge.Failing
}

// note notes one who has a pin, and was counted.
func (f *failing) note(candidate bool, class string, pin []byte) {
	if len(pin) == 0 {
		return // nobody would know him again
	}
	h := fnv.New64a()
	h.Write(pin)
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.all) < judge.MaxFailing {
		f.all = append(f.all, judge.Failing{Candidate: candidate, Class: class, Visitor: h.Sum64()})
	}
}

func (f *failing) noted() []judge.Failing {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.all[:len(f.all):len(f.all)]
}

// Figures are what the trial has come to here; for [control.Trial].
func (t *trial) Figures() string {
	// The visitors come first, so that each of them has been counted.
	f := judge.Figures{Run: t.counts, Failing: t.failing.noted(), Live: map[string]*judge.Sample{}, Candidate: map[string]*judge.Sample{}}
	t.arms[armLive].addTo(f.Live)
	t.arms[armCandidate].addTo(f.Candidate)
	for _, side := range []map[string]*judge.Sample{f.Live, f.Candidate} {
		for _, sample := range side {
			sample.Round() // one that is being counted may be there in part
		}
	}
	return f.Text()
}

// StepTrial begins a step of a trial that is judged elsewhere.
func (s *Server) StepTrial(name, docroot string, number uint16, step int) (control.TrialStatus, error) {
	st, docroot, err := s.site(name, docroot)
	if err != nil {
		return control.TrialStatus{}, err
	}
	t := st.trials.of(docroot)
	switch {
	case t == nil || !t.plan.Fleet || t.number != number:
		return control.TrialStatus{}, fmt.Errorf("site %s has no trial %d that is judged elsewhere", name, number)
	case step < 0 || step >= len(t.plan.Steps):
		return control.TrialStatus{}, fmt.Errorf("the trial has %d steps, and no step %d", len(t.plan.Steps), step)
	case t.Status().Step != step+1:
		t.setStep(step, time.Now().Add(t.plan.Every))
		t.tell(fmt.Sprintf("it goes on with %v %% of new visitors on all hosts", t.plan.Steps[step]))
	}
	return t.Status(), nil
}
