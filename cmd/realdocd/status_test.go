package main

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"realdocd/gateway/control"
)

func TestStatusJSONIsThatOfTheAPI(t *testing.T) {
	d := startFakeDaemon(t)
	d.status.Started = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	code, stdout, stderr := run(t, "status", "--json", "--control", d.socket)
	want, err := json.MarshalIndent(d.status, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	if code != exitDone || stderr != "" || stdout != string(want)+"\n" {
		t.Errorf("exit code %d, stderr %q, stdout\n%s\nwant\n%s", code, stderr, stdout, want)
	}
}

func TestStatusOfAQuietDaemonIsTwoTables(t *testing.T) {
	wantStatus(t, control.Status{
		PID: 812, Started: ago(75 * time.Hour), Connections: 57,
		Pools: []control.PoolStatus{{
			Name: "www", Running: 12, MaxConns: 12, Waiting: 37, Queue: 1024, LongestWait: 2.14, Requests: 183421, Refused: 12,
			Servers: []control.ServerStatus{{Address: "/run/php/php8.2-fpm.sock", Up: true, Running: 12, Opened: 11, Reused: 989, Reuse: "on"}},
		}, {
			Name: "api", Running: 1, Queue: 1024, Requests: 7,
			Servers: []control.ServerStatus{
				{Address: "10.0.0.2:9000", Up: true, Running: 1, Reuse: "off"},
				{Address: "10.0.0.3:9000", Up: true, Reuse: "off"},
			},
		}},
		Sites: []control.SiteStatus{
			{Name: "shop", Docroot: "/var/www/shop/current/public", Pool: "www", Release: "/var/www/shop/releases/42", Running: 3},
			{Name: "all", Docroot: "/var/www/*/current/public", Pool: "api"},
		},
	}, `
realdocd with pid 812, up for 3d3h, 57 connections of web servers

POOL  SERVER                    STATE  RUNNING  WAITING    KEPT  REQUESTS  REFUSED  REUSE
www   /run/php/php8.2-fpm.sock  up     12/12    37 (2.1s)  0     183421    12       on, 98%
api   2 servers                 up     1        0          0     7         0
      10.0.0.2:9000             up     1                   0                        off
      10.0.0.3:9000             up     0                   0                        off

SITE  DOCROOT                       POOL  RELEASE  RUNNING
shop  /var/www/shop/current/public  www   42       3
all   /var/www/*/current/public     api   -        0
`)
}

func TestStatusPutsTroubleFirst(t *testing.T) {
	up := control.ServerStatus{Address: "/a.sock", Up: true, Kept: 2, Reuse: "on"}
	down := control.ServerStatus{Address: "/b.sock", Since: ago(12 * time.Minute), Error: "connect: connection refused", Kept: 1, Reuse: "on"}
	wantStatus(t, control.Status{
		PID: 812, Started: ago(5 * time.Second), Connections: 1,
		Pools: []control.PoolStatus{
			{Name: "www", Paused: true, Running: 3, Queue: 40, Waiting: 37, LongestWait: 12, Servers: []control.ServerStatus{up}},
			{Name: "api", Running: 8, MaxConns: 8, Queue: 5, Waiting: 5, LongestWait: 75, Refused: 9, Servers: []control.ServerStatus{up}},
			{Name: "two", Servers: []control.ServerStatus{up, down}},
			{Name: "one", Servers: []control.ServerStatus{down}},
		},
		Sites: []control.SiteStatus{{Name: "shop", Docroot: "/var/www/shop/current/public", Pool: "www"}},
	}, `
realdocd with pid 812, up for 5.0s, 1 connection of web servers
PAUSED  pool www: 3 run, 37 of 40 wait, the first for 12s; end it with: realdocd resume www
FULL    pool api: 5 of 5 wait, the first for 1m; one more is refused with 503
DOWN    /b.sock of pool two since 2026-11-24 11:48:00 (12m): connect: connection refused
DOWN    /b.sock of pool one since 2026-11-24 11:48:00 (12m): connect: connection refused
LOST    site shop: no release is known for /var/www/shop/current/public; realdocd check says why

POOL  SERVER     STATE   RUNNING  WAITING   KEPT  REQUESTS  REFUSED  REUSE
www   /a.sock    PAUSED  3        37 (12s)  2     0         0        on
api   /a.sock    FULL    8/8      5 (1m)    2     0         9        on
two   2 servers  1 DOWN  0        0         3     0         0
      /a.sock    up      0                  2                        on
      /b.sock    DOWN    0                  1                        on
one   /b.sock    DOWN    0        0         1     0         0        on

SITE  DOCROOT                       POOL  RELEASE  RUNNING
shop  /var/www/shop/current/public  www   -        0
`)
}

func wantStatus(t *testing.T, st control.Status, want string) {
	t.Helper()
	var out strings.Builder
	if err := (&statusView{}).writeStatus(&out, st, nil, noon); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, "\n"+out.String()); diff != "" {
		t.Errorf("(-want +got):\n%s\n%s", diff, out.String())
	}
}

func TestAQueueIsFullWhenTheNextRequestIsRefused(t *testing.T) {
	for _, tt := range []struct {
		name string
		pool control.PoolStatus
		want bool
	}{
		{"no limit, no queue", control.PoolStatus{Running: 100}, false},
		{"a place is free", control.PoolStatus{Running: 7, MaxConns: 8}, false},
		{"no place, and none may wait", control.PoolStatus{Running: 8, MaxConns: 8}, true},
		{"no place, and one may wait", control.PoolStatus{Running: 8, MaxConns: 8, Queue: 1}, false},
		{"paused, and none may wait", control.PoolStatus{Paused: true}, true},
		{"paused, and the queue is full", control.PoolStatus{Paused: true, Waiting: 5, Queue: 5}, true},
	} {
		if got := tt.pool.IsFull(); got != tt.want {
			t.Errorf("%s: full is %v", tt.name, got)
		}
	}
}

func TestAnAgeHasTwoUnitsAtMost(t *testing.T) {
	for d, want := range map[time.Duration]string{
		-time.Second:                                  "0.0s",
		140 * time.Millisecond:                        "0.1s",
		9949 * time.Millisecond:                       "9.9s",
		59900 * time.Millisecond:                      "59s",
		59 * time.Minute:                              "59m",
		3*time.Hour + 12*time.Minute + 59*time.Second: "3h12m",
		76 * time.Hour:                                "3d4h",
	} {
		if got := control.Age(d); got != want {
			t.Errorf("%v: got %s, want %s", d, got, want)
		}
	}
}

func TestStatusShowsWhichReleasesAreGoneOrClosed(t *testing.T) {
	rows := releaseRows([]control.ReleaseStatus{
		{Name: "40", Gone: true, Closed: true}, {Name: "41", Closed: true}, {Name: "42", Live: true}, {Name: "43", Live: true, Gone: true}, {Name: "44"},
	})
	var have []string
	for _, r := range rows[1:] {
		have = append(have, r[0]+" "+r[1])
	}
	if want := []string{"40 GONE", "41 closed", "42 live", "43 GONE", "44 -"}; !slices.Equal(have, want) {
		t.Errorf("the rows are %q, want %q", have, want)
	}
}
