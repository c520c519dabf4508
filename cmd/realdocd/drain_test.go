package main

import (
	"strings"
	"testing"
	"time"

	"realdocd/gateway/control"
)

func TestDrainFindsAReleaseByItsPathOrItsName(t *testing.T) {
	for arg, want := range map[string]string{
		"DIR/releases/1":       "releases/1",
		"1":                    "releases/1", // known
		"2":                    "releases/2", // beside the live one
		"A":                    "A",          // a slot
		"DIR/releases/1/../1/": "releases/1",
	} {
		s := newFakeSite(t, `slots = ["DIR/A", "DIR/B"]`)
		s.daemon.site.Docroots = []control.DocrootStatus{{Releases: []control.ReleaseStatus{
			{Path: s.release("1"), Name: "1"}, {Path: s.release("3"), Name: "3", Live: true},
		}}}
		s.startDaemon()
		code, stdout, stderr := s.run("drain", "shop", strings.ReplaceAll(arg, "DIR", s.dir))
		if code != exitDone || stdout != "" || stderr != "" {
			t.Errorf("%s: exit code %d, stdout %q, stderr %q", arg, code, stdout, stderr)
		}
		s.wantAsked("POST /drain " + want)
	}
}

func TestDrainOfAReleaseThatIsNotThereIsANo(t *testing.T) {
	s := newFakeSite(t)
	s.daemon.site.Docroots = []control.DocrootStatus{{Releases: []control.ReleaseStatus{{Path: s.release("1"), Name: "1", Live: true}}}}
	s.startDaemon()
	for arg, want := range map[string]string{
		"4":             "site shop has no release \"4\": it has \"1\"; or give its directory",
		s.release("44"): "release " + s.release("44") + ": no such file or directory",
	} {
		if code, _, stderr := s.run("drain", "shop", arg); code != exitNo || stderr != "realdocd: "+want+"\n" {
			t.Errorf("exit code %d, stderr %q", code, stderr)
		}
	}
}

func TestDrainThatTakesTooLongListsWhatStillRuns(t *testing.T) {
	s := newFakeSite(t)
	s.daemon.busy[s.release("1")] = []control.Occupant{
		{Kind: "request", What: "GET /slow?a=b", Age: 75}, {Kind: "worker", What: "/index.php", Age: 3, PID: 71},
	}
	s.startDaemon()
	code, stdout, stderr := s.run("drain", "shop", s.release("1"), "--timeout", "2s")
	if code != exitNo || stderr != "realdocd: release "+s.release("1")+" did not drain within 2s\n" {
		t.Errorf("exit code %d, stderr %q", code, stderr)
	}
	if want := `KIND     WHAT           AGE   PID
request  GET /slow?a=b  1m    -
worker   /index.php     3.0s  71
`; stdout != want {
		t.Errorf("stdout\n%s\nwant\n%s", stdout, want)
	}
}

func TestStatusOfASiteHasReleasesWhoIsInsideAndTheHistory(t *testing.T) {
	d := control.SiteDetail{SiteStatus: control.SiteStatus{Name: "shop", Docroot: "/w/current/public", Pool: "www"}}
	d.Docroots = []control.DocrootStatus{{Docroot: "/w/current/public", Link: "/w/current", Releases: []control.ReleaseStatus{
		{
			Path: "/w/r/2", Name: "2", Live: true, Running: 1, Requests: 70, FirstSeen: ago(time.Minute), LastSeen: ago(time.Second),
			Inside: []control.Occupant{{Kind: "command", What: "php worker", Age: 12, PID: 81}},
		},
		{Path: "/w/r/1", Name: "1", Requests: 9, Failed: 1, FirstSeen: ago(time.Hour)},
	}}}
	for i := range 12 {
		by := "deploy"
		if i == 1 {
			by = "too old"
		}
		d.History = append(d.History, control.HistoryEntry{Time: ago(time.Duration(12-i) * time.Minute), Link: "/w/current", Release: "/w/r/2", By: by})
	}
	var out strings.Builder
	if err := (&statusView{}).writeSite(&out, d, nil, noon); err != nil {
		t.Fatal(err)
	}
	wantIn(t, out.String(), `site shop, pool www, docroot /w/current/public

RELEASE  LIVE  RUNNING  REQUESTS  FAILED  FIRST SEEN           LAST SEEN
2        live  1        70        0       2026-11-24 11:59:00  2026-11-24 11:59:59
1        -     0        9         1       2026-11-24 11:00:00  never

INSIDE  KIND     AGE  PID  WHAT
2       command  12s  81   php worker

LIVE SINCE           AGO  BY      RELEASE  LINK
2026-11-24 11:50:00  10m  deploy  2        /w/current
`)
	if strings.Contains(out.String(), "too old") {
		t.Errorf("more than ten of the history:\n%s", out.String())
	}
}

func TestStatusOfASiteAsksForItAlone(t *testing.T) {
	s := newFakeSite(t)
	s.startDaemon()
	code, stdout, stderr := s.run("status", "shop", "--json")
	if code != exitDone || stderr != "" {
		t.Errorf("exit code %d, stderr %q", code, stderr)
	}
	wantIn(t, stdout, `"name": "shop"`, `"history": null`)
	s.wantAsked()
}

func TestTheShellCompletesSites(t *testing.T) {
	for _, daemon := range []bool{true, false} {
		s := newFakeSite(t)
		if daemon {
			s.startDaemon()
		}
		for _, verb := range []string{"status", "flip", "rollback", "drain", "deploy", "exec"} {
			code, stdout, _ := run(t, "__complete", verb, "--config", s.config, "")
			if got, _, _ := strings.Cut(stdout, ":"); code != exitDone || got != "shop\n" {
				t.Errorf("%s: exit code %d, proposed %q", verb, code, stdout)
			}
		}
	}
}

func TestTheShellCompletesWhatFollowsASite(t *testing.T) {
	const nothing, directories, files = ":4\n", ":16\n", ":0\n"
	for _, row := range []struct {
		verb, running, stopped string
	}{
		{"drain", "1\n3\n:4\n", directories},
		{"flip", "1\n2\n3\n:4\n", "1\n2\n:4\n"},
		{"deploy", directories, directories},
		{"exec", files, files},
		{"status", nothing, nothing},
		{"rollback", nothing, nothing},
	} {
		s := newFakeSite(t)
		s.daemon.site.Docroots = []control.DocrootStatus{{Releases: []control.ReleaseStatus{
			{Path: s.release("3"), Name: "3", Live: true}, {Path: s.release("1"), Name: "1"},
		}}}
		if _, stdout, _ := run(t, "__complete", row.verb, "--config", s.config, "shop", ""); stdout != row.stopped {
			t.Errorf("%s without a daemon: proposed %q, want %q", row.verb, stdout, row.stopped)
		}
		s.startDaemon()
		if _, stdout, _ := run(t, "__complete", row.verb, "--config", s.config, "shop", ""); stdout != row.running {
			t.Errorf("%s: proposed %q, want %q", row.verb, stdout, row.running)
		}
	}
}

func TestAPatternWantsADocroot(t *testing.T) {
	s := newFakeSite(t)
	file := writeConfig(t, "control = ''\n[pool.www]\nserver = ['/fpm.sock']\n[site.all]\ndocroot = '"+s.dir+"/*/public'\n")
	for docroot, want := range map[string]string{
		"":                      "--docroot: the docroot of site all is the pattern ",
		"/elsewhere":            "--docroot: /elsewhere does not match the docroot of site all",
		s.dir + "/a/b/public":   "does not match the docroot of site all",
		s.dir + "/current/publ": "does not match the docroot of site all",
	} {
		code, _, stderr := run(t, "flip", "all", s.release("2"), "--config", file, "--docroot", docroot)
		if code != exitUsage {
			t.Errorf("%s: exit code %d", docroot, code)
		}
		wantIn(t, stderr, want)
	}
	if code, _, stderr := run(t, "flip", "all", s.release("2"), "--config", file, "--docroot", s.link+"/public"); code != exitDone {
		t.Errorf("exit code %d, stderr %q", code, stderr)
	}
	s.wantLive(s.release("2"))
}

func TestDrainNotesWhatThePoolOfADocrootOfAPatternDoesNotSee(t *testing.T) {
	s := newFakeSite(t)
	s.daemon.status.Pools = []control.PoolStatus{{Name: "fpm-s1"}}
	s.daemon.status.Sites[0] = control.SiteStatus{Name: "shop", Docroot: "/var/www/*/current", Pool: "fpm-{1}"}
	s.startDaemon()
	for _, args := range [][]string{{"shop/s1"}, {"shop", "--docroot", "/var/www/s1/current"}} {
		_, _, stderr := s.run(append([]string{"drain", "--timeout", "1s", args[0], s.release("2")}, args[1:]...)...)
		wantIn(t, stderr, "set status of [pool.fpm-s1]")
	}
}
