package trial

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"realdocd/deploy"
	"realdocd/gateway/control"
)

// A Trial tries one release of a docroot. One goroutine (Run) owns its figures and its end; a
// request reads what is atomic here, and adds to the arms.
type Trial struct {
	Docroot string
	// Plan has the number that stands in the pins of the trial's visitors.
	Plan            control.Plan
	Candidate, Live *deploy.Release

	owner  Owner
	in     *Set
	since  time.Time
	counts uint64 // stands for what this one counts: another trial of the number begins anew

	share    atomic.Uint32 // of new visitors that get the candidate, in hundredths of a percent
	visitors atomic.Int64  // that got it
	arms     [2]Window     // of the live release, and of the candidate
	counted  visitorSet
	failing  failing // of a trial whose figures others sum, too
	compare  *comparison

	end  chan end      // what is to end it; the first one does
	over chan struct{} // closed when it has ended

	mu     sync.Mutex // guards the following
	status control.TrialStatus
}

// An Owner has trials. It is told of them by their goroutines.
type Owner interface {
	// Tell writes down something that the trial has come to.
	Tell(t *Trial, text string)
	// Closes is called once, when the trial gets no new visitors any more, and before anybody
	// learns that it has ended: the owner lets the candidate's visitors go.
	Closes(t *Trial, ended string)
}

// The arms of a trial.
const (
	armLive = iota
	armCandidate
)

// An end is why a trial ends: a word of [control.TrialStatus], and a sentence.
type end struct{ ended, why string }

// Canary is a trial of a release that is not live, against the one that is. It runs once it is in a
// Set, with Run.
func Canary(o Owner, docroot string, p control.Plan, candidate, live *deploy.Release) *Trial {
	t := newTrial(o, docroot, p, candidate, live)
	t.compare = newComparison(t)
	return t
}

// Bake is a trial of a release that has gone live, against what was observed of another before.
func Bake(o Owner, docroot string, p control.Plan, live *deploy.Release, before *Window) *Trial {
	t := newTrial(o, docroot, p, live, before.release)
	t.compare = newComparison(t)
	t.compare.against(before)
	return t
}

func newTrial(o Owner, docroot string, p control.Plan, candidate, live *deploy.Release) *Trial {
	for p.Number == 0 {
		p.Number = uint16(rand.Uint32())
	}
	now := time.Now()
	t := &Trial{
		Docroot: docroot, Plan: p, Candidate: candidate, Live: live, owner: o, since: now, counts: rand.Uint64(),
		end: make(chan end, 8), over: make(chan struct{}),
	}
	for i, r := range []*deploy.Release{live, candidate} {
		t.arms[i].release, t.arms[i].since, t.arms[i].began = r, now, now
	}
	t.status = control.TrialStatus{
		Kind: p.Kind, Docroot: docroot, Release: candidate.Path, Live: live.Path, Since: now, Manual: p.Manual, Fleet: p.Fleet, Number: p.Number, Steps: len(p.Steps), StepEnds: now.Add(p.Every),
	}
	if !p.Fleet {
		t.setStep(p.Step, now.Add(p.Every))
	}
	return t
}

// setStep shows a step, and gives its share to new visitors.
func (t *Trial) setStep(step int, ends time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.status.StepEnds = ends
	if t.Plan.Kind == control.KindCanary {
		t.status.Step, t.status.Percent = step+1, t.Plan.Steps[step]
		t.share.Store(uint32(t.Plan.Steps[step]*100 + 0.5))
	}
}

// Step begins a step of a trial that is judged elsewhere, if it is another one.
func (t *Trial) Step(step int) error {
	switch {
	case step < 0 || step >= len(t.Plan.Steps):
		return fmt.Errorf("the trial has %d steps, and no step %d", len(t.Plan.Steps), step)
	case t.Status().Step != step+1:
		t.setStep(step, time.Now().Add(t.Plan.Every))
		t.owner.Tell(t, fmt.Sprintf("it goes on with %v %% of new visitors on all hosts", t.Plan.Steps[step]))
	}
	return nil
}

// Percent is the share of new visitors that get the candidate.
func (t *Trial) Percent() float64 { return float64(t.share.Load()) / 100 }

// Draw draws for a new visitor of a canary: drawn is false if nobody is drawn now, and
// candidate says that he gets the release that is tried.
func (t *Trial) Draw() (drawn, candidate bool) {
	share := t.share.Load()
	return share > 0, rand.Uint32N(100_00) < share
}

// TookVisitor counts a visitor who has entered the candidate by a draw.
func (t *Trial) TookVisitor() { t.visitors.Add(1) }

// Status is the trial now; for [control.Trial].
func (t *Trial) Status() control.TrialStatus {
	t.mu.Lock()
	defer t.mu.Unlock()
	st := t.status
	st.Visitors, st.Requests = t.visitors.Load(), t.arms[armCandidate].requests()
	return st
}

// Remaining is the plan by which another process goes on with the trial; ok is false if it ends
// with the command that has begun it, or has ended.
func (t *Trial) Remaining() (p control.Plan, ok bool) {
	st := t.Status()
	p = t.Plan
	p.Every = max(time.Until(st.StepEnds), time.Second)
	return p, p.Manual && st.Ended == ""
}
