package main

import (
	"encoding/json"
	"errors"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"

	"realdocd/deploy"
	"realdocd/gateway/control"
)

func TestFlipAsksTheDaemonBeforeAndTellsItAfter(t *testing.T) {
	s := newFakeSite(t, `warm = ["/"]`)
	s.daemon.warm = []control.WarmResult{{URI: "/", Status: 200}}
	s.startDaemon()
	code, stdout, stderr := s.run("flip", "shop", s.release("2"), "--drain")
	if code != exitDone || stderr != "" {
		t.Errorf("exit code %d, stderr %q", code, stderr)
	}
	wantSteps(t, stdout, "read", "headroom", "warm", "compile", "flip", "drain")
	s.wantAsked("POST /headroom releases/2", "POST /warm releases/2", "POST /compile releases/2", "POST /look flip", "POST /drain releases/1")
	s.wantLive(s.release("2"))
	s.wantHistory() // the daemon writes it
}

func TestFlipWithoutADaemonFlipsAndSaysWhatItLeftOut(t *testing.T) {
	s := newFakeSite(t, `warm = ["/"]`)
	code, stdout, stderr := s.run("flip", "shop", s.release("2"))
	if code != exitDone {
		t.Errorf("exit code %d", code)
	}
	wantSteps(t, stdout, "read", "flip")
	wantIn(t, stderr, "nothing is warmed and nothing is drained: realdocd does not run")
	s.wantLive(s.release("2"))
	s.wantHistory("1 link", "2 flip")
}

// Each of these was once taken for the link, since it is the first on the docroot's path.
func TestFlipActsOnTheLinkAndNotOnAnAliasOfIt(t *testing.T) {
	for name, tt := range map[string]struct{ alias, text, docroot string }{
		"a parent":               {"www", ".", "/www/current/public"},
		"a link into the link":   {"pub", "current/public", "/pub"},
		"a second name":          {"stable", "current", "/stable/public"},
		"a second name of a way": {"www", ".", "/www/current/../current/public"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newFakeSite(t)
			s.edit(s.link+"/public", s.dir+tt.docroot)
			if err := os.Symlink(tt.text, s.dir+"/"+tt.alias); err != nil {
				t.Fatal(err)
			}
			if code, _, stderr := s.run("flip", "shop", s.release("2")); code != exitDone {
				t.Errorf("exit code %d: %s", code, stderr)
			}
			s.wantLive(s.release("2"))
			if text, err := os.Readlink(s.dir + "/" + tt.alias); err != nil || text != tt.text {
				t.Errorf("the alias says %q, %v", text, err)
			}
			s.wantHistory("1 link", "2 flip")
			if code, _, stderr := s.run("rollback", "shop"); code != exitDone {
				t.Errorf("exit code %d for a rollback: %s", code, stderr)
			}
			s.wantLive(s.release("1"))
		})
	}
}

func TestFlipOfALinkIntoAReleaseLeavesItsRootAlone(t *testing.T) {
	s := newFakeSite(t)
	s.edit(s.link+"/public", s.link)
	if err := errors.Join(os.Remove(s.link), os.Symlink("releases/1/public", s.link)); err != nil {
		t.Fatal(err)
	}
	if code, _, stderr := s.run("flip", "shop", s.release("2")); code != exitDone {
		t.Errorf("exit code %d: %s", code, stderr)
	}
	s.wantLive(s.release("2") + "/public")
	if code, _, stderr := s.run("deploy", "shop", s.release("2")); code != exitNo || !strings.Contains(stderr, "leads into a release, to its public") {
		t.Errorf("exit code %d: %s", code, stderr)
	}
}

func TestFlipRefusesWhereSeveralLinksCouldBeMeant(t *testing.T) {
	s := newFakeSite(t)
	if err := errors.Join(os.Symlink("releases/1", s.dir+"/A"), os.Remove(s.link), os.Symlink("A", s.link)); err != nil {
		t.Fatal(err)
	}
	for _, verb := range [][]string{{"flip", "shop", s.release("2")}, {"rollback", "shop"}, {"deploy", "shop", s.release("2")}} {
		code, _, stderr := s.run(verb...)
		if code != exitNo || !strings.Contains(stderr, `link_after = "`+s.dir+`" for `+s.link+`, or link_after = "`+s.link+`" for `+s.dir+"/A") {
			t.Errorf("%s: exit code %d: %s", verb[0], code, stderr)
		}
	}
	s.wantLive(s.release("1"))
}

func TestFlipStopsBeforeTheRename(t *testing.T) {
	for name, tt := range map[string]struct {
		args   []string
		set    func(*fakeSite)
		stderr string
	}{
		"where PHP-FPM cannot read the release": {
			set:    func(s *fakeSite) { s.daemon.headroom = control.Headroom{} },
			stderr: "realdocd: PHP-FPM cannot read ",
		},
		"where it does not fit and that is strict": {
			args:   []string{"--strict"},
			set:    func(s *fakeSite) { s.daemon.headroom = control.Headroom{Readable: true, Opcache: true} },
			stderr: "does not fit into the opcache beside the live release",
		},
		"at a warm-up that fails": {
			set: func(s *fakeSite) {
				s.daemon.warm = []control.WarmResult{{URI: "/", Error: "status 500", Head: "Fatal error: x"}}
			},
			stderr: "/: status 500\nrealdocd: Fatal error: x\n",
		},
		"where the docroot is missing": {
			set:    func(s *fakeSite) { os.Remove(s.release("2") + "/public") },
			stderr: "has no docroot: ",
		},
		"where the release is missing": {
			set:    func(s *fakeSite) { os.RemoveAll(s.release("2")) },
			stderr: "releases/2: no such file or directory",
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := newFakeSite(t, `warm = ["/"]`)
			tt.set(s)
			s.startDaemon()
			code, _, stderr := s.run(append([]string{"flip", "shop", s.release("2")}, tt.args...)...)
			if code != exitNo {
				t.Errorf("exit code %d", code)
			}
			wantIn(t, stderr, tt.stderr)
			s.wantLive(s.release("1"))
		})
	}
}

func TestFlipWarnsOfAFullOpcacheAndGoesOn(t *testing.T) {
	s := newFakeSite(t)
	s.daemon.headroom = control.Headroom{Readable: true, Opcache: true}
	s.startDaemon()
	code, _, stderr := s.run("flip", "shop", s.release("2"))
	if code != exitDone {
		t.Errorf("exit code %d", code)
	}
	wantIn(t, stderr, "does not fit into the opcache")
	s.wantLive(s.release("2"))
}

func TestFlipLeavesOutTheWarmUpWhenTold(t *testing.T) {
	s := newFakeSite(t, `warm = ["/"]`)
	s.startDaemon()
	s.run("flip", "shop", s.release("2"), "--no-warm")
	s.wantAsked("POST /headroom releases/2", "POST /look flip")
}

func TestFlipToTheLiveReleaseSaysSo(t *testing.T) {
	s := newFakeSite(t)
	s.startDaemon()
	code, stdout, stderr := s.run("flip", "shop", s.release("1"))
	if code != exitDone || stderr != "" {
		t.Errorf("exit code %d, stderr %q", code, stderr)
	}
	wantIn(t, stdout, "releases/1 is live already")
	s.wantAsked()
}

func TestFlipThatIsInterruptedBeforeTheRenameLeavesAll(t *testing.T) {
	s := newFakeSite(t, `warm = ["/"]`)
	s.daemon.warming = make(chan struct{})
	s.startDaemon()
	go func() {
		<-s.daemon.warming
		syscall.Kill(os.Getpid(), syscall.SIGINT)
	}()
	code, _, stderr := s.run("flip", "shop", s.release("2"))
	if code != exitNo {
		t.Errorf("exit code %d", code)
	}
	wantIn(t, stderr, "interrupted: nothing has changed for visitors, and "+s.release("1")+" is still live")
	s.wantLive(s.release("1"))
}

func TestFlipWhoseDrainTakesTooLongStandsAndListsWhoIsLeft(t *testing.T) {
	s := newFakeSite(t)
	s.daemon.busy[s.release("1")] = []control.Occupant{{Kind: "request", What: "GET /slow", Age: 31}}
	s.startDaemon()
	code, stdout, stderr := s.run("flip", "shop", s.release("2"), "--drain", "--timeout", "1s")
	if code != exitNo {
		t.Errorf("exit code %d", code)
	}
	wantIn(t, stdout, "KIND     WHAT       AGE  PID\nrequest  GET /slow  31s  -\n")
	wantIn(t, stderr, "did not drain within 1s")
	s.wantLive(s.release("2"))
}

func TestFlipWaitsForNoOtherDeploy(t *testing.T) {
	s := newFakeSite(t)
	lock, err := deploy.LockDeploy(s.link)
	if err != nil {
		t.Fatal(err)
	}
	defer lock.Unlock()
	code, _, stderr := s.run("flip", "shop", s.release("2"))
	if code != exitNo {
		t.Errorf("exit code %d", code)
	}
	wantIn(t, stderr, "another deploy is at work")
	s.wantLive(s.release("1"))
}

func TestFlipTellsItsStepsAsJSON(t *testing.T) {
	s := newFakeSite(t)
	s.startDaemon()
	code, stdout, _ := s.run("flip", "shop", s.release("2"), "--json")
	var got outcome
	if err := json.Unmarshal([]byte(stdout), &got); err != nil || code != exitDone {
		t.Fatalf("exit code %d: %v\n%s", code, err, stdout)
	}
	var names []string
	for _, s := range got.Steps {
		names = append(names, s.Name)
	}
	if !got.OK || !got.Live || got.Release != s.release("2") || got.Before != s.release("1") || !slices.Equal(names, []string{"read", "headroom", "compile", "flip"}) {
		t.Errorf("got %+v", got)
	}
	wantIn(t, stdout, s.link+" -> "+s.release("2"))
}

func TestFlipThatFailsTellsWhyAsJSON(t *testing.T) {
	s := newFakeSite(t)
	s.daemon.busy[s.release("1")] = []control.Occupant{{Kind: "request", What: "GET /slow", Age: 31}}
	s.startDaemon()
	code, stdout, _ := s.run("flip", "shop", s.release("2"), "--json", "--drain")
	var got outcome
	if err := json.Unmarshal([]byte(stdout), &got); err != nil || code != exitNo {
		t.Fatalf("exit code %d: %v\n%s", code, err, stdout)
	}
	if got.OK || !got.Live || got.Error == "" || len(got.Inside) != 1 {
		t.Errorf("got %+v", got)
	}
}

func TestFlipOfASiteThatIsNotThereSaysWhichAre(t *testing.T) {
	s := newFakeSite(t)
	code, _, stderr := s.run("flip", "shpo", s.release("2"))
	if want := "realdocd: " + s.config + ": there is no site \"shpo\"; did you mean \"shop\"?\n"; code != exitNo || stderr != want {
		t.Errorf("exit code %d, stderr %q", code, stderr)
	}
}

func TestRollbackGoesToTheReleaseBefore(t *testing.T) {
	for _, daemon := range []bool{true, false} {
		s := newFakeSite(t)
		s.addHistory("2", "flip")
		s.addHistory("1", "flip")
		if daemon {
			s.startDaemon()
		}
		code, stdout, stderr := s.run("rollback", "shop")
		if code != exitDone || daemon && stderr != "" {
			t.Errorf("exit code %d, stderr %q", code, stderr)
		}
		wantIn(t, stdout, "rollback  to "+s.release("2")+", live since ")
		s.wantLive(s.release("2"))
		if daemon {
			s.wantAsked("POST /headroom releases/2", "POST /compile releases/2", "POST /look rollback")
		} else {
			s.wantHistory("2 flip", "1 flip", "2 rollback")
		}
	}
}

func TestASecondRollbackGoesOneFurtherBackAndSaysSo(t *testing.T) {
	s := newFakeSite(t)
	s.mkdir("releases/3/public")
	for _, release := range []string{"3", "gone", "2", "1"} {
		s.addHistory(release, "flip")
	}
	s.run("rollback", "shop")
	s.wantLive(s.release("2"))
	code, stdout, _ := s.run("rollback", "shop")
	wantIn(t, stdout, "; it is further back than 2, which a rollback went to; passed over: gone: it is gone")
	s.wantLive(s.release("3"))
	if code != exitDone {
		t.Errorf("exit code %d", code)
	}
	code, _, stderr := s.run("rollback", "shop")
	wantIn(t, stderr, "further back than "+s.release("3"))
	s.wantLive(s.release("3"))
	if code != exitNo {
		t.Errorf("exit code %d", code)
	}
}

func TestRollbackThatHasNowhereToGoSaysSo(t *testing.T) {
	s := newFakeSite(t)
	s.startDaemon()
	_, _, stderr := s.run("rollback", "shop")
	wantIn(t, stderr, "the history has no release of "+s.link+" before "+s.release("1"))
	s.addHistory("2", "flip")
	os.RemoveAll(s.release("2"))
	code, _, stderr := s.run("rollback", "shop")
	if code != exitNo {
		t.Errorf("exit code %d", code)
	}
	wantIn(t, stderr, "could be gone back to (2: it is gone): name one, with realdocd flip shop RELEASE_DIR")
	s.wantLive(s.release("1"))
}
