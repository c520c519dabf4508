package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"realdocd/deploy"
	"realdocd/deploy/fleet"
	"realdocd/gateway/control"
)

// fleetFlipOptions say how a release goes live on all hosts.
type fleetFlipOptions struct {
	fleetOptions
	atLeast        string
	gone           []string
	noWarm, strict bool
	dryRun         bool
	timeout        time.Duration
}

func (o *fleetFlipOptions) flags(cmd *cobra.Command) {
	o.fleetOptions.flags(cmd, "write what was done as JSON")
	o.shareFlags(cmd)
	cmd.Flags().BoolVar(&o.strict, "strict", false, "refuse the release on a host if it does not fit into the opcache there, if that cannot be told, or if the warm-up cannot run")
	cmd.Flags().BoolVarP(&o.dryRun, "dry-run", "n", false, "say what would be done, and do nothing")
	cmd.Flags().DurationVar(&o.timeout, "timeout", fleet.PrepareLimit, "how long hosts may prepare the release, as `TIME` such as 5m")
}

// shareFlags are those that say which hosts have to have the release.
func (o *fleetFlipOptions) shareFlags(cmd *cobra.Command) {
	cmd.Flags().StringVar(&o.atLeast, "at-least", "", "`HOSTS` that have to have the release, as 14, 9/10 or 90%; the others are not ready from then on until they have it (default: all)")
	cmd.Flags().StringArrayVar(&o.gone, "gone", nil, "`HOST` that is off, as you know; it compares before it serves again (may be given several times)")
}

// flip is what the flags say.
func (o *fleetFlipOptions) flip(site, release string) (fleet.Flip, error) {
	f := fleet.Flip{Site: site, Release: release, Gone: o.gone, NoWarm: o.noWarm, Strict: o.strict, Limit: o.timeout}
	if o.atLeast != "" {
		var err error
		if f.AtLeast, err = fleet.ParseShare(o.atLeast); err != nil {
			return f, usageError{fmt.Errorf("--at-least: %w", err)}
		}
	}
	if o.timeout <= 0 {
		return f, usageError{errors.New("--timeout: want a duration above 0s, such as 5m")}
	}
	return f, nil
}

func newFleetFlip() *cobra.Command {
	var o fleetFlipOptions
	cmd := &cobra.Command{
		Use:   "flip SITE RELEASE",
		Short: "Make a release live on all hosts, or on none",
		Long: `fleet flip makes a release live on all hosts of the group at one instant. First each host
looks whether it has the release complete, with the same content as the others, whether
PHP-FPM can read it and has room for it, and warms it. Anything that is missing is named
by host, and nothing has changed then. Then all hosts promise to go by the outcome, and one
transaction in etcd decides.

RELEASE is a name, as hosts have it in their directory of releases. With --at-least,
hosts that do not have it are left behind: they are not ready from then on, until they do.
An absent host stops a flip, unless it says of itself that it is not ready (lost in
[fleet]), or you know that it is off, and say so with --gone.

However the command ends, the release is live on all hosts or on none.`,
		Example: `  realdocd fleet flip shop 43
  realdocd fleet flip shop 43 --at-least 9/10
  realdocd fleet flip shop 43 --gone web7
  realdocd fleet flip shop 43 --dry-run`,
		Args: releaseArgument,
		RunE: func(cmd *cobra.Command, args []string) error {
			f, err := o.flip(args[0], args[1])
			if err == nil {
				err = deploy.CheckReleaseName(args[1])
			}
			if err != nil {
				return err
			}
			return o.run(cmd, args[0], func(ctx context.Context, g *goFleet) error { return g.flip(ctx, f) })
		},
		ValidArgsFunction: o.completeFleet,
	}
	o.flags(cmd)
	cmd.Flags().BoolVar(&o.noWarm, "no-warm", false, "leave out the warm-up")
	return cmd
}

// A goFleet makes a release live on all hosts.
type goFleet struct {
	*fleetCommander
	*steps
	dryRun bool
}

// run does work that tells its steps.
func (o *fleetFlipOptions) run(cmd *cobra.Command, site string, work func(ctx context.Context, g *goFleet) error) error {
	// A reader of the output that leaves must not stop a flip half way.
	signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE)
	s := newSteps(cmd, site, o.asJSON)
	return s.end(o.with(func(ctx context.Context, c *fleetCommander) error {
		return work(ctx, &goFleet{fleetCommander: c, steps: s, dryRun: o.dryRun})
	}))
}

func (g *goFleet) flip(ctx context.Context, f fleet.Flip) error {
	g.outcome.Release = f.Release
	if g.dryRun {
		return g.would(ctx, f)
	}
	p := &fleetProgress{steps: g.steps, release: f.Release}
	f.Tell = p.tell
	report, err := g.Flip(ctx, f)
	if err == nil {
		p.end()
	}
	return g.report(report, time.Since(p.began), err)
}

// would says what a flip would do.
func (g *goFleet) would(ctx context.Context, f fleet.Flip) error {
	return g.do("flip", func() (string, error) {
		plan, err := g.Plan(ctx, f)
		if err != nil {
			return "", err
		}
		now := "nothing is committed now"
		if plan.Now != nil {
			now = plan.Now.Release + " is committed now"
		}
		text := fmt.Sprintf("would have %s prepare %s and flip to it; %s", control.Count(len(plan.Take), "host"), f.Release, now)
		if plan.Now != nil && plan.Now.Release == f.Release {
			text = fmt.Sprintf("%s is committed already, as number %d: would only have hosts that do not serve it go to it", f.Release, plan.Now.Seq)
		}
		if len(plan.Fenced) > 0 {
			text += "; would leave behind " + strings.Join(plan.Fenced, ", ")
		}
		return text, nil
	})
}

// report tells what a flip came to.
func (g *goFleet) report(r fleet.Report, took time.Duration, err error) error {
	if r.Commit.Seq > 0 {
		g.outcome.Fleet, g.outcome.Before, g.outcome.Live = fleetOutcomeOf(r), r.Commit.Before, err == nil
	}
	if r.Commit.Seq == 0 {
		return err
	}
	if r.Already {
		return g.do("flip", func() (string, error) {
			return fmt.Sprintf("%s is committed already, as number %d, and live on all hosts", r.Commit.Release, r.Commit.Seq), nil
		})
	}
	if r.ByArrival != "" {
		g.warn("%s: the hosts have flipped when they heard of it, and not at one instant; look at NTP there (chronyc tracking), and at what else the host does", r.ByArrival)
	}
	for _, text := range byWhat(r.Warnings) {
		g.warn("%s", text)
	}
	left := append(append([]string{}, r.Commit.Fenced...), r.Commit.Gone...)
	for _, w := range r.Wrongs {
		for _, host := range left {
			if w.Host == host {
				g.warn("%s is left behind, and not ready until it has %s: %s", host, r.Commit.Release, w.Why)
			}
		}
	}
	if len(r.Applied) > 0 {
		g.done("flip", appliedText(r), took)
	}
	return err
}

func appliedText(r fleet.Report) string {
	text := fmt.Sprintf("%s is live on %s as number %d", r.Commit.Release, control.Count(len(r.Applied), "host"), r.Commit.Seq)
	if last, ok := r.Last(); ok && len(r.Applied) > 1 {
		text += fmt.Sprintf("; from the first to the last one, %s, it took %s", last.Host, short(r.Spread()))
	}
	return text
}

// fleetProgress shows the phases of a flip, each as a step once it is over, and on a terminal what it waits for.
type fleetProgress struct {
	*steps
	release string
	now     fleet.Progress
	began   time.Time
}

func (p *fleetProgress) tell(now fleet.Progress) {
	if now.Phase != p.now.Phase {
		p.end()
		p.began = time.Now()
	}
	if now.Answer == nil && now.Phase == p.now.Phase {
		now.Answer = p.now.Answer
	}
	p.now = now
	if now.All > 0 {
		p.line.draw(p.text())
	}
}

// text is how far a phase is.
func (p *fleetProgress) text() string {
	text := fmt.Sprintf("%-8s  %d of %s", p.now.Phase, p.now.Done, control.Count(p.now.All, "host"))
	if a := p.now.Answer; a != nil && a.Why != "" {
		first, _, _ := strings.Cut(a.Why, "\n")
		text += fmt.Sprintf("; %s: %s", a.Host, first)
	}
	return text
}

// end ends a phase that has worked.
func (p *fleetProgress) end() {
	if p.now.Phase == "" || p.now.All == 0 || p.now.Phase == fleet.PhaseCommit {
		return
	}
	p.done(p.now.Phase, fmt.Sprintf("%d of %s", p.now.Done, control.Count(p.now.All, "host")), time.Since(p.began))
	p.now = fleet.Progress{}
}
