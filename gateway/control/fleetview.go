package control

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Summary says in a few words where the host stands in its fleet.
func (f *FleetStatus) Summary() string {
	text := "fleet " + cmp.Or(f.Group, "of which the agent has not told yet")
	if f.Host != "" {
		text += ", host " + f.Host
	}
	return text + ": " + f.counts()
}

// Line is that, with when the agent has told, and since when etcd does not answer.
func (f *FleetStatus) Line(now time.Time) string {
	text := f.Summary()
	if !f.Told.IsZero() {
		text += "; told " + Age(now.Sub(f.Told)) + " ago"
	}
	if f.StoreError != "" {
		text += "; etcd does not answer" + Since(f.StoreSince, now)
	}
	return text
}

// counts are how many docroots stand how, such as "3 in step, 1 behind".
func (f *FleetStatus) counts() string {
	counts := map[string]int{}
	for _, s := range f.Standings {
		counts[s.State]++
	}
	var texts []string
	for _, state := range FleetStates {
		if n := counts[state]; n > 0 || state == FleetInStep {
			texts = append(texts, fmt.Sprintf("%d %s", n, state))
		}
	}
	return strings.Join(texts, ", ")
}

// Refused says whether requests of some docroot are refused for where it stands.
func (f *FleetStatus) Refused() bool {
	return f.Refuses && slices.ContainsFunc(f.Standings, func(s FleetStanding) bool {
		return s.State == FleetBehind || s.State == FleetUnknown
	})
}

const maxFleetTroubles = 20 // more are counted

// troubles are what needs somebody: first the agent, then etcd, then sites.
func (f *FleetStatus) troubles(now time.Time) (all []Trouble) {
	if f == nil {
		return nil
	}
	refused := "; its requests are refused"
	switch {
	case f.Told.IsZero():
		text := "the agent of the fleet has not told where the sites stand since this machine has booted, or realdocd has a fleet: systemctl status realdocd-fleet"
		if f.Refuses {
			text += "; until it has, requests are refused"
		}
		return append(all, Trouble{"FLEET", text})
	case f.Silent > 0:
		all = append(all, trouble("FLEET", "the agent of the fleet is silent%s, so that this host takes part in no flip: systemctl status realdocd-fleet", Since(f.Told, now)))
	case f.StoreError != "":
		all = append(all, trouble("FLEET", "etcd does not answer%s, so that no site can be flipped: %s", Since(f.StoreSince, now), f.StoreError))
	}
	if len(f.Ignored) > 0 {
		all = append(all, trouble("FLEET", "the agent tells of what the configuration does not have (%s): systemctl reload realdocd, or realdocd-fleet",
			strings.Join(f.Ignored[:min(len(f.Ignored), maxFleetTroubles)], ", ")))
	}
	told := 0
	for _, s := range f.Standings {
		if s.State == FleetInStep {
			continue
		}
		if told++; told > maxFleetTroubles {
			continue
		}
		text := fmt.Sprintf("site %s is %s%s: %s", s.Site, stateInText(s.State), Since(s.Since, now), cmp.Or(s.Why, "the agent does not say why"))
		if f.Refuses && (s.State == FleetBehind || s.State == FleetUnknown) {
			text += refused
		}
		all = append(all, Trouble{"FLEET", text})
	}
	if more := told - maxFleetTroubles; more > 0 {
		all = append(all, trouble("FLEET", "%s more not in step: realdocd fleet status", Count(more, "site")))
	}
	return all
}

// stateInText is a state as a sentence has it.
func stateInText(state string) string {
	switch state {
	case FleetBehind:
		return "behind its fleet"
	case FleetUnknown:
		return "not compared with its fleet"
	}
	return state
}
