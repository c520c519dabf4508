package standing

import (
	"slices"
	"time"

	"realdocd/gateway/control"
)

// A Table is what the agent has told, with the moment of that. It never changes.
type Table struct {
	report control.FleetReport
	at     Moment
	told   time.Time
}

// New is the Table of a report that was told at a moment, and when that was.
func New(report control.FleetReport, at Moment, told time.Time) *Table {
	report.Standings = slices.Clone(report.Standings)
	return &Table{report, at, told}
}

// At is the moment of it.
func (t *Table) At() Moment { return t.at }

// Report is what was told, and when. It is to be read only.
func (t *Table) Report() (*control.FleetReport, time.Time) { return &t.report, t.told }

// Silent is for how long the agent has been silent that has told it, beyond what it had said; 0 if
// it has not been, or never said.
func (t *Table) Silent(now Moment) time.Duration {
	again := time.Duration(t.report.Again)
	if again == 0 {
		return 0
	}
	if silent := now.Until(t.at); silent > silentAfter*again {
		return silent
	}
	return 0
}

// silentAfter is how many of the agent's times may pass.
const silentAfter = 3

// All are where the sites stand.
func (t *Table) All() []Standing {
	all := make([]Standing, len(t.report.Standings))
	for i := range all {
		all[i] = Standing{&t.report.Standings[i], t.at.After(time.Duration(t.report.Standings[i].For))}
	}
	return all
}

// Same says whether two reports say the same of the sites and of the store, with nothing to
// follow that would follow later by the newer one.
func (t *Table) Same(newer *control.FleetReport) bool {
	if len(t.report.Standings) != len(newer.Standings) || t.report.Group != newer.Group || t.report.Host != newer.Host ||
		t.report.StoreError != newer.StoreError || !t.report.StoreSince.Equal(newer.StoreSince) || t.report.Again != newer.Again {
		return false
	}
	for i := range newer.Standings {
		a, b := t.report.Standings[i], newer.Standings[i]
		if !a.Since.Equal(b.Since) || b.Next != "" {
			return false
		}
		if a.Since, b.Since = (time.Time{}), (time.Time{}); a != b {
			return false
		}
	}
	return true
}

// A Standing is one of a Table.
type Standing struct {
	*control.FleetStanding
	until Moment // for which State holds, if Next is not ""
}

// Now is the standing at a moment: with the state that has followed, or with what is left until it
// does.
func (s Standing) Now(now Moment) control.FleetStanding {
	is := *s.FleetStanding
	if is.Next == "" {
		return is
	}
	left := s.until.Until(now)
	if left > 0 {
		is.For = control.Seconds(left)
		return is
	}
	is.Since = time.Now().Add(left)
	is.State, is.Why, is.Next, is.NextWhy, is.For = is.Next, is.NextWhy, "", "", 0
	return is
}

// State is the state at a moment. A moment is asked for only if another may have followed.
func (s Standing) State(now func() Moment) string {
	if s.Next != "" && now() >= s.until {
		return s.Next
	}
	return s.FleetStanding.State
}
