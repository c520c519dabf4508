package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"
)

func newFleetLeave() *cobra.Command {
	var o fleetOptions
	cmd := &cobra.Command{
		Use:   "leave HOST",
		Short: "Take an absent host out of the group",
		Long: `fleet leave takes a host out of the group that is gone for good, so that flips do not wait
for it. It refuses a host whose agent is there: stop that first. Say it only of a host that
serves no requests: what it serves is not looked at any more. A host that comes back joins
anew, and goes by what is committed before it serves.`,
		Example: `  realdocd fleet leave web7`,
		Args:    hostArgument,
		RunE: func(cmd *cobra.Command, args []string) error {
			return o.with(func(ctx context.Context, c *fleetCommander) error { return c.Leave(ctx, args[0]) })
		},
		ValidArgsFunction: o.completeHost,
	}
	o.flags(cmd, "")
	return cmd
}

func hostArgument(cmd *cobra.Command, args []string) error {
	switch len(args) {
	case 0:
		return fmt.Errorf("%s which host? realdocd fleet status lists them", cmd.Name())
	case 1:
		return nil
	}
	return fmt.Errorf("%s takes one host, got %q too", cmd.Name(), args[1])
}

func newFleetForget() *cobra.Command {
	var o fleetOptions
	cmd := &cobra.Command{
		Use:   "forget SITE",
		Short: "Take a site out of the fleet",
		Long: `fleet forget has nothing be committed for a site any more. Each host serves what it has,
and realdocd flip and deploy work there as before the site's first fleet flip. It is for a
site that was removed on all hosts, or that is to be deployed host by host again. The next
fleet flip takes the site into the fleet again.`,
		Example: `  realdocd fleet forget shop`,
		Args:    siteArguments(),
		RunE: func(cmd *cobra.Command, args []string) error {
			return o.with(func(ctx context.Context, c *fleetCommander) error { return c.Forget(ctx, args[0]) })
		},
		ValidArgsFunction: o.completeFleetSite,
	}
	o.flags(cmd, "")
	return cmd
}
