package main

import (
	"context"
	"errors"
	"fmt"
	"path"
	"time"

	"github.com/spf13/cobra"

	"realdocd/deploy"
	"realdocd/gateway/control"
)

func (o *liveOptions) bakeFlag(cmd *cobra.Command) {
	cmd.Flags().DurationVar(&o.bake, "bake", 0, "then watch the release for `TIME` such as 2m, and roll back if it is worse than the one before")
}

// bake watches a release that has gone live, and rolls back if it is worse than the one
// before. The link is not locked meanwhile: somebody may roll back by hand.
func (g *goLive) bake(ctx context.Context) error {
	before := g.link.live
	switch {
	case g.opts.bake <= 0 || !g.flipped || g.opts.dryRun:
		return nil
	case before == "" || g.link.dangling:
		g.warn("nothing is known that the release could be compared with: it was not watched")
		return nil
	}
	var worse error
	err := g.do("bake", func() (string, error) {
		show, done := g.trialProgress()
		st, leave, err := g.daemon.Try(ctx, g.at, control.Plan{Kind: control.KindBake, Release: g.outcome.Release, Before: before, Every: g.opts.bake}, show)
		done()
		defer leave()
		g.outcome.Trial = &st
		switch {
		case err != nil && ctx.Err() != nil:
			return "", ctx.Err()
		case err != nil:
			return "", fmt.Errorf("the release was not watched to the end: %w", err)
		case st.Ended == "worse":
			worse = errors.New(st.Why)
		case st.Ended != "good":
			return "", fmt.Errorf("the release was not watched to the end: %s", st.Why)
		}
		return st.Why, nil
	})
	if err != nil || worse == nil {
		return err
	}
	g.explained = true
	if err := g.rollBackTo(ctx, before); err != nil {
		return fmt.Errorf("%s: %w\nand it is live still, for it could not be rolled back: %w", path.Base(g.outcome.Release), worse, err)
	}
	return fmt.Errorf("%s was rolled back to %s: %w", path.Base(g.outcome.Trial.Release), path.Base(before), worse)
}

// rollBackTo makes a release live again, as rollback does, if nobody has flipped since.
func (g *goLive) rollBackTo(ctx context.Context, before string) error {
	bad := g.outcome.Release
	opts := g.opts
	opts.hold, opts.bake, opts.drain, opts.noWarm = false, 0, false, true // it is warm
	back := &goLive{namedSite: g.namedSite, steps: g.steps, opts: opts, by: "rollback", reading: &deploy.Reading{}}
	return back.locked(func() error {
		if back.link.live != bad {
			return fmt.Errorf("%s is live by now", back.link.live)
		}
		return back.run(ctx, before)
	})
}

// trialProgress shows a trial: on a terminal on one line, elsewhere a line for each step.
func (g *goLive) trialProgress() (show func(control.TrialStatus), done func()) {
	step := 0
	switch {
	case g.asJSON:
		return func(control.TrialStatus) {}, func() {}
	case !isTerminal(g.errs):
		return func(st control.TrialStatus) {
			if st.Step > step {
				step = st.Step
				fmt.Fprintln(g.errs, trialLine(st, time.Now()))
			}
		}, func() {}
	}
	return func(st control.TrialStatus) { fmt.Fprintf(g.errs, "\r%s\x1b[K", trialLine(st, time.Now())) }, func() { fmt.Fprint(g.errs, "\r\x1b[K") }
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
