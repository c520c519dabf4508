package main

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"realdocd/gateway/control"
	figures "realdocd/gateway/judge"
	"realdocd/test/stack"
)

func (s *fakeSite) trials(ended, why string) {
	running := control.TrialStatus{
		Kind: control.KindCanary, Docroot: s.link + "/public", Release: s.release("2"), Live: s.release("1"), Percent: 5, Step: 1, Steps: 1, Number: 7,
		StepEnds: time.Now().Add(time.Minute), Verdict: figures.Verdict{Live: figures.Side{Requests: 90}, Candidate: figures.Side{Requests: 10, Median: 0.02}},
	}
	over := running
	over.Ended, over.Why = ended, why
	s.daemon.trial = []control.TrialStatus{running, over}
}

func TestCanary_AGoodReleaseGoesLive(t *testing.T) {
	s := newFakeSite(t, `warm = ["/"]`, `before_flip = ["echo before >>DIR/ran"]`, `after_flip = ["echo after >>DIR/ran"]`)
	s.daemon.warm = []control.WarmResult{{URI: "/", Status: 200}}
	s.trials("good", "0 of 10 requests failed on the release")
	s.startDaemon()
	code, stdout, stderr := s.run("canary", "shop", "2", "--steps", "2,10%, 50", "--every", "1m", "--least", "7")
	if code != exitDone {
		t.Fatalf("exit code %d: %s", code, stderr)
	}
	wantSteps(t, stdout, "before", "read", "headroom", "warm", "compile", "canary", "flip", "after")
	wantIn(t, stdout, "good: 0 of 10 requests failed")
	wantIn(t, stderr, "5 % of new visitors", "0 of 10 requests failed")
	s.wantLive(s.release("2"))
	s.wantAsked("POST /headroom releases/2", "POST /warm releases/2", "POST /compile releases/2", "POST /try releases/2", "POST /look canary")
	if p := s.daemon.plan; len(p.Steps) != 3 || p.Steps[2] != 50 || p.Every != time.Minute || p.Least != 7 || p.Manual {
		t.Errorf("the plan is %+v", p)
	}
	stack.Receive(t, s.daemon.trialLeft, "the end of the lease")
}

func TestCanary_AWorseReleaseDoesNot(t *testing.T) {
	s := newFakeSite(t)
	s.trials("worse", "it is worse by failures")
	s.startDaemon()
	code, stdout, stderr := s.run("canary", "shop", "2", "--json")
	if code != exitNo || !strings.Contains(stderr, "was ended, and its visitors get the live release again: it is worse by failures") {
		t.Errorf("exit code %d: %s", code, stderr)
	}
	var got outcome
	if err := json.Unmarshal([]byte(stdout), &got); err != nil || got.OK || got.Live || got.Trial == nil || got.Trial.Ended != "worse" {
		t.Errorf("%s: %v", stdout, err)
	}
	s.wantLive(s.release("1"))
}

func TestCanary_WhatCannotBeTriedIsNot(t *testing.T) {
	for name, row := range map[string]struct {
		args []string
		code int
		want string
	}{
		"the live one":   {[]string{"1"}, exitNo, "is live already"},
		"none":           {[]string{"9"}, exitNo, "9"},
		"no share":       {[]string{"2", "--percent", "0"}, exitUsage, "--steps: want shares"},
		"NaN":            {[]string{"2", "--percent", "NaN"}, exitUsage, "--steps: want shares"},
		"no shares":      {[]string{"2", "--steps", "10,5"}, exitUsage, "each above the one before"},
		"no number":      {[]string{"2", "--steps", "a"}, exitUsage, "--steps: want shares"},
		"both":           {[]string{"2", "--steps", "1", "--percent", "1"}, exitUsage, "choose one"},
		"no judge":       {[]string{"2", "--judge", "me"}, exitUsage, `want "auto" or "manual"`},
		"for what":       {[]string{"2", "--for", "1h"}, exitUsage, "--for is for --judge manual"},
		"manual steps":   {[]string{"2", "--judge", "manual", "--steps", "1,2"}, exitUsage, "one step"},
		"a name too few": {[]string{}, exitUsage, "needs RELEASE too"},
		"a dry abort":    {[]string{"--abort", "--dry-run"}, exitUsage, "leave --dry-run out"},
		"promote":        {[]string{"--promote"}, exitNo, "has no canary"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newFakeSite(t)
			s.trials("good", "")
			s.startDaemon()
			code, stdout, stderr := s.run(append([]string{"canary", "shop"}, row.args...)...)
			if code != row.code || !strings.Contains(stderr, row.want) {
				t.Errorf("exit code %d: %s%s", code, stdout, stderr)
			}
			s.wantLive(s.release("1"))
		})
	}
}

func TestCanary_AnOperatorDecides(t *testing.T) {
	s := newFakeSite(t)
	s.trials("", "")
	s.startDaemon()
	code, stdout, stderr := s.run("canary", "shop", "2", "--judge", "manual", "--for", "1h", "--percent", "10")
	if code != exitDone || !strings.Contains(stdout, "until realdocd canary shop --promote or --abort") {
		t.Errorf("exit code %d: %s%s", code, stdout, stderr)
	}
	if p := s.daemon.plan; !p.Manual || p.Every != time.Hour || p.Steps[0] != 10 {
		t.Errorf("the plan is %+v", p)
	}
	s.wantLive(s.release("1"))
	s.daemon.site.Trials = s.daemon.trial[:1]
	if code, _, stderr := s.run("canary", "shop", "--promote"); code != exitDone {
		t.Errorf("exit code %d: %s", code, stderr)
	}
	s.wantLive(s.release("2"))
	if code, _, stderr := s.run("canary", "shop", "--abort"); code != exitDone {
		t.Errorf("exit code %d: %s", code, stderr)
	}
}

func TestCanary_APromotionThatIsDryChangesNothing(t *testing.T) {
	s := newFakeSite(t, `after_flip = ["touch DIR/ran"]`)
	s.startDaemon()
	s.daemon.site.Trials = []control.TrialStatus{{Kind: control.KindCanary, Docroot: s.link + "/public", Release: s.release("2")}}
	code, stdout, stderr := s.run("canary", "shop", "--promote", "--dry-run")
	if code != exitDone || !strings.Contains(stdout, "would point "+s.link) {
		t.Errorf("exit code %d: %s%s", code, stdout, stderr)
	}
	s.wantLive(s.release("1"))
	if _, err := os.Stat(s.dir + "/ran"); err == nil {
		t.Error("after_flip ran")
	}
}

func TestCanary_APromotionIsOfTheTrialOfItsDocroot(t *testing.T) {
	s := newFakeSite(t)
	pattern := filepath.Join(filepath.Dir(s.dir), "*", "current", "public")
	s.edit(s.link+"/public", pattern)
	s.daemon.site.Docroot = pattern
	s.startDaemon()
	other := s.mkdir("elsewhere/public")
	s.daemon.site.Trials = []control.TrialStatus{{Kind: control.KindCanary, Docroot: "/srv/other/current/public", Release: filepath.Dir(other)}}
	args := []string{"canary", "shop/" + filepath.Base(s.dir), "--promote"}
	if code, _, stderr := s.run(args...); code != exitNo || !strings.Contains(stderr, "has no canary") {
		t.Errorf("exit code %d: %s", code, stderr)
	}
	s.wantLive(s.release("1"))
	s.daemon.site.Trials = append(s.daemon.site.Trials, control.TrialStatus{Kind: control.KindCanary, Docroot: s.link + "/public", Release: s.release("2")})
	if code, _, stderr := s.run(args...); code != exitDone {
		t.Errorf("exit code %d: %s", code, stderr)
	}
	s.wantLive(s.release("2"))
}

func TestBake_AWorseReleaseIsRolledBackAndAGoodOneIsNot(t *testing.T) {
	for ended, row := range map[string]struct {
		code       int
		live, want string
	}{
		"worse": {exitNo, "1", "2 was rolled back to 1: because"},
		"good":  {exitDone, "2", ""},
		"flip":  {exitNo, "2", "the release was not watched to the end: because"},
	} {
		t.Run(ended, func(t *testing.T) {
			s := newFakeSite(t)
			s.trials(ended, "because")
			s.startDaemon()
			code, stdout, stderr := s.run("flip", "shop", "2", "--bake", "2m", "--no-headroom")
			if code != row.code || !strings.Contains(stderr, row.want) {
				t.Errorf("exit code %d: %s%s", code, stdout, stderr)
			}
			s.wantLive(s.release(row.live))
			if p := s.daemon.plan; p.Kind != control.KindBake || p.Before != s.release("1") || p.Release != s.release("2") || p.Every != 2*time.Minute {
				t.Errorf("the plan is %+v", p)
			}
		})
	}
	s := newFakeSite(t)
	if code, _, stderr := s.run("flip", "shop", "2", "--bake", "2m"); code != exitNo || !strings.Contains(stderr, "--bake cannot be done, so nothing was changed") {
		t.Errorf("without a daemon: exit code %d: %s", code, stderr)
	}
	s.wantLive(s.release("1"))
}

func TestPreview_PrintsALinkAndNothingElse(t *testing.T) {
	s := newFakeSite(t, `warm = ["/", "https://shop.example/start?a=b"]`, `before_flip = ["touch DIR/ran"]`)
	s.startDaemon()
	code, stdout, stderr := s.run("preview", "shop", "2", "--for", "8h")
	if code != exitDone || stdout != "https://shop.example/start?a=b&_release=TOKEN\n" {
		t.Errorf("exit code %d: %q %s", code, stdout, stderr)
	}
	code, stdout, _ = s.run("preview", "shop", "2", "--url", "https://other.example/#top")
	if code != exitDone || stdout != "https://other.example/?_release=TOKEN#top\n" {
		t.Errorf("exit code %d: %q", code, stdout)
	}
	s.wantLive(s.release("1"))
	if _, err := os.Stat(s.dir + "/ran"); err == nil {
		t.Error("before_flip ran for a preview")
	}
	for want, args := range map[string][]string{
		"everybody sees it": {"1"}, "--for: want": {"2", "--for", "0s"}, "--url: want": {"2", "--url", "shop"},
	} {
		if code, stdout, stderr := s.run(append([]string{"preview", "shop"}, args...)...); code == exitDone || stdout != "" || !strings.Contains(stderr, want) {
			t.Errorf("%q: exit code %d: %q %s", args, code, stdout, stderr)
		}
	}
}

func TestPreview_OfALinkIntoAReleaseShowsItsDocrootAlone(t *testing.T) {
	s := newFakeSite(t)
	s.edit(s.link+"/public", s.link)
	if err := errors.Join(os.Remove(s.link), os.Symlink("releases/1/public", s.link)); err != nil {
		t.Fatal(err)
	}
	s.startDaemon()
	if code, _, stderr := s.run("preview", "shop", s.release("2"), "--no-headroom", "--no-warm"); code != exitDone {
		t.Errorf("exit code %d: %s", code, stderr)
	}
	s.wantAsked("POST /preview releases/2/public")
}
