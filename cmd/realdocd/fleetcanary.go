package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"realdocd/deploy"
	"realdocd/gateway/control"
)

func newFleetCanary() *cobra.Command {
	var o fleetFlipOptions
	c := canaryOptions{judge: "auto"}
	cmd := &cobra.Command{
		Use:   "canary SITE RELEASE",
		Short: "Try a release on some visitors of all hosts, and make it live on all if it is good",
		Long: `fleet canary gives some new visitors of each host, by draw, a release that is not live, and
keeps them on it, on whichever host they come to. The hosts count what fails and how long
PHP takes; the command sums that, and gives one verdict. If the release is worse, its
visitors go back, and the exit code is 1 with the figures that decided. If it is not, the
next step follows, and after the last one the release goes live on all hosts, as by
fleet flip.

The canary is the command's: if that ends, however it does, all visitors are back on the
live release within some seconds. See realdocd-fleet(7).`,
		Example: `  realdocd fleet canary shop 43 --percent 5
  realdocd fleet canary shop 43 --steps 2,10,50 --every 5m`,
		Args: releaseArgument,
		RunE: func(cmd *cobra.Command, args []string) error {
			plan, err := c.plan(cmd)
			if err != nil {
				return usageError{err}
			}
			f, err := o.flip(args[0], args[1])
			if err == nil {
				err = deploy.CheckReleaseName(args[1])
			}
			if err != nil {
				return err
			}
			return o.run(cmd, args[0], func(ctx context.Context, g *goFleet) error {
				return g.canary(ctx, f, plan)
			})
		},
		ValidArgsFunction: o.completeFleet,
	}
	o.flags(cmd)
	c.stepFlags(cmd)
	return cmd
}

// errNotGood is a release that was tried and does not go live.
var errNotGood = errors.New("its visitors get the live release again")

// endedBy says what ended the trial.
func endedBy(release string, st control.TrialStatus) error {
	return fmt.Errorf("%s was ended, and %w: %s", release, errNotGood, st.Why)
}
