package main

import (
	"context"
	"errors"
	"fmt"
	"path"

	"github.com/spf13/cobra"

	"realdocd/gateway/control"
)

func newCanary() *cobra.Command {
	var o liveOptions
	var c canaryOptions
	cmd := &cobra.Command{
		Use:   "canary SITE RELEASE",
		Short: "Try a release on some visitors, and make it live if it is good",
		Long: `canary gives some new visitors, by draw, a release that is not live, and keeps them on it.
Meanwhile it compares what fails and how long PHP takes, for the same paths, on both
releases. If the release is worse, its visitors go back, and the exit code is 1 with the
figures that decided. If it is not, the next step follows, and after the last one the
release goes live.

The canary is the command's: if that ends, however it does, all visitors are back on the
live release. With --judge manual it goes on until canary --promote or --abort, for at
most the time of --for. See realdocd-canary(7).`,
		Example: `  realdocd canary shop releases/43 --percent 5
  realdocd canary shop 43 --steps 2,10,50 --every 5m
  realdocd canary shop 43 --percent 10 --judge manual --for 4h
  realdocd canary shop --promote
  realdocd canary shop --abort`,
		Args: func(cmd *cobra.Command, args []string) error {
			if c.promote || c.abort {
				return siteArguments()(cmd, args)
			}
			return siteArguments("RELEASE")(cmd, args)
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			plan, err := c.plan(cmd)
			if err != nil {
				return usageError{err}
			}
			if c.abort {
				return o.ask(answerTimeout, func(ctx context.Context, daemon *control.Client) error {
					_, err := daemon.EndTrial(ctx, control.SiteAddress{Site: args[0], Docroot: o.docroot})
					return err
				})
			}
			return o.unlocked(cmd, args[0], func(ctx context.Context, g *goLive) error {
				if !plan.Manual || c.promote {
					if err := g.wantAlone(insteadOf(cmd.Name())); err != nil {
						return err
					}
				}
				if c.promote {
					return g.promote(ctx)
				}
				return g.canary(ctx, args[1], plan)
			})
		},
		ValidArgsFunction: o.completeSiteThenDirectory,
	}
	o.flags(cmd)
	o.aloneFlag(cmd)
	c.flags(cmd)
	return cmd
}

// canary tries a release, and makes it live if it is good. The link is locked only before and
// after: somebody may roll back, or deploy, meanwhile, which ends the canary.
func (g *goLive) canary(ctx context.Context, asked string, p control.Plan) error {
	if g.daemon == nil {
		return fmt.Errorf("a canary cannot be done: %s", g.alone)
	}
	var release string
	err := g.locked(func() error {
		dir, err := g.findDirectory(asked)
		if err != nil {
			return err
		}
		release, p.Release, err = g.tryable(ctx, dir)
		return err
	})
	if err != nil || g.opts.dryRun {
		return err
	}
	live := g.link.live
	st, leave, err := g.tried(ctx, p)
	defer leave()
	if err != nil || p.Manual {
		return err
	}
	err = g.locked(func() error {
		if g.link.live != live {
			return fmt.Errorf("%s is live by now, and not %s any more: the canary is over", g.link.live, path.Base(live))
		}
		return g.makeLive(ctx, release, p.Release)
	})
	if err == nil {
		st.Ended, st.Why = "flip", "the release has gone live"
		g.outcome.Trial = &st
	}
	return err
}

// tryable wants a release that could go live, and has it warm.
func (g *goLive) tryable(ctx context.Context, dir string) (release, seen string, err error) {
	release, seen, err = g.choose(dir)
	switch {
	case err != nil:
		return "", "", err
	case !g.link.exists || g.link.live == "":
		return "", "", errors.New("no release is live that it could be compared with: use realdocd flip")
	case seen == g.link.live:
		return "", "", fmt.Errorf("%s is live already", seen)
	}
	note := g.brings(release)
	return release, seen, errors.Join(g.prepare(ctx, release, seen), note())
}

// tried tries a release to the end, or begins it if an operator is to decide.
func (g *goLive) tried(ctx context.Context, p control.Plan) (st control.TrialStatus, leave func(), err error) {
	err = g.do("canary", func() (string, error) {
		st, leave, err = g.try(ctx, p)
		switch {
		case err != nil:
			return "", fmt.Errorf("try %s: %w", p.Release, err)
		case p.Manual:
			return fmt.Sprintf("%v %% of new visitors get %s for %s, until realdocd canary %s --promote or --abort", st.Percent, path.Base(p.Release), p.Every, g.site.Name), nil
		case st.Ended != "good":
			return "", fmt.Errorf("%s was ended, and its visitors get the live release again: %s", path.Base(p.Release), st.Why)
		}
		return "good: " + st.Why, nil
	})
	return st, leave, err
}

// promote makes the release live that is tried, which was prepared when that began.
func (g *goLive) promote(ctx context.Context) error {
	if g.daemon == nil {
		return fmt.Errorf("nothing is tried: %s", g.alone)
	}
	return g.locked(func() error {
		for _, t := range g.detail.Trials { // of a pattern, those of all docroots
			if t.Kind == control.KindCanary && (g.at.Docroot == "" || t.Docroot == g.at.Docroot) {
				release, seen, err := g.choose(t.Release)
				if err != nil {
					return err
				}
				return g.makeLive(ctx, release, seen)
			}
		}
		return fmt.Errorf("site %s has no canary", g.site.Name)
	})
}
