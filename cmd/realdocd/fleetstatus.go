package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"realdocd/deploy/fleet"
	"realdocd/gateway/control"
	"realdocd/gateway/pin"
)

func newFleetStatus() *cobra.Command {
	var o fleetOptions
	cmd := &cobra.Command{
		Use:   "status [SITE]",
		Short: "Show what is committed, and where each host stands",
		Long: `fleet status shows the hosts of the group, and for each site what is committed and which
hosts serve it. Of one site it shows which releases each host has, complete. Below the
tables stands who is not in step, why, and what to do.

If etcd is away, it says since when this host's agent has had no answer.`,
		Example: `  realdocd fleet status
  realdocd fleet status shop
  realdocd fleet status --json`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) > 1 {
				return fmt.Errorf("status takes SITE, got %q too", args[1])
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			site := ""
			if len(args) == 1 {
				site = args[0]
			}
			var s fleetStatus
			err := o.with(func(ctx context.Context, c *fleetCommander) (err error) {
				s, err = c.status(ctx, site)
				return err
			})
			if o.asJSON {
				return answerJSON(cmd.OutOrStdout(), s, err)
			}
			if err != nil {
				return err
			}
			text := s.text(time.Now())
			if wantsColour(cmd.OutOrStdout()) {
				text = inColour(text)
			}
			_, err = fmt.Fprint(cmd.OutOrStdout(), text)
			return err
		},
		ValidArgsFunction: o.completeFleetSite,
	}
	o.flags(cmd, "write the view as JSON")
	return cmd
}

// A fleetStatus is a view, and what is wrong with the fleet as a whole.
type fleetStatus struct {
	Group string `json:"group"`
	fleet.View
	Warnings []string `json:"warnings,omitempty"`

	site string // that was asked for; "" for all
}

func (c *fleetCommander) status(ctx context.Context, site string) (fleetStatus, error) {
	view, err := c.View(ctx, site)
	s := fleetStatus{Group: c.config.Fleet.Group, View: view, site: site}
	switch {
	case err != nil:
		return s, err
	case len(view.Hosts) == 0:
		return s, errors.New("the group has no hosts: start realdocd-fleet on each of them, with the same [fleet] etcd, prefix and group")
	case site != "" && len(view.Sites) == 0:
		return s, fmt.Errorf("no host has a site %q, and nothing is committed for it: realdocd fleet status lists the sites", site)
	}
	s.Warnings = unbelieved(view.Hosts)
	return s, nil
}

// unbelieved says of which hosts' pins other hosts do not follow.
func unbelieved(hosts []fleet.HostView) (warnings []string) {
	first := map[string]string{} // a host for each key
	var keys []string
	for _, h := range hosts {
		if _, known := first[h.Presence.PinKey]; h.Present && !known {
			first[h.Presence.PinKey] = h.Host
			keys = append(keys, h.Presence.PinKey)
		}
	}
	var pairs [][2]string
	for _, its := range keys {
		for _, signer := range keys {
			if its != signer && !pin.Believes(its, signer) {
				pairs = append(pairs, [2]string{first[its], first[signer]})
			}
		}
	}
	const do = "copy the key file of one host, see KEYS in realdocd-pins(7)"
	if len(pairs) > 0 && len(pairs) == len(keys)*(len(keys)-1) {
		var hosts []string
		for _, key := range keys {
			hosts = append(hosts, first[key])
		}
		return []string{fmt.Sprintf("pins: %s have keys of their own, and do not follow each other's pins: %s", someHosts(hosts), do)}
	}
	for _, p := range pairs {
		warnings = append(warnings, fmt.Sprintf("pins: %s does not follow what %s signs: %s", p[0], p[1], do))
	}
	return warnings
}

// text is the status for people.
func (s fleetStatus) text(now time.Time) string {
	var out bytes.Buffer
	if s.site != "" {
		s.writeSite(&out, s.Sites[0], now)
	} else {
		writeTable(&out, fleetHostRows(s.Hosts, now))
		if len(s.Sites) > 0 {
			out.WriteByte('\n')
			writeTable(&out, fleetSiteRows(s.Sites))
		}
	}
	if wrongs := s.wrongs(now); len(wrongs) > 0 {
		out.WriteByte('\n')
		for _, text := range wrongs {
			for i, line := range strings.Split(text, "\n") { // the output of a command has several
				fmt.Fprintln(&out, strings.Repeat("  ", min(i, 1))+plain(line))
			}
		}
	}
	return out.String()
}

func fleetHostRows(hosts []fleet.HostView, now time.Time) []row {
	rows := []row{{"HOST", "AGENT", "VERSION", "FOR", "REALDOCD"}}
	for _, h := range hosts {
		if !h.Present {
			rows = append(rows, row{h.Host, "ABSENT", "-", "-", "-"})
			continue
		}
		daemon := "ready"
		if h.Presence.Daemon != "" {
			daemon = "NOT READY"
		}
		rows = append(rows, row{h.Host, "up", h.Presence.Version, control.Age(now.Sub(h.Presence.Since)), daemon})
	}
	return rows
}

func fleetSiteRows(sites []fleet.SiteView) []row {
	rows := []row{{"SITE", "COMMITTED", "NUMBER", "BY", "TIME", "IN STEP"}}
	for _, s := range sites {
		r := row{s.Site, "-", "-", "-", "-", "-"}
		if c := s.Commit; c != nil {
			inStep := 0
			for _, h := range s.Hosts {
				if h.State == fleet.InStep && h.Seq >= c.Seq {
					inStep++
				}
			}
			r = row{s.Site, c.Release, fmt.Sprint(c.Seq), c.By, timeCell(c.Time), fmt.Sprintf("%d/%d", inStep, len(s.Hosts))}
		}
		rows = append(rows, r)
	}
	return rows
}

// writeSite writes the hosts of one site, with the releases that they have.
func (s fleetStatus) writeSite(out *bytes.Buffer, v fleet.SiteView, now time.Time) {
	if c := v.Commit; c != nil {
		fmt.Fprintf(out, "site %s: %s is committed, as number %d, by %s (%s) at %s\n\n", plain(v.Site), plain(c.Release), c.Seq, plain(c.By), c.Verb, timeCell(c.Time))
	} else {
		fmt.Fprintf(out, "site %s: nothing is committed, and each host serves what it has\n\n", plain(v.Site))
	}
	columns := releaseColumns(v)
	header := append(row{"HOST", "STATE"}, columns...)
	rows := []row{header}
	for _, h := range v.Hosts {
		r := row{h.Host, fleetStateCell(h, v.Commit)}
		for _, name := range columns {
			r = append(r, fleetReleaseCell(h, name, v))
		}
		rows = append(rows, r)
	}
	writeTable(out, rows)
}

// wrongs say who is not in step, and what goes on.
func (s fleetStatus) wrongs(now time.Time) (texts []string) {
	for _, h := range s.Hosts {
		if h.Wrong != "" {
			texts = append(texts, h.Host+": "+h.Wrong)
		}
	}
	for _, v := range s.Sites {
		for _, h := range v.Hosts {
			if why := notInStep(h, v.Commit); why != "" && h.State != fleet.Absent {
				texts = append(texts, h.Host+": "+why+" with "+v.Site+colonWhy(h.Why))
			}
		}
		if p := v.Proposal; p != nil {
			texts = append(texts, fmt.Sprintf("%s: %s makes %s live, %s, for %s", v.Site, p.By, p.Release, p.Phase, control.Age(v.InProgress(now))))
		}
	}
	return append(texts, s.Warnings...)
}

func colonWhy(why string) string {
	if why == "" {
		return ""
	}
	return ": " + why
}
