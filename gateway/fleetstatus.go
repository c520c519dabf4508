package gateway

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"realdocd/gateway/control"
	"realdocd/gateway/exposition"
	"realdocd/gateway/standing"
)

// A stood is where one docroot stands at a moment, or a whole pattern of which nothing is known.
type stood struct {
	control.FleetStanding
	site *site
}

// all is where the sites of a setup stand now, by their names.
func (s *standings) all(now *setup) (all []stood) {
	moment := standing.Now()
	for _, at := range s.byDocroot {
		all = append(all, stood{at.Now(moment), at.site})
	}
	for docroot, st := range now.sites.exact {
		if s.byDocroot[docroot] == nil {
			is, _ := s.at(st, docroot)
			all = append(all, stood{is, st})
		}
	}
	for _, st := range now.sites.globs {
		if !s.told {
			all = append(all, stood{control.FleetStanding{Site: st.Name, State: control.FleetUnknown, Since: s.began, Why: s.whyUntold()}, st})
		}
	}
	slices.SortFunc(all, func(a, b stood) int { return strings.Compare(a.Site, b.Site) })
	return all
}

// fleetStatus is what is known of the fleet; nil if there is none.
func (s *Server) fleetStatus() *control.FleetStatus {
	now := s.setup.Load()
	known := now.standings.Load()
	if known == nil {
		return nil
	}
	st := &control.FleetStatus{Refuses: known.refuses, Ignored: known.ignored}
	if table := s.fleet.known(); table != nil {
		report, told := table.Report()
		st.FleetReport, st.Told, st.Silent = *report, told, control.Seconds(table.Silent(standing.Now()))
	}
	st.Standings = []control.FleetStanding{}
	for _, is := range known.all(now) {
		st.Standings = append(st.Standings, is.FleetStanding)
	}
	return st
}

// maxNamed is how many sites a text names.
const maxNamed = 20

// fleetReady says which sites are not in step with the fleet, and why; nil if all are.
func (now *setup) fleetReady() error {
	var wrong []string
	for _, is := range now.standings.Load().all(now) {
		if is.State != control.FleetInStep {
			wrong = append(wrong, fmt.Sprintf("site %s is %s: %s", is.Site, stateText(is.State), orNoReason(is.Why)))
		}
	}
	if len(wrong) == 0 {
		return nil
	}
	if more := len(wrong) - maxNamed; more > 0 {
		wrong = append(wrong[:maxNamed], fmt.Sprintf("and %d more", more))
	}
	return errors.New(strings.Join(wrong, "\n"))
}

// stateText is a state as a sentence has it.
func stateText(state string) string {
	if state == control.FleetBehind {
		return "behind its fleet"
	}
	return state
}

// tellStandings logs what has changed of where the sites stand, each change once.
func (s *Server) tellStandings() {
	now := s.setup.Load()
	known := now.standings.Load()
	if known == nil || s.serves() != nil {
		return
	}
	changed := s.fleet.changed(known.all(now))
	for i, is := range changed {
		if i == maxNamed {
			s.log.Warn().Int("sites", len(changed)-i).Msg("more sites stand elsewhere in their fleet than before: see realdocd status")
			return
		}
		event, text := s.log.Warn(), "site is not in step with its fleet, and served"
		switch {
		case is.State == control.FleetInStep:
			event, text = s.log.Info(), "site is in step with its fleet"
		case known.refuses && !servesIn(is.State):
			text = "site is not in step with its fleet: its requests are refused"
		}
		event.Str("site", is.Site).Str("state", is.State).Str("release", is.Release).Str("why", is.Why).Msg(text)
	}
}

// changed are those that stand elsewhere than the log has it.
func (f *fleetSeat) changed(all []stood) (changed []stood) {
	f.mu.Lock()
	defer f.mu.Unlock()
	logged := make(map[string]string, len(all))
	for _, is := range all {
		logged[is.Site] = is.State
		if f.logged[is.Site] != is.State {
			changed = append(changed, is)
		}
	}
	f.logged = logged
	return changed
}

// watchStandings tells of what has followed by itself.
func (s *Server) watchStandings(now *setup) {
	if known := now.standings.Load(); known != nil && known.follows {
		s.tellStandings()
	}
}

// collectFleet has where the sites stand: how many docroots of each in each state.
func (s *Server) collectFleet(set *exposition.Set) {
	now := s.setup.Load()
	known := now.standings.Load()
	if known == nil {
		return
	}
	type key struct{ site, state string }
	counts := map[key]int{}
	for _, is := range known.all(now) {
		counts[key{is.site.Name, is.State}]++
		if !is.site.IsGlob() {
			set.Add(fleetCommit, float64(is.Seq), is.site.Name)
		}
	}
	for _, st := range now.sites.all {
		for _, state := range control.FleetStates {
			set.Add(fleetState, float64(counts[key{st.Name, state}]), st.Name, state)
		}
	}
	table := s.fleet.known()
	if table == nil {
		set.Add(fleetStoreUp, 0)
		set.Add(fleetAgentUp, 0)
		return
	}
	report, told := table.Report()
	set.Add(fleetStoreUp, flag(report.StoreError == ""))
	set.Add(fleetAgentUp, flag(table.Silent(standing.Now()) == 0))
	set.Add(fleetTold, seconds(told))
}
