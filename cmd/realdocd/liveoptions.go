package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"realdocd/deploy"
	"realdocd/gateway/control"
)

// liveOptions say how a release goes live.
type liveOptions struct {
	siteOptions
	strict, noWarm, noHeadroom, anyway, wait bool
	drain, dryRun, asJSON, hold, alone       bool
	timeout                                  time.Duration
	bake                                     time.Duration
	pins                                     control.Pins
	holdCommand                              []string // runs while requests are held, if hold is set
}

func (o *liveOptions) flags(cmd *cobra.Command) {
	o.siteOptions.flags(cmd)
	cmd.Flags().BoolVar(&o.strict, "strict", false, "stop if the release does not fit into the opcache, if that cannot be told, or if the warm-up cannot run")
	cmd.Flags().BoolVar(&o.noWarm, "no-warm", false, "leave out the warm-up")
	cmd.Flags().BoolVar(&o.noHeadroom, "no-headroom", false, "do not ask PHP-FPM about the release")
	cmd.Flags().BoolVar(&o.anyway, "anyway", false, "flip to a release that names other directories, too")
	cmd.Flags().BoolVar(&o.wait, "wait", false, "wait until PHP-FPM has forgotten what would change in a directory that is used again")
	cmd.Flags().BoolVarP(&o.dryRun, "dry-run", "n", false, "say what would be done, and do nothing")
	cmd.Flags().BoolVar(&o.asJSON, "json", false, "write the steps as JSON")
}

func (o *liveOptions) drainFlags(cmd *cobra.Command) {
	o.pinsFlag(cmd)
	cmd.Flags().BoolVar(&o.drain, "drain", false, "then wait until nothing runs in the release that was live")
	cmd.Flags().DurationVar(&o.timeout, "timeout", 30*time.Second, "how long to wait for --drain, and for what runs at --hold, as `TIME` such as 30s or 2m")
}

func (o *liveOptions) pinsFlag(cmd *cobra.Command) {
	o.pins = control.PinsEnd
	pinsFlag(cmd, &o.pins)
}

// with does the work under the link's lock, and tells how it went.
func (o *liveOptions) with(cmd *cobra.Command, site string, work func(ctx context.Context, g *goLive) error) error {
	return o.unlocked(cmd, site, func(ctx context.Context, g *goLive) error {
		if err := g.wantAlone(insteadOf(cmd.Name())); err != nil {
			return err
		}
		if err := g.locked(func() error { return work(ctx, g) }); err != nil {
			return err
		}
		return g.bake(ctx)
	})
}

// unlocked does work that locks the link by itself, and tells how it went.
func (o *liveOptions) unlocked(cmd *cobra.Command, site string, work func(ctx context.Context, g *goLive) error) error {
	if cmd.Flags().Lookup("pins") != nil {
		if err := wantPins(o.pins); err != nil {
			return usageError{err}
		}
	}
	ctx, stop := interruptible()
	defer stop()
	t, err := o.find(ctx, site)
	if err != nil {
		return err
	}
	// A reader of the output that leaves must not stop a deploy half way.
	signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE)
	g := &goLive{namedSite: t, steps: newSteps(cmd, site, o.asJSON), opts: *o, by: cmd.Name(), reading: &deploy.Reading{}}
	return g.end(g.explain(ctx, work(ctx, g)))
}
