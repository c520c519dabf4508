package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"realdocd/deploy/fleet"
	"realdocd/gateway/control"
)

func newFleetDrain() *cobra.Command {
	var o fleetOptions
	pins := control.PinsEnd
	timeout := 30 * time.Second
	cmd := &cobra.Command{
		Use:   "drain SITE RELEASE",
		Short: "Wait until nothing runs in a release on any host",
		Long: `fleet drain has each host close a release that is not live, as realdocd drain does: no
request enters it any more. Then it waits until nothing is left in it on any host, and
prints nothing when it has worked. Hosts on which it takes longer than the timeout are
named with what still runs there, and so are absent ones; the exit code is 1 then.
A host that does not have the release has nobody in it.`,
		Example: `  realdocd fleet drain shop 42
  realdocd fleet drain shop 42 --pins=wait --timeout 1h`,
		Args: releaseArgument,
		RunE: func(cmd *cobra.Command, args []string) error {
			if _, err := drainLimit(true, timeout, true); err != nil {
				return usageError{err}
			}
			if err := wantPins(pins); err != nil {
				return usageError{err}
			}
			var answers map[string]fleet.Answer
			err := o.with(func(ctx context.Context, c *fleetCommander) (err error) {
				answers, err = c.drain(ctx, args[0], args[1], pins, timeout)
				return err
			})
			if o.asJSON {
				return answerJSON(cmd.OutOrStdout(), drained{args[1], err == nil, fleet.Failed(answers)}, err)
			}
			if wrongs := fleet.Failed(answers); len(wrongs) > 0 {
				var out bytes.Buffer
				rows := []row{{"HOST", "WHY"}}
				for _, w := range wrongs {
					rows = append(rows, row{w.Host, w.Why})
				}
				writeTable(&out, rows)
				out.WriteTo(cmd.OutOrStdout()) // the error that goes with it says the same in short
			}
			return err
		},
		ValidArgsFunction: o.completeFleet,
	}
	o.flags(cmd, "write the hosts that are not drained as JSON")
	cmd.Flags().DurationVar(&timeout, "timeout", timeout, "how long to wait, as `TIME` such as 30s or 2m")
	pinsFlag(cmd, &pins)
	return cmd
}

// drained is what fleet drain came to.
type drained struct {
	Release string        `json:"release"`
	OK      bool          `json:"ok"`
	Hosts   []fleet.Wrong `json:"hosts,omitempty"`
}

// drain asks all hosts, and waits a little longer than they are to.
func (c *fleetCommander) drain(ctx context.Context, site, release string, pins control.Pins, limit time.Duration) (map[string]fleet.Answer, error) {
	data, err := json.Marshal(map[string]string{"pins": string(pins)})
	if err != nil {
		return nil, err
	}
	within, cancel := context.WithTimeout(ctx, limit+2*answerTimeout)
	defer cancel()
	answers, err := c.Ask(within, fleet.Ask{Kind: fleet.AskDrain, Site: site, Release: release, Limit: limit, Data: string(data)}, nil)
	if errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil {
		err = nil // those that have not answered are among those that failed
	}
	if failed := fleet.Failed(answers); err == nil && len(failed) > 0 {
		err = fmt.Errorf("release %s of %s is not drained on %d of %s", release, site, len(failed), control.Count(len(answers), "host"))
	}
	return answers, err
}
