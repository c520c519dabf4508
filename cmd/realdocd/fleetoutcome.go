package main

import (
	"time"

	"realdocd/deploy/fleet"
)

// A fleetOutcome is what a flip of all hosts came to, once it is committed.
type fleetOutcome struct {
	Commit fleet.Commit `json:"commit"`
	// Already says that it was committed before, and nothing was done.
	Already bool `json:"already,omitempty"`
	// ByArrival is why the hosts flipped when they heard of it, and not at an instant.
	ByArrival string `json:"by_arrival,omitempty"`
	// Spread is from the first host's rename to the last one's.
	Spread float64        `json:"spread_seconds"`
	Hosts  []fleetApplied `json:"hosts"`
	// Late hosts have not gone by it yet, and Behind ones do not have the release.
	Late   []fleet.Wrong `json:"late,omitempty"`
	Behind []fleet.Wrong `json:"behind,omitempty"`
	Clocks []fleetClock  `json:"clocks,omitempty"`
}

// A fleetApplied is a host that has gone by a commit: when, by the clock that most hosts have, and how long after the
// instant, or after the commit. A host that does not say when has neither.
type fleetApplied struct {
	Host  string    `json:"host"`
	At    time.Time `json:"at,omitzero"`
	After float64   `json:"after_seconds"`
}

// A fleetClock is how far a host's clock is ahead of most others, and the bounds of how far it is ahead of this
// command's.
type fleetClock struct {
	Host  string  `json:"host"`
	Apart float64 `json:"apart_seconds"`
	Least float64 `json:"least_seconds"`
	Most  float64 `json:"most_seconds"`
}

func fleetOutcomeOf(r fleet.Report) *fleetOutcome {
	o := &fleetOutcome{
		Commit: r.Commit, Already: r.Already, ByArrival: r.ByArrival, Spread: r.Spread().Seconds(),
		Hosts: []fleetApplied{}, Late: r.Late, Behind: r.Wrongs,
	}
	for _, a := range r.Applied {
		o.Hosts = append(o.Hosts, fleetApplied{a.Host, a.At, a.After.Seconds()})
	}
	for _, c := range r.Clocks {
		o.Clocks = append(o.Clocks, fleetClock{c.Host, c.Apart.Seconds(), c.Least.Seconds(), c.Most.Seconds()})
	}
	return o
}
