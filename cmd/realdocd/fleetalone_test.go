package main

import (
	"strings"
	"testing"
	"time"

	"realdocd/gateway/control"
	"realdocd/gateway/standing"
)

// inFleet gives the site a fleet. committed is the release that is, "" for none.
func (s *fakeSite) inFleet(committed string) control.FleetReport {
	s.t.Helper()
	s.edit("[pool.www]", "[fleet]\netcd = ['http://127.0.0.1:1']\nhost = 'web1'\n[pool.www]")
	st := control.FleetStanding{Site: "shop", State: control.FleetInStep, Release: committed}
	return control.FleetReport{Group: "www", Host: "web1", Standings: []control.FleetStanding{st}}
}

func TestASiteOfAFleetIsNotFlippedOnOneHostByAccident(t *testing.T) {
	for args, instead := range map[string]string{
		"flip shop 2":           "realdocd fleet flip",
		"flip shop 2 --bake 1s": "realdocd fleet flip",
		"rollback shop":         "realdocd fleet rollback",
		"deploy shop DIR":       "realdocd deploy --fleet",
		"canary shop 2":         "realdocd fleet canary",
		"canary shop --promote": "realdocd fleet canary",
	} {
		for name, told := range map[string]func(s *fakeSite, report control.FleetReport){
			"by the daemon": func(s *fakeSite, report control.FleetReport) {
				s.daemon.status.Fleet = &control.FleetStatus{FleetReport: report, Told: time.Now()}
				s.startDaemon()
			},
			"by the file of one that has not been told yet": func(s *fakeSite, report control.FleetReport) {
				s.daemon.status.Fleet = &control.FleetStatus{}
				s.startDaemon()
				s.keep(report)
			},
			"by the file of one that does not run": (*fakeSite).keep,
		} {
			t.Run(args+" "+name, func(t *testing.T) {
				s := newFakeSite(t, `releases = "DIR/new"`)
				s.addHistory("2", "flip")
				s.addHistory("1", "flip")
				source := s.source("new")
				told(s, s.inFleet("1"))
				code, _, stderr := s.run(strings.Fields(strings.ReplaceAll(args, "DIR", source))...)
				if code != exitNo {
					t.Errorf("exit code %d", code)
				}
				wantIn(t, stderr, "which has committed release 1: use "+instead+";", "--alone")
				if strings.Contains(stderr, "no release is live") {
					t.Errorf("it says %q", stderr)
				}
				s.wantLive(s.release("1"))
			})
		}
	}
}

// keep writes what a daemon was told in another boot.
func (s *fakeSite) keep(report control.FleetReport) {
	s.t.Helper()
	if err := standing.NewFile(s.dir+"/state", "another").Write(standing.New(report, 1, time.Now())); err != nil {
		s.t.Fatal(err)
	}
}

func TestASiteIsFlippedOnOneHostIfNothingIsCommittedOrAlone(t *testing.T) {
	for name, set := range map[string]func(s *fakeSite) (args []string){
		"nothing is committed":       func(s *fakeSite) []string { s.keep(s.inFleet("")); return nil },
		"another site is":            func(s *fakeSite) []string { r := s.inFleet("1"); r.Standings[0].Site = "other"; s.keep(r); return nil },
		"nobody was told":            func(s *fakeSite) []string { s.inFleet(""); return nil },
		"the configuration has none": func(s *fakeSite) []string { r := s.inFleet("1"); s.edit("etcd = ", "# "); s.keep(r); return nil },
		"alone":                      func(s *fakeSite) []string { s.keep(s.inFleet("1")); return []string{"--alone"} },
		"alone, by what nobody can be": func(s *fakeSite) []string {
			s.inFleet("1")
			s.write("state/fleet.json", "x")
			return []string{"--alone"}
		},
	} {
		s := newFakeSite(t)
		if code, _, stderr := s.run(append([]string{"flip", "shop", "2"}, set(s)...)...); code != exitDone {
			t.Errorf("%s: exit code %d: %s", name, code, stderr)
		}
		s.wantLive(s.release("2"))
	}
}

func TestASiteIsNotFlippedIfNobodyKnowsWhetherItIsOneOfAFleet(t *testing.T) {
	s := newFakeSite(t)
	s.inFleet("1")
	s.write("state/fleet.json", "x")
	code, _, stderr := s.run("flip", "shop", "2")
	if code != exitNo {
		t.Errorf("exit code %d", code)
	}
	wantIn(t, stderr, "is not known, so nothing was changed", "--alone")
	s.wantLive(s.release("1"))
	if code, _, stderr := s.run("flip", "shop", "2", "--dry-run"); code != exitDone {
		t.Errorf("a dry run: exit code %d: %s", code, stderr)
	}
}
