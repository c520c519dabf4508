package main

import (
	"bytes"
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"realdocd/deploy/fleet"
)

func newFleetHistory() *cobra.Command {
	var o fleetOptions
	cmd := &cobra.Command{
		Use:   "history SITE",
		Short: "Show what was committed for a site",
		Long: fmt.Sprintf(`fleet history lists the commits of a site, the newest last; etcd keeps %d of them. BEHIND
are hosts that did not have the release then, and GONE those that were declared so.`, fleet.KeepHistory),
		Example: `  realdocd fleet history shop
  realdocd fleet history shop --json`,
		Args: siteArguments(),
		RunE: func(cmd *cobra.Command, args []string) error {
			var commits []fleet.Commit
			err := o.with(func(ctx context.Context, c *fleetCommander) (err error) {
				if commits, err = c.History(ctx, args[0]); err == nil && len(commits) == 0 {
					_, err = c.status(ctx, args[0]) // nobody may have a site of that name
				}
				return err
			})
			if o.asJSON {
				return answerJSON(cmd.OutOrStdout(), append([]fleet.Commit{}, commits...), err)
			}
			if err != nil {
				return err
			}
			if len(commits) == 0 {
				printError(cmd.ErrOrStderr(), fmt.Errorf("nothing was committed for %s yet: realdocd fleet flip does", args[0]))
				return nil
			}
			var out bytes.Buffer
			writeTable(&out, commitRows(commits))
			_, err = out.WriteTo(cmd.OutOrStdout())
			return err
		},
		ValidArgsFunction: o.completeFleetSite,
	}
	o.flags(cmd, "write the commits as JSON")
	return cmd
}

func commitRows(commits []fleet.Commit) []row {
	rows := []row{{"NUMBER", "RELEASE", "WHAT", "BY", "TIME", "BEHIND", "GONE"}}
	for _, c := range commits {
		rows = append(rows, row{fmt.Sprint(c.Seq), releaseCell(c.Release), c.Verb, c.By, timeCell(c.Time), strings.Join(c.Fenced, " "), strings.Join(c.Gone, " ")})
	}
	return rows
}
