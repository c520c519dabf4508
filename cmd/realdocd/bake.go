package main

import (
	"context"
	"errors"
	"fmt"
	"path"

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
		st, leave, err := g.try(ctx, control.Plan{Kind: control.KindBake, Release: g.outcome.Release, Before: before, Every: g.opts.bake})
		defer leave()
		switch {
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
