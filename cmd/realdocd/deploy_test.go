package main

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"realdocd/deploy"
	"realdocd/gateway/control"
)

// source makes a directory to deploy, with the text in public/index.php.
func (s *fakeSite) source(text string) string {
	s.t.Helper()
	dir := s.mkdir("source")
	s.mkdir("source/public")
	if err := os.WriteFile(dir+"/public/index.php", []byte(text), 0o644); err != nil {
		s.t.Fatal(err)
	}
	return dir
}

func (s *fakeSite) wantServed(want string) {
	s.t.Helper()
	if text, err := os.ReadFile(s.link + "/public/index.php"); err != nil || string(text) != want {
		s.t.Errorf("served is %q (%v), want %q", text, err, want)
	}
}

// flipTo points the link elsewhere, before the test begins.
func (s *fakeSite) flipTo(dir string) {
	s.t.Helper()
	os.Remove(s.link)
	if dir == "" {
		return
	}
	if err := os.Symlink(dir, s.link); err != nil {
		s.t.Fatal(err)
	}
}

// made makes an empty directory that deploys of the site have made.
func (s *fakeSite) made(name string) {
	s.t.Helper()
	rec := deploy.Record{Kind: deploy.KindSlot, Site: "shop", Made: time.Now()}
	if _, err := deploy.NewRecords(s.dir+"/state").MakeDir(s.dir+"/"+name, rec); err != nil {
		s.t.Fatal(err)
	}
}

func TestDeployDrainsTheIdleSlotThenFillsItThenFlips(t *testing.T) {
	s := newFakeSite(t, `slots = ["DIR/A", "DIR/B"]`, `warm = ["/"]`)
	s.flipTo(s.mkdir("A"))
	s.mkdir("A/public")
	s.mkdir("B")
	s.startDaemon()
	code, stdout, stderr := s.run("deploy", "shop", s.source("new"))
	if code != exitDone || stderr != "" {
		t.Errorf("exit code %d, stderr %q", code, stderr)
	}
	wantSteps(t, stdout, "drain", "fill", "read", "headroom", "warm", "compile", "flip")
	s.wantAsked("POST /drain B", "POST /headroom B", "POST /warm B", "POST /compile B", "POST /look deploy")
	s.wantLive(s.dir + "/B")
	s.wantServed("new")
}

func TestDeployDoesNotTouchASlotThatIsBusy(t *testing.T) {
	s := newFakeSite(t, `slots = ["DIR/A", "DIR/B"]`)
	s.flipTo(s.mkdir("A"))
	s.mkdir("A/public")
	s.made("B")
	s.mkdir("B/old")
	s.daemon.busy[s.dir+"/B"] = []control.Occupant{{Kind: "command", What: "php worker", Age: 90, PID: 17}}
	s.startDaemon()
	code, stdout, stderr := s.run("deploy", "shop", s.source("new"))
	if code != exitNo || wantDirectory(s.dir+"/B/old") != nil {
		t.Errorf("exit code %d, stderr %q", code, stderr)
	}
	wantIn(t, stdout, "KIND     WHAT        AGE  PID\ncommand  php worker  1m   17\n")
	wantIn(t, stderr, "slot "+s.dir+"/B was not touched: ")
	s.wantLive(s.dir + "/A")
}

func TestTheFirstDeployMakesTheLink(t *testing.T) {
	for _, keys := range []string{`slots = ["DIR/A", "DIR/B"]`, `releases = "DIR/new"`} {
		s := newFakeSite(t, keys, `warm = ["/"]`)
		s.daemon.warm = []control.WarmResult{{URI: "/", Status: 200}}
		s.flipTo("")
		s.startDaemon()
		code, stdout, stderr := s.run("deploy", "shop", s.source("new"))
		if code != exitDone || stderr != "" {
			t.Errorf("%s: exit code %d, stderr %q", keys, code, stderr)
		}
		wantSteps(t, stdout, "fill", "read", "headroom", "warm", "compile", "flip")
		s.wantServed("new")
	}
}

func TestDeployKeepsSoManyReleases(t *testing.T) {
	s := newFakeSite(t, `releases = "DIR/new"`, "keep = 2")
	s.startDaemon()
	for _, text := range []string{"a", "b", "c", "d", "e", "f"} {
		if code, _, stderr := s.run("deploy", "shop", s.source(text)); code != exitDone || stderr != "" {
			t.Fatalf("exit code %d, stderr %q", code, stderr)
		}
		s.wantServed(text)
	}
	// The live one, the one before, and two more.
	if left, _ := filepath.Glob(s.dir + "/new/*"); len(left) != 4 {
		t.Errorf("left are %q", left)
	}
}

func TestDeployLeavesAnExpiredReleaseThatIsBusy(t *testing.T) {
	s := newFakeSite(t, `releases = "DIR/new"`, "keep = 1")
	s.startDaemon()
	s.run("deploy", "shop", s.source("a"))
	oldest, err := filepath.EvalSymlinks(s.link)
	if err != nil {
		t.Fatal(err)
	}
	s.daemon.busy[oldest] = []control.Occupant{{Kind: "request", What: "GET /slow", Age: 3}}
	s.run("deploy", "shop", s.source("b"))
	s.run("deploy", "shop", s.source("c"))
	code, _, stderr := s.run("deploy", "shop", s.source("d"))
	if code != exitDone || wantDirectory(oldest) != nil {
		t.Errorf("exit code %d", code)
	}
	wantIn(t, stderr, "release "+oldest+" stays: ", "the oldest of 1 is GET /slow")
}

func TestDeployWithoutADaemonRemovesNothing(t *testing.T) {
	s := newFakeSite(t, `releases = "DIR/new"`, "keep = 1")
	for _, text := range []string{"a", "b", "x"} {
		if code, _, stderr := s.run("deploy", "shop", s.source(text)); code != exitDone {
			t.Fatalf("exit code %d, stderr %q", code, stderr)
		}
	}
	_, _, stderr := s.run("deploy", "shop", s.source("c"))
	wantIn(t, stderr, "is not removed: nobody knows whether something runs in it")
	s.wantServed("c")
}

func TestADeployThatFailsItsWarmUpLeavesTheLiveRelease(t *testing.T) {
	s := newFakeSite(t, `releases = "DIR/new"`, `warm = ["/"]`)
	s.daemon.warm = []control.WarmResult{{URI: "/", Error: "status 500"}}
	s.startDaemon()
	if code, _, stderr := s.run("deploy", "shop", s.source("new")); code != exitNo {
		t.Errorf("exit code %d, stderr %q", code, stderr)
	}
	s.wantLive(s.release("1"))
}

func TestDeployOfASiteWithoutAPlaceForReleasesSaysWhatToSet(t *testing.T) {
	s := newFakeSite(t)
	s.startDaemon()
	code, _, stderr := s.run("deploy", "shop", s.source("new"))
	if code != exitNo {
		t.Errorf("exit code %d", code)
	}
	wantIn(t, stderr, "set slots or releases in [site.shop]")
}

func TestADryRunOfADeployRefusesWhatTheDeployWould(t *testing.T) {
	for name, tt := range map[string]struct {
		danger func(s *fakeSite)
		want   string
	}{
		"a file that no deploy brought": {func(s *fakeSite) {
			s.made("B")
			os.WriteFile(s.dir+"/B/.env", nil, 0o644)
		}, "  .env\n"},
		"a slot of somebody else": {func(s *fakeSite) { s.mkdir("B/x") }, "deploy has never filled it"},
	} {
		s := newFakeSite(t, `slots = ["DIR/A", "DIR/B"]`)
		s.flipTo(s.mkdir("A"))
		s.mkdir("A/public")
		tt.danger(s)
		code, _, stderr := s.run("deploy", "shop", s.source("new"), "--dry-run")
		if code != exitNo {
			t.Errorf("%s: exit code %d", name, code)
		}
		wantIn(t, stderr, tt.want)
		if rec, err := deploy.NewRecords(s.dir + "/state").Of(s.dir + "/B"); err != nil || rec != nil && !rec.Begun.IsZero() {
			t.Errorf("%s: the record is %+v, %v", name, rec, err)
		}
	}
}
