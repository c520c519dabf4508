package main

import (
	"context"
	"fmt"
	"time"

	"realdocd/gateway/control"
)

// try has the daemon compare a release with another, and shows how that goes. leave ends it.
func (g *goLive) try(ctx context.Context, p control.Plan) (st control.TrialStatus, leave func(), err error) {
	show, done := g.trialProgress()
	st, leave, err = g.daemon.Try(ctx, g.at, p, show)
	done()
	g.outcome.Trial = &st
	return st, leave, err
}

// trialProgress shows a trial: on a terminal on one line, elsewhere a line for each step.
func (s *steps) trialProgress() (show func(control.TrialStatus), done func()) {
	step := 0
	switch {
	case s.asJSON:
		return func(control.TrialStatus) {}, func() {}
	case !isObeyed(s.errs):
		return func(st control.TrialStatus) {
			if st.Step > step {
				step = st.Step
				fmt.Fprintln(s.errs, trialLine(st, time.Now()))
			}
		}, func() {}
	}
	return func(st control.TrialStatus) { s.line.draw(trialLine(st, time.Now())) }, s.line.clear
}

// trialLine is a trial on one line.
func trialLine(st control.TrialStatus, now time.Time) string {
	text := st.Kind + "  "
	if st.Kind == control.KindCanary {
		text += fmt.Sprintf("%v %% of new visitors (%s), step %d of %d; ", st.Percent, control.Count(int(st.Visitors), "visitor"), st.Step, st.Steps)
	}
	v := st.Verdict
	text += fmt.Sprintf("%d of %d requests failed, before %d of %d", v.Candidate.Failed, v.Candidate.Requests, v.Live.Failed, v.Live.Requests)
	if v.Candidate.Median > 0 && v.Live.Median > 0 {
		text += fmt.Sprintf("; median %.3g ms, before %.3g ms", v.Candidate.Median*1000, v.Live.Median*1000)
	}
	if left := st.StepEnds.Sub(now); left > 0 {
		text += "; " + left.Round(time.Second).String() + " to go"
	}
	return text
}
