package main

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"realdocd/gateway/control"
)

// aPattern is a site with 300 docroots: s007 is busy, s100 has lost its release.
func aPattern() control.SiteDetail {
	d := control.SiteDetail{SiteStatus: control.SiteStatus{Name: "all", Docroot: "/var/www/*/current", Pool: "fpm-{1}"}}
	for i := range 300 {
		name := fmt.Sprintf("s%03d", i)
		one := control.DocrootStatus{
			Docroot: "/var/www/" + name + "/current", Link: "/var/www/" + name + "/current", Tenant: name, Pool: "fpm-" + name,
			Releases: []control.ReleaseStatus{
				{Name: "41", Path: "/var/www/" + name + "/releases/41", Requests: 5},
				{Name: "42", Path: "/var/www/" + name + "/releases/42", Live: true, Requests: int64(i), FirstSeen: ago(time.Hour), LastSeen: ago(time.Duration(i) * time.Second)},
			},
		}
		switch i {
		case 7:
			one.Releases[1].Running, one.Releases[1].Failed = 3, 2
		case 100:
			one.Stale, one.Gone = "the link leads nowhere", true
		}
		d.Docroots = append(d.Docroots, one)
	}
	d.History = []control.HistoryEntry{{Time: ago(time.Hour), Link: "/var/www/s001/current", Release: "/var/www/s001/releases/42", By: "deploy"}}
	return d
}

func (v *statusView) siteText(t *testing.T, d control.SiteDetail, was *earlier[control.SiteDetail]) []string {
	t.Helper()
	var out bytes.Buffer
	if err := v.writeSite(&out, d, was, noon); err != nil {
		t.Fatal(err)
	}
	return strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n")
}

func TestStatusOfAPatternHasALineForEachDocroot(t *testing.T) {
	lines := (&statusView{asked: "all"}).siteText(t, aPattern(), nil)
	want := []string{
		"site all, pool fpm-{1}, docroot /var/www/*/current: 300 docroots, 1 busy",
		"GONE  all/s100: the link leads nowhere",
		"",
		"TENANT  STATE  RELEASE  RUNNING  REQUESTS  FAILED  LIVE SINCE           LAST SEEN            POOL",
	}
	if diff := cmp.Diff(want, lines[:4]); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if len(lines) != 4+300+1+2 {
		t.Errorf("%d lines", len(lines))
	}
	if want := "s007    ok     42       3        12        2       " + timeCell(ago(time.Hour)) + "  " + timeCell(ago(7*time.Second)) + "  fpm-s007"; lines[11] != want {
		t.Errorf("got\n%s\nwant\n%s", lines[11], want)
	}
}

func TestStatusOfAPatternShowsTheBusyOnesAndSorts(t *testing.T) {
	names := func(v *statusView) (names []string) {
		for _, line := range v.siteText(t, aPattern(), nil)[4:] {
			if line == "" {
				return names
			}
			names = append(names, strings.Fields(line)[0])
		}
		return names
	}
	for _, tt := range []struct {
		view statusView
		want []string
	}{
		{statusView{busy: true}, []string{"s007", "s100"}},
		{statusView{sort: "requests"}, []string{"s299", "s298"}},
		{statusView{sort: "running"}, []string{"s007", "s000"}},
		{statusView{sort: "failed"}, []string{"s007", "s000"}},
		{statusView{sort: "last"}, []string{"s000", "s001"}},
		{statusView{sort: "name"}, []string{"s000", "s001"}},
		{statusView{sort: "waiting"}, []string{"s000", "s001"}},
	} {
		if got := names(&tt.view)[:2]; !cmp.Equal(tt.want, got) {
			t.Errorf("%+v: %q, want %q first", tt.view, got, tt.want)
		}
	}
}

func TestStatusOfATenantIsThatOfASite(t *testing.T) {
	d := aPattern()
	d.Docroots = d.Docroots[7:8]
	for _, v := range []*statusView{{asked: "all/s007"}, {asked: "all", docroot: "/var/www/s007/current"}} {
		lines := v.siteText(t, d, nil)
		if lines[0] != "site all/s007, pool fpm-s007, docroot /var/www/s007/current" || lines[1] != "" || !strings.HasPrefix(lines[2], "RELEASE  LIVE") {
			t.Errorf("got\n%s", strings.Join(lines, "\n"))
		}
	}
	if lines := (&statusView{asked: "all"}).siteText(t, d, nil); !strings.Contains(lines[0], "1 docroot, 1 busy") {
		t.Errorf("got\n%s", strings.Join(lines, "\n"))
	}
}

func TestAWatchHasTheRatesOfTenantsIn80Columns(t *testing.T) {
	was := &earlier[control.SiteDetail]{aPattern(), 2 * time.Second}
	now := aPattern()
	now.Docroots[7].Releases[1].Requests += 100
	now.Docroots = append(now.Docroots, control.DocrootStatus{Tenant: "new"})
	lines := (&statusView{asked: "all", width: 80}).siteText(t, now, was)
	for _, line := range lines {
		if len(line) > 80 {
			t.Errorf("%d columns: %s", len(line), line)
		}
	}
	if want := "TENANT  STATE  RELEASE  RUNNING  REQUESTS  FAILED  REQUESTS/S  FAILED/S"; lines[4] != want {
		t.Errorf("got\n%s\nwant\n%s", lines[4], want)
	}
	if want := "s007    ok     42       3        112       2       50          0"; lines[12] != want {
		t.Errorf("got\n%s\nwant\n%s", lines[12], want)
	}
	if !strings.HasPrefix(lines[305], "new     LOST   -") || !strings.HasSuffix(lines[305], "  -           -") {
		t.Errorf("got %s", lines[305])
	}
}

func TestAWatchOfPoolsFits80Columns(t *testing.T) {
	st := control.Status{PID: 812, Started: noon}
	for i := range 3 {
		st.Pools = append(st.Pools, control.PoolStatus{
			Name: fmt.Sprintf("customer%d", i), Running: 12, MaxConns: 40, Waiting: 3, Queue: 1024, LongestWait: 1, Requests: 123456, Refused: 99,
			Servers: []control.ServerStatus{{Address: fmt.Sprintf("/run/php/php8.2-fpm-customer%d.sock", i), Up: i != 1, Reuse: "on", Opened: 3, Reused: 97}},
		})
	}
	for _, width := range []int{80, 60, 40} {
		var out bytes.Buffer
		v := &statusView{width: width}
		v.writePools(&out, st.Pools, st, &earlier[control.Status]{st, time.Second})
		for line := range strings.Lines(out.String()) {
			if len(line)-1 > width && width >= 60 {
				t.Errorf("%d columns, want %d: %s", len(line)-1, width, line)
			}
		}
		header, _, _ := strings.Cut(out.String(), "\n")
		for _, column := range []string{"POOL", "STATE", "RUNNING", "WAITING", "REQUESTS/S", "REFUSED/S"} {
			if !strings.Contains(header, column) {
				t.Errorf("in %d columns there is no %s: %s", width, column, header)
			}
		}
	}
}

func TestStatesAreInColour(t *testing.T) {
	for line, want := range map[string]string{
		"DOWN  /run/a.sock of pool www: gone": red + "DOWN" + plainly + "  /run/a.sock of pool www: gone",
		"www   2 servers  2 DOWN  0":          "www   2 servers  " + red + "2 DOWN" + plainly + "  0",
		"www   a.sock     PAUSED  0":          "www   a.sock     " + yellow + "PAUSED" + plainly + "  0",
		"s1      LOST":                        "s1      " + red + "LOST" + plainly,
		"42  request  1s  -  GET /?DOWN":      "42  request  1s  -  GET /?DOWN",
		"a DOWN b":                            "a DOWN b",
		"www   a.sock     up      0":          "www   a.sock     up      0",
	} {
		if got := coloured(line); got != want {
			t.Errorf("%q: %q, want %q", line, got, want)
		}
	}
	if got := inColour("DOWN  a\nup\n"); got != red+"DOWN"+plainly+"  a\nup\n" {
		t.Errorf("%q", got)
	}
}

func TestThereIsNoColourOnAPipeNorIfNobodyWantsIt(t *testing.T) {
	if wantsColour(&bytes.Buffer{}) {
		t.Error("a buffer gets colour")
	}
	d := startBusyDaemon(t)
	d.status.Pools[0].Paused = true
	s := startOnTerminal(t, 120, 24, "status", "--watch=100ms", "--control", d.socket)
	s.waitFor(yellow + "PAUSED" + plainly)
	s.press("q")
	s.wantEnd()
	t.Setenv("NO_COLOR", "1")
	s = startOnTerminal(t, 120, 24, "status", "--watch=100ms", "--control", d.socket)
	s.waitFor("PAUSED")
	if strings.Contains(s.written(), yellow) {
		t.Error("NO_COLOR is not heard")
	}
	s.press("q")
	s.wantEnd()
}

func TestStatusOptionsAreChecked(t *testing.T) {
	for args, want := range map[string]string{
		"status --sort=runing":          `realdocd: --sort: there is no "runing"; did you mean "running"?`,
		"status --busy --json":          "realdocd: --busy and --sort are for people: --json has all, in the order of the configuration",
		"status --sort=name --check":    "realdocd: --busy and --sort are for the tables of status: leave them out",
		"status all --busy --requests":  "realdocd: --busy and --sort are for the tables of status: leave them out",
		"status --sort=zzzzzzzzzzzzzzz": `realdocd: --sort: there is no "zzzzzzzzzzzzzzz": there are "name", "running", "waiting", "requests", "failed", "last"`,
	} {
		if code, _, stderr := run(t, strings.Fields(args)...); code != exitUsage || !strings.HasPrefix(stderr, want+"\n") {
			t.Errorf("%s: exit code %d, %s", args, code, stderr)
		}
	}
}
