package gateway

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"realdocd/deploy"
	"realdocd/gateway/control"
	"realdocd/gateway/judge"
)

// A trial compares a release that is new with another, while visitors use both (a canary) or
// after they all got it (a bake). It belongs to whoever has begun it: it ends with their
// connection, with a flip, with its verdict, and with this process; what it had decided for
// visitors ends with it. One goroutine (trial.run) owns its figures and its end; a request
// reads what is atomic here, and adds to the arms.
type trial struct {
	s       *Server
	st      *site
	docroot string
	plan    control.Plan
	number  uint16 // that stands in the pins of its visitors
	counts  uint64 // stands for what this one counts: another trial of the number begins anew
	since   time.Time

	candidate, live *deploy.Release

	share    atomic.Uint32 // of new visitors that get the candidate, in hundredths of a percent
	visitors atomic.Int64  // that got it
	arms     [2]observed   // of the live release, and of the candidate
	counted  visitorSet
	failing  failing // of a trial whose figures others sum, too

	end   chan trialEnd // what is to end it; the first one does
	over  chan struct{} // closed when it has ended
	ticks *time.Ticker

	mu     sync.Mutex // guards the following
	status control.TrialStatus
}

// The arms of a trial.
const (
	armLive = iota
	armCandidate
)

// A trialEnd is why a trial ends.
type trialEnd struct{ ended, why string }

// trialLooks is how often the figures are looked at. Tests shorten it.
var trialLooks = 2 * time.Second

func newTrial(s *Server, st *site, docroot string, p control.Plan, candidate, live *deploy.Release) *trial {
	now := time.Now()
	t := &trial{
		s: s, st: st, docroot: docroot, plan: p, number: p.Number, counts: rand.Uint64(), since: now, candidate: candidate, live: live,
		end: make(chan trialEnd, 8), over: make(chan struct{}), ticks: time.NewTicker(trialLooks),
	}
	for t.number == 0 {
		t.number = uint16(rand.Uint32())
	}
	for i, r := range []*deploy.Release{live, candidate} {
		t.arms[i].release, t.arms[i].since, t.arms[i].began = r, now, now
	}
	t.status = control.TrialStatus{
		Kind: p.Kind, Docroot: docroot, Release: candidate.Path, Live: live.Path, Since: now, Manual: p.Manual, Fleet: p.Fleet, Number: t.number, Steps: len(p.Steps), StepEnds: now.Add(p.Every),
	}
	if !p.Fleet {
		t.setStep(p.Step, now.Add(p.Every))
	}
	return t
}

// setStep shows a step, and gives its share to new visitors.
func (t *trial) setStep(step int, ends time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.status.StepEnds = ends
	if t.plan.Kind == control.KindCanary {
		t.status.Step, t.status.Percent = step+1, t.plan.Steps[step]
		t.share.Store(uint32(t.plan.Steps[step]*100 + 0.5))
	}
}

// Status is the trial now; for [control.Trial].
func (t *trial) Status() control.TrialStatus {
	t.mu.Lock()
	defer t.mu.Unlock()
	st := t.status
	st.Visitors, st.Requests = t.visitors.Load(), t.arms[armCandidate].requests()
	return st
}

// Over is closed when it has ended; for [control.Trial].
func (t *trial) Over() <-chan struct{} { return t.over }

// Leave ends it because whoever has begun it has left, and returns when it has ended; for
// [control.Trial].
func (t *trial) Leave() {
	t.ends("client", "the command that had begun it has ended")
	<-t.over
}

// ends has it end, if it has not ended. It does not wait.
func (t *trial) ends(ended, why string) {
	select {
	case t.end <- trialEnd{ended, why}:
	default: // it is about to
	}
}

// run looks at the figures until the trial ends.
func (t *trial) run(compare *comparison) {
	defer t.ticks.Stop()
	course := control.NewCourse(&t.plan, t.plan.Step, t.since)
	var end trialEnd
	for end.ended == "" {
		select {
		case <-t.s.empty:
			end = trialEnd{"daemon", "realdocd ends"}
		case end = <-t.end:
		case now := <-t.ticks.C:
			v := compare.look()
			if t.plan.Fleet {
				v = v.Sides()
			}
			t.mu.Lock()
			t.status.Verdict = v
			t.mu.Unlock()
			end = t.judged(v, course, now)
		}
	}
	t.finish(end)
}

// judged goes on by a verdict, or gives what ends the trial.
func (t *trial) judged(v judge.Verdict, course *control.Course, now time.Time) (end trialEnd) {
	switch {
	case t.plan.Fleet: // who has begun it judges
		return end
	case t.plan.Manual && now.Before(course.Ends()):
		return end
	case t.plan.Manual:
		return trialEnd{"time", fmt.Sprintf("nobody has decided within %s", t.plan.Every)}
	case v.Worse:
		return trialEnd{"worse", v.String()}
	case t.isGood():
		return end
	}
	had := t.arms[armCandidate].requests()
	switch course.Turn(now, had) {
	case control.TooFew:
		return trialEnd{"few", course.Few(had)}
	case control.NextStep:
		t.setStep(course.Step(), course.Ends())
		t.tell(fmt.Sprintf("%s; it goes on with %v %% of new visitors", v, t.plan.Steps[course.Step()]))
	case control.IsGood:
		if t.plan.Kind == control.KindBake {
			return trialEnd{"good", v.String()}
		}
		t.good(v.String())
	}
	return end
}

// good says that the candidate may go live. It keeps its visitors until it does, or whoever
// has begun the trial leaves.
func (t *trial) good(why string) {
	t.mu.Lock()
	t.status.Ended, t.status.Why = "good", why
	t.mu.Unlock()
	t.tell("the release is good: " + why)
}

func (t *trial) isGood() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.status.Ended == "good"
}

// tell writes something of the trial into log and history.
func (t *trial) tell(text string) {
	if t.s.heir() != nil {
		return // it goes on there, if it does
	}
	t.s.log.Info().Str("site", t.st.Name).Str("docroot", t.docroot).Str("release", t.candidate.Path).Str("trial", t.plan.Kind).Msg(text)
	t.s.history.note(t.st.HistoryOf(), control.Note{Time: time.Now(), What: t.plan.Kind, Docroot: t.docroot, Release: t.candidate.Path, Text: text})
}

// finish ends the trial: new visitors get the live release, and those that had the candidate
// go back to it, unless it has gone live.
func (t *trial) finish(end trialEnd) {
	t.share.Store(0)
	t.st.trials.remove(t)
	if t.plan.Kind == control.KindCanary && t.s.heir() == nil {
		if !t.candidate.Live() {
			t.st.releases.EndPins(t.candidate.Path, time.Now())
		} else if t.st.Pin == PinOff {
			t.st.releases.EndPins(t.live.Path, time.Now()) // which nobody follows
		}
		if err := t.s.writePins(t.st); err != nil {
			t.s.log.Error().Err(err).Str("site", t.st.Name).Msg("that pins have ended is not written, so that a restart would follow them: see state_dir")
		}
	}
	t.mu.Lock()
	t.status.Ended, t.status.Why, t.status.Percent = end.ended, end.why, 0
	t.mu.Unlock()
	t.s.metrics.trialEnded(t.st.Name, t.plan.Kind, end.ended)
	t.tell(fmt.Sprintf("ended (%s): %s", end.ended, end.why))
	close(t.over)
}
