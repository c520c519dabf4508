package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
)

func newFleetRollback() *cobra.Command {
	var o fleetFlipOptions
	cmd := &cobra.Command{
		Use:   "rollback SITE",
		Short: "Make the release live on all hosts that was committed before",
		Long: `fleet rollback makes the release live again on all hosts that was committed before the
present one, as fleet flip does, and leaves out the warm-up. Releases that hosts do not
have any more, as they were then, are passed over. After a rollback from 43 to 42 the
next one goes to 41, and not to 43.`,
		Example: `  realdocd fleet rollback shop
  realdocd fleet rollback shop --at-least 9/10`,
		Args: siteArguments(),
		RunE: func(cmd *cobra.Command, args []string) error {
			f, err := o.flip(args[0], "")
			if err != nil {
				return err
			}
			return o.run(cmd, args[0], func(ctx context.Context, g *goFleet) error {
				back, err := g.WayBack(ctx, f.Site, f.AtLeast, f.Gone)
				if err != nil {
					return err
				}
				g.do("rollback", func() (string, error) {
					text := fmt.Sprintf("to %s, committed by %s at %s", back.Release, back.By, timeCell(back.Time))
					if len(back.Passed) > 0 {
						text += "; passed over: " + strings.Join(back.Passed, ", ")
					}
					return text, nil
				})
				f.Release, f.Hash, f.Verb, f.NoWarm = back.Release, back.Hash, "rollback", true
				return g.flip(ctx, f)
			})
		},
		ValidArgsFunction: o.completeFleetSite,
	}
	o.flags(cmd)
	return cmd
}
