package main

import (
	"context"
	"fmt"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"realdocd/gateway/control"
)

// pinsForever is longer than any pin holds.
const pinsForever = 2 * 400 * 24 * time.Hour

func pinsFlag(cmd *cobra.Command, pins *control.Pins) {
	cmd.Flags().StringVar((*string)(pins), "pins", string(*pins), "`WHAT` becomes of the pins that lead to the release: end, at once and for good, or wait")
	cmd.RegisterFlagCompletionFunc("pins", func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		return []string{string(control.PinsEnd), string(control.PinsWait)}, cobra.ShellCompDirectiveNoFileComp
	})
}

func wantPins(pins control.Pins) error {
	if pins != control.PinsEnd && pins != control.PinsWait {
		return fmt.Errorf("--pins: want %s or %s, not %q", control.PinsEnd, control.PinsWait, string(pins))
	}
	return nil
}

// untilPinsEnd is how long a drain may take that waits for the pins to a release first.
func untilPinsEnd(ctx context.Context, daemon *control.Client, at control.SiteAddress, release string, beyond time.Duration) (time.Duration, error) {
	detail, err := daemon.Site(ctx, at)
	if err != nil {
		return 0, err
	}
	return max(time.Until(pinsEndOf(detail, release)), 0) + beyond, nil
}

// pinsEndOf is when the youngest pin to a release ends; zero if none leads there.
func pinsEndOf(d control.SiteDetail, release string) (end time.Time) {
	for _, r := range knownReleases(d) {
		if r.Path == filepath.Clean(release) && r.PinsEnd.After(end) {
			end = r.PinsEnd
		}
	}
	return end
}
