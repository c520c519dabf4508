package trial

import (
	"fmt"
	"time"

	"realdocd/gateway/control"
	"realdocd/gateway/judge"
)

// Run looks at the figures again and again until the trial ends; the process that it is in ends when gone
// is closed.
func (t *Trial) Run(again time.Duration, gone <-chan struct{}) {
	looks := time.NewTicker(again)
	defer looks.Stop()
	course := control.NewCourse(&t.Plan, t.Plan.Step, t.since)
	var e end
	for e.ended == "" {
		select {
		case <-gone:
			e = end{"daemon", "realdocd ends"}
		case e = <-t.end:
		case now := <-looks.C:
			v := t.compare.look()
			if t.Plan.Fleet {
				v = v.Sides()
			}
			t.mu.Lock()
			t.status.Verdict = v
			t.mu.Unlock()
			e = t.judged(v, course, now)
		}
	}
	t.finish(e)
}

// judged goes on by a verdict, or gives what ends the trial.
func (t *Trial) judged(v judge.Verdict, course *control.Course, now time.Time) (e end) {
	switch {
	case t.Plan.Fleet: // who has begun it judges
		return e
	case t.Plan.Manual && now.Before(course.Ends()):
		return e
	case t.Plan.Manual:
		return end{"time", fmt.Sprintf("nobody has decided within %s", t.Plan.Every)}
	case v.Worse:
		return end{"worse", v.String()}
	case t.isGood():
		return e
	}
	had := t.arms[armCandidate].requests()
	switch course.Turn(now, had) {
	case control.TooFew:
		return end{"few", course.Few(had)}
	case control.NextStep:
		t.setStep(course.Step(), course.Ends())
		t.owner.Tell(t, fmt.Sprintf("%s; it goes on with %v %% of new visitors", v, t.Plan.Steps[course.Step()]))
	case control.IsGood:
		if t.Plan.Kind == control.KindBake {
			return end{"good", v.String()}
		}
		t.good(v.String())
	}
	return e
}

// good says that the candidate may go live. It keeps its visitors until it does, or whoever
// has begun the trial leaves.
func (t *Trial) good(why string) {
	t.mu.Lock()
	t.status.Ended, t.status.Why = "good", why
	t.mu.Unlock()
	t.owner.Tell(t, "the release is good: "+why)
}

func (t *Trial) isGood() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.status.Ended == "good"
}

// finish ends the trial: new visitors get the live release, and those that had the candidate
// go back to it, unless it has gone live.
func (t *Trial) finish(e end) {
	t.share.Store(0)
	t.in.remove(t)
	t.owner.Closes(t, e.ended)
	t.mu.Lock()
	t.status.Ended, t.status.Why, t.status.Percent = e.ended, e.why, 0
	t.mu.Unlock()
	t.owner.Tell(t, fmt.Sprintf("ended (%s): %s", e.ended, e.why))
	close(t.over)
}

// End has it end, if it has not ended. It does not wait.
func (t *Trial) End(ended, why string) {
	select {
	case t.end <- end{ended, why}:
	default: // it is about to
	}
}

// Leave ends it because whoever has begun it has left, and returns when it has ended; for
// [control.Trial].
func (t *Trial) Leave() {
	t.End("client", "the command that had begun it has ended")
	<-t.over
}

// Over is closed when it has ended; for [control.Trial].
func (t *Trial) Over() <-chan struct{} { return t.over }
