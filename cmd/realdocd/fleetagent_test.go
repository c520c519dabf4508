package main

import (
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"realdocd/deploy/fleet"
	"realdocd/gateway/control"
	"realdocd/test/stack"
)

// wantJoined has a group, once a host's agent is there and says where it stands with a site.
func wantJoined(t *testing.T, c *fleet.Commander, host, site string) {
	t.Helper()
	stack.Until(t, host+" is there and says where it stands with "+site, func() bool {
		view, err := c.View(t.Context(), site)
		return err == nil && len(view.Hosts) == 1 && view.Hosts[0].Host == host && view.Hosts[0].Present &&
			len(view.Sites) == 1 && view.Sites[0].Hosts[0].State == fleet.InStep
	})
}

// SIGHUP is how the unit reloads the agent.
func TestFleetAgent_TakesAnotherConfigurationOnSIGHUP(t *testing.T) {
	s := newFakeSite(t)
	s.startDaemon()
	etcd := stack.For(t, "etcd").Etcd()
	s.edit("[pool.www]", fmt.Sprintf("[fleet]\netcd = ['http://%s']\nhost = 'web1'\n[pool.www]", etcd.Addr))
	store, err := fleet.OpenEtcd(fleet.EtcdConfig{Endpoints: []string{"http://" + string(etcd.Addr)}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	group := func(name string) *fleet.Commander {
		return &fleet.Commander{Store: store, Keys: fleet.NewKeys("/realdocd", name), By: "test"}
	}
	agent := startChild(t, `exec "$0" fleet agent "$@"`, nil, "--config", s.config)
	agent.says("agent runs")
	wantJoined(t, group("www"), "web1", "shop")

	// A site more: the agent goes on, and names it.
	s.mkdir("blog/releases/1/public")
	if err := os.Symlink("releases/1", s.dir+"/blog/current"); err != nil {
		t.Fatal(err)
	}
	s.edit("[site.shop]", fmt.Sprintf("[site.blog]\ndocroot = '%s/blog/current/public'\n[site.shop]", s.dir))
	agent.signal(syscall.SIGHUP)
	if taken := agent.says("configuration taken"); fmt.Sprint(taken["sites"]) != "[blog shop]" {
		t.Errorf("it says %v", taken)
	}
	wantJoined(t, group("www"), "web1", "blog")

	// What it cannot take changes nothing, and the log says why.
	for old, row := range map[string]struct{ next, fault string }{
		"host = 'web1'":    {"hots = 'web1'", "unknown key"},
		s.dir + `/state"`:  {s.dir + `/other"`, "state_dir cannot change while the agent runs"},
		"etcd = ['http://": {"ca_file = '/nowhere.pem'\netcd = ['https://", "/nowhere.pem"},
	} {
		s.edit(old, row.next)
		agent.signal(syscall.SIGHUP)
		if e := agent.says("configuration not taken: the one before stays"); !strings.Contains(fmt.Sprint(e["fault"]), row.fault) {
			t.Errorf("with %s it says %v", row.next, e)
		}
		s.edit(row.next, old)
		wantJoined(t, group("www"), "web1", "shop")
	}

	// Another group: it leaves the one and joins the other.
	s.edit("[fleet]", "[fleet]\ngroup = 'api'")
	agent.signal(syscall.SIGHUP)
	agent.says("the agent begins anew")
	agent.says("configuration taken")
	wantJoined(t, group("api"), "web1", "blog")
	if view, err := group("www").View(t.Context(), ""); err != nil || len(view.Hosts) != 1 || view.Hosts[0].Present {
		t.Errorf("in the group of before there are %+v, %v", view.Hosts, err)
	}
	if _, err := group("www").Flip(t.Context(), fleet.Flip{Site: "shop", Release: "2"}); err == nil || !strings.Contains(err.Error(), "web1: it is absent") {
		t.Errorf("a flip of that group says %v", err)
	}

	// No fleet any more: it ends, in order.
	s.edit(fmt.Sprintf("etcd = ['http://%s']", etcd.Addr), "")
	agent.signal(syscall.SIGHUP)
	agent.says("the configuration has no fleet any more: the agent ends")
	if code := agent.exits(); code != exitDone {
		t.Errorf("exit code %d", code)
	}
	if view, err := group("api").View(t.Context(), ""); err != nil || view.Hosts[0].Present {
		t.Errorf("its lease was not ended: %+v, %v", view.Hosts, err)
	}
}

// What this command finds of etcd is of now; the agent knows since when.
func TestFleetStatus_SaysWhatTheAgentOfThisHostKnowsOfAnEtcdThatIsAway(t *testing.T) {
	since := time.Now().Add(-10 * time.Minute)
	for name, row := range map[string]struct {
		fleet *control.FleetStatus
		wants []string
	}{
		"it is away for the agent too": {
			&control.FleetStatus{Told: time.Now(), FleetReport: control.FleetReport{StoreError: "no answer", StoreSince: since}},
			[]string{"the agent of this host has had no answer since " + timeCell(since), "(10m ago)", "flips wait until etcd is back"},
		},
		"the agent had an answer still": {
			&control.FleetStatus{Told: since},
			[]string{"the agent of this host had an answer still at " + timeCell(since), "all hosts serve what they have"},
		},
		"nobody has told":     {&control.FleetStatus{}, []string{"all hosts serve what they have; flips wait until it is back"}},
		"there is no fleet":   {nil, []string{"all hosts serve what they have; flips wait until it is back"}},
		"no daemon that runs": {nil, []string{"all hosts serve what they have; flips wait until it is back"}},
	} {
		t.Run(name, func(t *testing.T) {
			s := newFakeSite(t)
			s.inFleet("")
			s.daemon.status.Fleet = row.fleet
			if name != "no daemon that runs" {
				s.startDaemon()
			}
			code, stdout, stderr := s.run("fleet", "status")
			wantNo(t, code, stdout, stderr, append(row.wants, "127.0.0.1:1", "look whether etcd runs there")...)
			code, stdout, _ = s.run("fleet", "status", "--json")
			if code != exitNo || !strings.Contains(stdout, row.wants[0]) {
				t.Errorf("exit code %d, %s", code, stdout)
			}
		})
	}
}
