package main

import (
	"errors"
	"strings"
	"testing"
	"time"

	"realdocd/gateway/control"
)

func TestStatusCheck_IsOneLineWithTheCodeOfNagios(t *testing.T) {
	site := control.SiteStatus{Name: "shop", Docroot: "/srv/shop/current", Pool: "www", Release: "/srv/shop/releases/1"}
	up := control.ServerStatus{Address: "/fpm.sock", Up: true}
	for _, row := range []struct {
		name  string
		spoil func(d *fakeDaemon)
		code  int
		want  string
	}{
		{"all is well", func(*fakeDaemon) {}, 0, "REALDOCD OK - 1 pool, 1 site | 'www_running'=1;;;0;8 'www_waiting'=0;50;100;0;100 'www_longest_wait'=0.000s;;;0; 'www_requests'=7c 'www_refused'=0c"},
		{"a paused pool", func(d *fakeDaemon) { d.status.Pools[0].Paused = true }, 1, "REALDOCD WARNING - pool www is paused, 0 of 100 wait | "},
		{"half a queue", func(d *fakeDaemon) { d.status.Pools[0].Waiting = 50 }, 1, "REALDOCD WARNING - the queue of pool www is half full: 50 of 100 wait"},
		{"a full pool", func(d *fakeDaemon) { d.status.Pools[0].Running, d.status.Pools[0].Waiting = 8, 100 }, 2, "REALDOCD CRITICAL - pool www is full: 100 of 100 wait"},
		{"a server of two is down", func(d *fakeDaemon) {
			d.status.Pools[0].Servers = append(d.status.Pools[0].Servers, control.ServerStatus{Address: "/b.sock", Error: "connection | refused"})
		}, 1, "REALDOCD WARNING - pool www: /b.sock is down: connection / refused | "},
		{"no FPM answers", func(d *fakeDaemon) { d.ready.Add("pool www", errNo) }, 2, "REALDOCD CRITICAL - pool www: no | "},
		{"the process stops", func(d *fakeDaemon) { d.ready.Add("process", errNo) }, 2, "REALDOCD CRITICAL - process: no | "},
		{"a release is gone", func(d *fakeDaemon) { d.status.Sites[0].Gone = true }, 2, "REALDOCD CRITICAL - site shop: its live release was removed"},
		{"a stale link", func(d *fakeDaemon) { d.status.Sites[0].Stale = "it leads nowhere" }, 1, "REALDOCD WARNING - site shop: the last good release serves: it leads nowhere"},
		{"no release", func(d *fakeDaemon) { d.status.Sites[0].Release = "" }, 2, "REALDOCD CRITICAL - site shop: no release is known for /srv/shop/current"},
		{"a site is behind its fleet, and refused", func(d *fakeDaemon) {
			d.ready.Add("fleet", errors.New("site shop is behind its fleet: a\nsite blog is lost: b"))
			d.status.Fleet = &control.FleetStatus{Refuses: true, FleetReport: control.FleetReport{Standings: []control.FleetStanding{{Site: "shop", State: control.FleetBehind}}}}
		}, 2, "REALDOCD CRITICAL - fleet: site shop is behind its fleet: a; site blog is lost: b | "},
		{"a site is behind its fleet, and served", func(d *fakeDaemon) {
			d.ready.Add("fleet", errNo)
			d.status.Fleet = &control.FleetStatus{FleetReport: control.FleetReport{Standings: []control.FleetStanding{{Site: "shop", State: control.FleetBehind}}}}
		}, 1, "REALDOCD WARNING - fleet: no | "},
		{"etcd is away", func(d *fakeDaemon) {
			d.status.Fleet = &control.FleetStatus{FleetReport: control.FleetReport{StoreError: "connection refused"}}
		}, 1, "REALDOCD WARNING - fleet: etcd does not answer: connection refused | "},
		{"the agent is silent", func(d *fakeDaemon) {
			d.status.Fleet = &control.FleetStatus{Silent: control.Seconds(time.Minute)}
		}, 1, "REALDOCD WARNING - fleet: the agent is silent for 1m: systemctl status realdocd-fleet | "},
		{"the worst counts", func(d *fakeDaemon) { d.status.Sites[0].Gone, d.status.Pools[0].Paused = true, true }, 2, "REALDOCD CRITICAL - pool www is paused, 0 of 100 wait; site shop: its live release was removed"},
	} {
		t.Run(row.name, func(t *testing.T) {
			d := startFakeDaemon(t)
			d.status.Sites = []control.SiteStatus{site}
			d.status.Pools = []control.PoolStatus{{Name: "www", Running: 1, MaxConns: 8, Queue: 100, Requests: 7, Servers: []control.ServerStatus{up}}}
			d.ready.Ready = true
			row.spoil(d)
			code, stdout, stderr := run(t, "status", "--check", "--control", d.socket)
			if code != row.code || !strings.HasPrefix(stdout, row.want) || strings.Count(stdout, "\n") != 1 || stderr != "" {
				t.Errorf("exit code %d, stderr %q, stdout\n%swant %d\n%s", code, stderr, stdout, row.code, row.want)
			}
		})
	}
}

func TestStatusCheck_WithoutAnAnswer(t *testing.T) {
	socket := t.TempDir() + "/none"
	if code, stdout, _ := run(t, "status", "--check", "--control", socket); code != 2 || !strings.HasPrefix(stdout, "REALDOCD CRITICAL - ") {
		t.Errorf("of a gateway that does not run: %d %q", code, stdout)
	}
	if code, stdout, _ := run(t, "status", "--check", "--config", socket); code != 3 || !strings.HasPrefix(stdout, "REALDOCD UNKNOWN - ") {
		t.Errorf("of a configuration that is not there: %d %q", code, stdout)
	}
	d := startFakeDaemon(t)
	if code, stdout, _ := run(t, "status", "--check", "shpo", "--control", d.socket); code != 3 || !strings.HasPrefix(stdout, `REALDOCD UNKNOWN - there is no site "shpo"`) {
		t.Errorf("of a site that is not there: %d %q", code, stdout)
	}
}

func TestStatusRequests_IsATable(t *testing.T) {
	d := startFakeDaemon(t)
	began := time.Now().Add(-time.Minute)
	d.running = control.Requests{Total: 7, Unknown: "the process before is silent", Requests: []control.RunningRequest{
		{State: "php", Site: "shop", Release: "/srv/releases/42", Pool: "www", What: "GET /report", Began: began, Age: 75, PID: 4711, RequestID: "5f1d"},
		{State: "queue", Pool: "www", What: "GET /\x1b[2J", Age: 0.25},
	}}
	code, stdout, stderr := run(t, "status", "--requests", "--control", d.socket)
	want := `some may be missing: the process before is silent
AGE   STATE  SITE  RELEASE  POOL  PID   REQUEST ID  WHAT
1m    php    shop  42       www   4711  5f1d        GET /report
0.2s  queue  -     -        www   -     -           GET /\x1b[2J
and 5 more
`
	if code != exitDone || stderr != "" || stdout != want {
		t.Errorf("exit code %d, stderr %q, stdout\n%s\nwant\n%s", code, stderr, stdout, want)
	}
	d.running = control.Requests{}
	if _, stdout, _ := run(t, "status", "--requests", "shop", "--control", d.socket); stdout != "nothing runs\n" {
		t.Errorf("it says %q", stdout)
	}
}
