package main

import (
	"context"
	"errors"
	"fmt"
	"path"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"realdocd/gateway/control"
)

// canaryOptions are those of canary alone.
type canaryOptions struct {
	percent        float64
	steps, judge   string
	every, lasts   time.Duration
	least          int
	promote, abort bool
}

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
				if c.promote {
					return g.promote(ctx)
				}
				return g.canary(ctx, args[1], plan)
			})
		},
		ValidArgsFunction: o.completeSiteThenDirectory,
	}
	o.flags(cmd)
	c.flags(cmd)
	return cmd
}

func (c *canaryOptions) flags(cmd *cobra.Command) {
	cmd.Flags().Float64Var(&c.percent, "percent", 5, "share of new visitors that get the release, in `PERCENT`")
	cmd.Flags().StringVar(&c.steps, "steps", "", "several `SHARES` one after the other, such as 2,10,50")
	cmd.Flags().DurationVar(&c.every, "every", 5*time.Minute, "how long each step takes, as `TIME` such as 2m")
	cmd.Flags().IntVar(&c.least, "least", 100, "how many `REQUESTS` the release has to have in each step")
	cmd.Flags().StringVar(&c.judge, "judge", "auto", "`WHO` decides: auto, by the figures, or manual, by --promote and --abort")
	cmd.Flags().DurationVar(&c.lasts, "for", 24*time.Hour, "with --judge manual, the longest `TIME` that it goes on")
	cmd.Flags().BoolVar(&c.promote, "promote", false, "make the release live that is tried")
	cmd.Flags().BoolVar(&c.abort, "abort", false, "end the trial, and send its visitors back")
}

// plan reads what the flags say.
func (c *canaryOptions) plan(cmd *cobra.Command) (control.Plan, error) {
	p := control.Plan{Kind: control.KindCanary, Release: "/", Steps: []float64{c.percent}, Every: c.every, Least: c.least}
	given := cmd.Flags().Changed
	switch {
	case c.promote && c.abort:
		return p, errors.New("--promote and --abort: choose one")
	case c.abort && given("dry-run"):
		return p, errors.New("--abort ends the trial at once: leave --dry-run out")
	case given("steps") && given("percent"):
		return p, errors.New("--percent is for one step, and --steps for several: choose one")
	case c.judge != "auto" && c.judge != "manual":
		return p, fmt.Errorf(`--judge: want "auto" or "manual", not %q`, c.judge)
	case c.judge == "auto" && given("for"):
		return p, errors.New("--for is for --judge manual; how long a step takes is --every")
	case c.judge == "manual" && (given("steps") || given("every") || given("least")):
		return p, errors.New("--judge manual has one step, --percent, for the time of --for: leave --steps, --every and --least out")
	}
	if given("steps") {
		p.Steps = nil
		for _, text := range strings.Split(c.steps, ",") {
			share, err := strconv.ParseFloat(strings.TrimSuffix(strings.TrimSpace(text), "%"), 64)
			if err != nil {
				return p, fmt.Errorf("--steps: want shares such as 2,10,50, not %q", c.steps)
			}
			p.Steps = append(p.Steps, share)
		}
	}
	if c.judge == "manual" {
		p.Manual, p.Every = true, c.lasts
	}
	if err := p.Check(); err != nil {
		return p, fmt.Errorf("--%w", err)
	}
	return p, nil
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
