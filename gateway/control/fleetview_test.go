package control

import (
	"strings"
	"testing"
	"time"
)

func TestFleetView_SaysWhereTheHostStandsAndWhatNeedsSomebody(t *testing.T) {
	now := time.Date(2026, 11, 27, 12, 0, 0, 0, time.Local)
	ago := func(d time.Duration) time.Time { return now.Add(-d) }
	www := func(standings ...FleetStanding) FleetReport {
		return FleetReport{Group: "www", Host: "www1", Standings: standings}
	}
	lost := www(FleetStanding{Site: "shop", State: FleetInStep})
	lost.StoreError, lost.StoreSince = "connection refused", ago(3*time.Minute)
	for name, row := range map[string]struct {
		is       FleetStatus
		line     string
		troubles []string
	}{
		"nobody has told": {
			FleetStatus{Refuses: true, FleetReport: FleetReport{Standings: []FleetStanding{{Site: "shop", State: FleetUnknown}}}},
			"fleet of which the agent has not told yet: 0 in step, 1 unknown",
			[]string{"the agent of the fleet has not told where the sites stand since this machine has booted, or realdocd has a fleet: systemctl status realdocd-fleet; until it has, requests are refused"},
		},
		"all in step": {
			FleetStatus{FleetReport: www(FleetStanding{Site: "blog", State: FleetInStep}, FleetStanding{Site: "shop", State: FleetInStep}), Told: ago(2 * time.Second)},
			"fleet www, host www1: 2 in step; told 2.0s ago", nil,
		},
		"one is behind": {
			FleetStatus{Refuses: true, Told: ago(2 * time.Second), FleetReport: www(
				FleetStanding{Site: "blog", State: FleetInStep}, FleetStanding{Site: "shop", State: FleetBehind, Why: "release 43 is not here", Since: ago(time.Minute)})},
			"fleet www, host www1: 1 in step, 1 behind; told 2.0s ago",
			[]string{"site shop is behind its fleet since 2026-11-27 11:59:00 (1m): release 43 is not here; its requests are refused"},
		},
		"one is behind and served, and one has strayed": {
			FleetStatus{Told: ago(2 * time.Second), FleetReport: www(
				FleetStanding{Site: "blog", State: FleetStrayed}, FleetStanding{Site: "shop", State: FleetBehind, Why: "release 43 is not here"})},
			"fleet www, host www1: 0 in step, 1 behind, 1 strayed; told 2.0s ago",
			[]string{"site blog is strayed: the agent does not say why", "site shop is behind its fleet: release 43 is not here"},
		},
		"etcd is away": {
			FleetStatus{Told: ago(time.Second), FleetReport: lost},
			"fleet www, host www1: 1 in step; told 1.0s ago; etcd does not answer since 2026-11-27 11:57:00 (3m)",
			[]string{"etcd does not answer since 2026-11-27 11:57:00 (3m), so that no site can be flipped: connection refused"},
		},
		"the agent is silent, and knows another configuration": {
			FleetStatus{Told: ago(time.Hour), Silent: Seconds(time.Hour), Ignored: []string{"shpo"}, FleetReport: www()},
			"fleet www, host www1: 0 in step; told 1h0m ago",
			[]string{
				"the agent of the fleet is silent since 2026-11-27 11:00:00 (1h0m), so that this host takes part in no flip: systemctl status realdocd-fleet",
				"the agent tells of what the configuration does not have (shpo): systemctl reload realdocd, or realdocd-fleet",
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			if got := row.is.Line(now); got != row.line {
				t.Errorf("the line is\n%s, want\n%s", got, row.line)
			}
			var texts []string
			for _, one := range (Status{Fleet: &row.is}).Troubles(now) {
				if one.Word != "FLEET" {
					t.Errorf("the word is %s", one.Word)
				}
				texts = append(texts, one.Text)
			}
			if got, want := strings.Join(texts, "\n"), strings.Join(row.troubles, "\n"); got != want {
				t.Errorf("what needs somebody is\n%s\nwant\n%s", got, want)
			}
		})
	}
}

func TestFleetView_ManyTroublesAreCounted(t *testing.T) {
	is := FleetStatus{Told: time.Now()}
	for range 33 {
		is.Standings = append(is.Standings, FleetStanding{Site: "shop", State: FleetLost})
	}
	all := (Status{Fleet: &is}).Troubles(time.Now())
	if n := len(all); n != maxFleetTroubles+1 || all[n-1].Text != "13 sites more not in step: realdocd fleet status" {
		t.Errorf("there are %d, the last %+v", n, all[n-1])
	}
}
