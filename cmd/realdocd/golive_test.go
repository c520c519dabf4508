package main

import (
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"realdocd/gateway/control"
)

// write writes a file of a release, or of another directory of the site.
func (s *fakeSite) write(file, text string) string {
	s.t.Helper()
	file = s.dir + "/" + file
	if err := os.WriteFile(file, []byte(strings.ReplaceAll(text, "DIR", s.dir)), 0o644); err != nil {
		s.t.Fatal(err)
	}
	return file
}

// seen has the daemon know releases, the last one as live.
func (s *fakeSite) seen(releases ...control.ReleaseStatus) {
	releases[len(releases)-1].Live = true
	s.daemon.site.Docroots = []control.DocrootStatus{{Docroot: s.link + "/public", Link: s.link, Releases: releases}}
}

func TestAReleaseThatWouldRunCodeOfElsewhereDoesNotGoLive(t *testing.T) {
	for name, text := range map[string]string{
		"the source":            "<?php return ['view' => 'DIR/source/resources'];",
		"the name while filled": "<?php require 'DIR/new/.20261127.partial/a.php';",
		"another release":       "<?php require 'DIR/releases/1/a.php';",
	} {
		t.Run(name, func(t *testing.T) {
			s := newFakeSite(t, `releases = "DIR/new"`)
			s.startDaemon()
			s.mkdir("new/.20261127.partial") // what an interrupted deploy has left
			source := s.source("new")
			s.write("source/cache.php", text)
			code, _, stderr := s.run("deploy", "shop", source)
			if code != exitNo {
				t.Errorf("exit code %d", code)
			}
			wantIn(t, stderr, "/cache.php:1 names ", "before_flip", s.release("1")+" is still live\n")
			s.wantLive(s.release("1"))
			if code, _, stderr := s.run("deploy", "shop", source, "--anyway"); code != exitDone {
				t.Errorf("with --anyway: exit code %d, %s", code, stderr)
			}
		})
	}
}

func TestFlipTakesANameAsDrainDoes(t *testing.T) {
	s := newFakeSite(t)
	s.startDaemon()
	if code, _, stderr := s.run("flip", "shop", "2"); code != exitDone {
		t.Errorf("exit code %d, %s", code, stderr)
	}
	s.wantLive(s.release("2"))
	code, _, stderr := s.run("flip", "shop", "9")
	if code != exitNo {
		t.Errorf("exit code %d", code)
	}
	wantIn(t, stderr, `site shop has no release "9"`, s.release("2")+" is still live")
}

func TestADryRunChangesNothing(t *testing.T) {
	for name, args := range map[string][]string{
		"flip":               {"flip", "shop", "2"},
		"rollback":           {"rollback", "shop"},
		"deploy to a slot":   {"deploy", "shop", "SOURCE"},
		"deploy to releases": {"deploy", "shop", "SOURCE"},
	} {
		t.Run(name, func(t *testing.T) {
			keys := []string{`warm = ["/"]`}
			switch name {
			case "deploy to a slot":
				keys = append(keys, `slots = ["DIR/A", "DIR/B"]`)
			case "deploy to releases":
				keys = append(keys, `releases = "DIR/new"`)
			}
			s := newFakeSite(t, keys...)
			s.addHistory("2", "flip")
			s.addHistory("1", "flip")
			s.startDaemon()
			source := s.source("new")
			for i, arg := range args {
				args[i] = strings.ReplaceAll(arg, "SOURCE", source)
			}
			code, stdout, stderr := s.run(append(args, "--dry-run")...)
			if code != exitDone || stderr != "" {
				t.Errorf("exit code %d, %s", code, stderr)
			}
			wantIn(t, stdout, "would point "+s.link+" to ")
			s.wantLive(s.release("1"))
			for _, dir := range []string{"A", "B", "new"} {
				if wantDirectory(s.dir+"/"+dir) == nil {
					t.Errorf("%s was made", dir)
				}
			}
			for _, asked := range s.daemon.takeAsked() {
				if strings.Contains(asked, "/warm") || strings.Contains(asked, "/look") || strings.Contains(asked, "/drain") {
					t.Errorf("the daemon was asked %s", asked)
				}
			}
		})
	}
}

func TestWhatWasAskedForAndCannotBeDoneStopsTheFlip(t *testing.T) {
	for name, row := range map[string]struct {
		args   []string
		daemon func(*fakeSite) // nil: none runs
		want   string
	}{
		"a drain, without a daemon": {[]string{"--drain"}, nil, "--drain cannot be done"},
		"strict, without a daemon":  {[]string{"--strict"}, nil, "--strict wants to know"},
		"strict, and nothing known": {[]string{"--strict"}, func(s *fakeSite) { s.daemon.headroom = control.Headroom{Readable: true, Why: "no probe"} }, "--strict wants to know: no probe"},
		"strict, and no place to run": {
			[]string{"--strict"},
			func(s *fakeSite) { s.daemon.warm = []control.WarmResult{{URI: "/", Error: "no place", Unasked: true}} }, "/: no place",
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := newFakeSite(t, `warm = ["/"]`)
			if row.daemon != nil {
				row.daemon(s)
				s.startDaemon()
			}
			code, _, stderr := s.run(append([]string{"flip", "shop", "2"}, row.args...)...)
			if code != exitNo {
				t.Errorf("exit code %d", code)
			}
			wantIn(t, stderr, row.want, "releases/1 is still live")
			s.wantLive(s.release("1"))
		})
	}
}

// A rollback in need must not wait for what the need is about.
func TestNoPlaceInTimeIsNotAnAnswerOfTheRelease(t *testing.T) {
	s := newFakeSite(t, `warm = ["/", "/login"]`)
	s.daemon.warm = []control.WarmResult{{URI: "/", Error: "no place in time", Unasked: true}, {URI: "/login", Status: 302, Note: "it redirects to another host, id.example"}}
	s.startDaemon()
	code, stdout, stderr := s.run("flip", "shop", "2")
	if code != exitDone {
		t.Errorf("exit code %d", code)
	}
	wantIn(t, stderr, "/ was not run on "+s.release("2")+": no place in time; the release goes live without it")
	wantIn(t, stdout, "/login 302 (it redirects to another host, id.example)")
	s.wantLive(s.release("2"))
}

func TestAnFPMThatCannotRunTheProbeIsAWarning(t *testing.T) {
	s := newFakeSite(t)
	s.daemon.headroom = control.Headroom{Readable: true, Fits: true, Why: "PHP-FPM could not be asked: it has another root"}
	s.startDaemon()
	code, _, stderr := s.run("flip", "shop", "2")
	if code != exitDone {
		t.Errorf("exit code %d", code)
	}
	wantIn(t, stderr, "the opcache is not known: PHP-FPM could not be asked: it has another root")
	if code, stdout, stderr := s.run("flip", "shop", "1", "--no-headroom"); code != exitDone || stderr != "" || strings.Contains(stdout, "headroom") {
		t.Errorf("with --no-headroom: exit code %d, %s%s", code, stdout, stderr)
	}
}

func TestAnFPMThatIsTooBusyToAnswerDoesNotStopAWayBack(t *testing.T) {
	defer func(before time.Duration) { headroomTimeout = before }(headroomTimeout)
	headroomTimeout = 50 * time.Millisecond
	s := newFakeSite(t)
	s.daemon.stuck = true
	s.startDaemon()
	code, _, stderr := s.run("flip", "shop", "2")
	if code != exitDone {
		t.Errorf("exit code %d", code)
	}
	wantIn(t, stderr, "PHP-FPM did not answer within 50ms")
	s.wantLive(s.release("2"))
}

func TestAFullOpcacheIsEmptiedBeforeTheWarmUp(t *testing.T) {
	s := newFakeSite(t, `warm = ["/"]`)
	s.daemon.headroom = control.Headroom{Asked: true, Readable: true, Opcache: true, Known: true, Restart: true, NeedsMemory: 14 << 20, FreeMemory: 5 << 20}
	s.daemon.room = []control.RoomResult{{Server: "/fpm.sock", Done: true, Scripts: 340, Held: 0.5}}
	s.daemon.warm = []control.WarmResult{{URI: "/", Status: 200}}
	s.daemon.compiled = []control.CompiledResult{{Server: "/fpm.sock", Compiled: 3, Scripts: 343, Memory: 14 << 20}}
	s.startDaemon()
	code, stdout, stderr := s.run("flip", "shop", "2")
	if code != exitDone || stderr != "" {
		t.Errorf("exit code %d, %s", code, stderr)
	}
	s.wantAsked("POST /headroom releases/2", "POST /room", "POST /warm releases/2", "POST /compile releases/2", "POST /look flip")
	wantIn(t, stdout, "/fpm.sock began anew with 340 scripts, visitors waited 500ms", "343 scripts of the release in the opcache, 14.0 MiB, 3 of them as in the live one")
}

func TestADaemonThatSeesAnotherLinkIsAnError(t *testing.T) {
	s := newFakeSite(t)
	s.seen(control.ReleaseStatus{Path: s.release("2")}, control.ReleaseStatus{Path: s.release("1")})
	s.startDaemon()
	code, _, stderr := s.run("flip", "shop", "2")
	if code != exitNo {
		t.Errorf("exit code %d", code)
	}
	wantIn(t, stderr, "does not see this flip: for it "+s.link+" leads to "+s.release("1"), "the flip stands: ")
}

func TestADaemonThatCannotLookAtTheLinkSaysSo(t *testing.T) {
	s := newFakeSite(t)
	s.seen(control.ReleaseStatus{Path: s.release("2")}, control.ReleaseStatus{Path: s.release("1")})
	s.daemon.site.Docroots[0].Stale = "the file system does not answer"
	s.startDaemon()
	code, _, stderr := s.run("flip", "shop", "2")
	if code != exitNo {
		t.Errorf("exit code %d", code)
	}
	wantIn(t, stderr, "visitors get "+s.release("1")+" until it can: the file system does not answer", "the flip stands: ")
}

func TestASlotThatPHPRemembersIsNotFilled(t *testing.T) {
	php := func() *control.PHPMemory { p := phpDefaults(); return p }
	for name, row := range map[string]struct {
		php    *control.PHPMemory
		before string // file of the slot and of the source, with other text
		last   time.Duration
		want   string // "" is not a refusal
	}{
		"settings":                    {php(), "public/.user.ini", time.Minute, "user_ini.cache_ttl = 300"},
		"settings that are forgotten": {php(), "public/.user.ini", 10 * time.Minute, ""},
		"code":                        {php(), "public/a.php", time.Minute, ""},
		"PHP never looks again":       {&control.PHPMemory{UserINI: ".user.ini"}, "public/a.php", time.Hour, "opcache.validate_timestamps = 0"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newFakeSite(t, `slots = ["DIR/A", "DIR/B"]`)
			s.flipTo(s.mkdir("A"))
			s.mkdir("A/public")
			s.mkdir("B/public")
			source := s.source("new")
			s.write("B/"+row.before, "a=1")
			s.write("source/"+row.before, "a=2")
			s.daemon.headroom.PHP = row.php
			s.seen(control.ReleaseStatus{Path: s.dir + "/B", LastSeen: time.Now().Add(-row.last)}, control.ReleaseStatus{Path: s.dir + "/A"})
			s.daemon.grow = func() { // the daemon sees the flip
				if live, _ := os.Readlink(s.link); live == s.dir+"/B" {
					s.seen(control.ReleaseStatus{Path: s.dir + "/A"}, control.ReleaseStatus{Path: s.dir + "/B"})
				}
			}
			s.startDaemon()
			code, _, stderr := s.run("deploy", "shop", source, "--adopt", "--delete-new")
			if row.want == "" {
				if code != exitDone {
					t.Errorf("exit code %d, %s", code, stderr)
				}
				return
			}
			if text, _ := os.ReadFile(s.dir + "/B/" + row.before); code != exitNo || string(text) != "a=1" {
				t.Errorf("exit code %d, the slot has %q", code, text)
			}
			wantIn(t, stderr, row.want, s.dir+"/A is still live")
		})
	}
}

func TestAPipeThatIsClosedDoesNotStopADeploy(t *testing.T) {
	if os.Getenv("GOLIVE_TEST_ARGS") != "" {
		var args []string
		if err := json.Unmarshal([]byte(os.Getenv("GOLIVE_TEST_ARGS")), &args); err != nil {
			t.Fatal(err)
		}
		os.Exit(Main(args, os.Stdout, os.Stderr, os.Getenv))
	}
	s := newFakeSite(t, `releases = "DIR/new"`)
	s.startDaemon()
	args, _ := json.Marshal([]string{"deploy", "shop", s.source("new"), "--config", s.config})
	cmd := exec.Command(os.Args[0], "-test.run=^TestAPipeThatIsClosedDoesNotStopADeploy$")
	cmd.Env = append(os.Environ(), "GOLIVE_TEST_ARGS="+string(args))
	cmd.SysProcAttr = &syscall.SysProcAttr{}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	out.(io.Closer).Close() // before the first line
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	cmd.Wait()
	s.wantServed("new")
}

func TestALinkThatLeadsNowhereIsPutRight(t *testing.T) {
	for _, daemon := range []bool{true, false} {
		s := newFakeSite(t)
		if err := os.RemoveAll(s.release("1")); err != nil {
			t.Fatal(err)
		}
		if daemon {
			s.startDaemon()
		}
		if code, _, stderr := s.run("flip", "shop", "2"); code != exitDone {
			t.Errorf("exit code %d, %s", code, stderr)
		}
		s.wantLive(s.release("2"))
		if text, _ := os.Readlink(s.link); text != "releases/2" {
			t.Errorf("the link's text is %q, and was relative before", text)
		}
	}
}
