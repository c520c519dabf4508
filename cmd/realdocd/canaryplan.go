package main

import (
	"errors"
	"fmt"
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

func (c *canaryOptions) flags(cmd *cobra.Command) {
	c.stepFlags(cmd)
	cmd.Flags().StringVar(&c.judge, "judge", "auto", "`WHO` decides: auto, by the figures, or manual, by --promote and --abort")
	cmd.Flags().DurationVar(&c.lasts, "for", 24*time.Hour, "with --judge manual, the longest `TIME` that it goes on")
	cmd.Flags().BoolVar(&c.promote, "promote", false, "make the release live that is tried")
	cmd.Flags().BoolVar(&c.abort, "abort", false, "end the trial, and send its visitors back")
}

// stepFlags are those that say who gets the release, and for how long.
func (c *canaryOptions) stepFlags(cmd *cobra.Command) {
	cmd.Flags().Float64Var(&c.percent, "percent", 5, "share of new visitors that get the release, in `PERCENT`")
	cmd.Flags().StringVar(&c.steps, "steps", "", "several `SHARES` one after the other, such as 2,10,50")
	cmd.Flags().DurationVar(&c.every, "every", 5*time.Minute, "how long each step takes, as `TIME` such as 2m")
	cmd.Flags().IntVar(&c.least, "least", 100, "how many `REQUESTS` the release has to have in each step")
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
