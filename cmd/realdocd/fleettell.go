package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"realdocd/deploy/fleet"
	"realdocd/gateway/control"
)

const (
	// tellLimit bounds a word to the daemon, which has nothing to do for it but to write a file.
	tellLimit = 3 * time.Second
	// silentAfter is how long without a word from the agent the daemon says that it is silent.
	silentAfter = 20 * time.Second
	// longWhy is how long a reason may be that the daemon is told.
	longWhy = 2000
)

// client asks the host's daemon.
func (h *fleetHost) client() *control.Client {
	c := h.config.Load().Gateway
	return control.NewClient(c.Control, c.User)
}

// Tell tells the daemon where the sites stand. Without an error it keeps that over a restart, too.
func (h *fleetHost) Tell(ctx context.Context, standings []fleet.Standing) error {
	ctx, cancel := context.WithTimeout(ctx, tellLimit)
	defer cancel()
	f := h.config.Load().Fleet
	report := control.FleetReport{Group: f.Group, Again: control.Seconds(silentAfter), Standings: make([]control.FleetStanding, 0, len(standings))}
	if agent := h.agent.Load(); agent != nil {
		st := agent.Status()
		report.Host = st.Host
		if !st.Answers && st.Trouble != "" {
			report.StoreError, report.StoreSince = shorter(st.Trouble, longWhy), st.Since
		} else if st.Unwritten != "" {
			report.StoreError, report.StoreSince = shorter(st.Unwritten, longWhy), st.Since
		}
	}
	for _, s := range standings {
		report.Standings = append(report.Standings, control.FleetStanding{
			Site: s.Site, State: string(s.State), Release: s.Release, Seq: s.Seq, Why: shorter(s.Why, longWhy), Since: s.Since,
			Next: string(s.Next), NextWhy: shorter(s.NextWhy, longWhy), For: control.Seconds(s.For),
		})
	}
	_, err := h.client().Fleet(ctx, report)
	return err
}

// Changed waits until the daemon wants to know of sites: one that a request has come for, or those of a
// configuration that was read again.
func (h *fleetHost) Changed(ctx context.Context) error {
	for {
		wanted, err := h.client().FleetWanted(ctx, h.wanted.Load())
		if err != nil {
			return err
		}
		if before := h.wanted.Swap(wanted.Count); wanted.Count != before {
			return nil
		}
	}
}

// Daemon says what is wrong with the host's daemon, but for what it is told by us.
func (h *fleetHost) Daemon(ctx context.Context) (wrong, pinKey string) {
	ctx, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	client := h.client()
	ready, err := client.Ready(ctx, "")
	if err != nil {
		return shorter(err.Error(), longWarning), ""
	}
	if st, err := client.Status(ctx); err == nil {
		pinKey = st.PinKey
	}
	var why []string
	for _, c := range ready.Checks {
		if !c.OK && c.Name != "fleet" {
			why = append(why, fmt.Sprintf("%s: %s", c.Name, c.Why))
		}
	}
	return shorter(strings.Join(why, "; "), longWarning), pinKey
}
