package main

import (
	"os"
	"slices"
	"strings"
	"testing"

	"realdocd/gateway/control"
	"realdocd/test/stack"
)

func TestFlipHold_RunsTheCommandWhileRequestsWaitAndFlipsThen(t *testing.T) {
	s := newFakeSite(t, `warm = ["/"]`)
	s.daemon.warm = []control.WarmResult{{URI: "/", Status: 200}}
	s.startDaemon()
	said := s.dir + "/said"
	code, stdout, stderr := s.run("flip", "shop", "2", "--hold", "--", "sh", "-c", `echo "$REALDOC_RELEASE $(readlink `+s.link+`)" >`+said)
	if code != exitDone || stderr != "" {
		t.Fatalf("exit code %d: %s", code, stderr)
	}
	wantSteps(t, stdout, "read", "headroom", "warm", "compile", "hold", "command", "flip")
	if text, _ := os.ReadFile(said); string(text) != "2 releases/1\n" {
		t.Errorf("the command saw %q", text)
	}
	s.wantLive(s.release("2"))
	stack.Receive(t, s.daemon.held, "the end of the hold")
	asked := s.daemon.takeAsked()
	hold := slices.IndexFunc(asked, func(a string) bool { return strings.Contains(a, "/hold?timeout=30s") })
	look := slices.IndexFunc(asked, func(a string) bool { return strings.Contains(a, "/look?") })
	if hold < 0 || look < hold {
		t.Errorf("the daemon was asked %q", asked)
	}
}

func TestFlipHold_ACommandThatFailsLeavesTheLiveRelease(t *testing.T) {
	s := newFakeSite(t)
	s.startDaemon()
	code, stdout, stderr := s.run("flip", "shop", "2", "--hold", "--", "sh", "-c", "echo half way >&2; exit 3")
	if code != exitNo || !strings.Contains(stderr, "exit status 3; nothing was flipped") || !strings.Contains(stderr, "half way") {
		t.Errorf("exit code %d: %s%s", code, stdout, stderr)
	}
	s.wantLive(s.release("1"))
	stack.Receive(t, s.daemon.held, "the end of the hold")
}

func TestFlipHold_WhatCannotBeHeldIsNotFlipped(t *testing.T) {
	ran := t.TempDir() + "/ran"
	for name, row := range map[string]struct {
		daemon bool
		args   []string
		code   int
		want   string
	}{
		"no daemon":          {false, []string{"--hold", "--", "touch", ran}, exitNo, "--hold cannot be done, so nothing was changed"},
		"somebody is inside": {true, []string{"--hold", "--timeout", "50ms", "--", "touch", ran}, exitNo, "GET /slow"},
		"no command":         {true, []string{"--hold"}, exitUsage, "write it behind --"},
		"an empty command":   {true, []string{"--hold", "--"}, exitUsage, "there is none behind --"},
		"no hold":            {true, []string{"--", "touch", ran}, exitUsage, "a command behind -- is for --hold"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newFakeSite(t)
			if row.daemon {
				s.daemon.busy["held"] = []control.Occupant{{Kind: "request", What: "GET /slow"}}
				s.startDaemon()
			}
			code, stdout, stderr := s.run(append([]string{"flip", "shop", "2"}, row.args...)...)
			if code != row.code || !strings.Contains(stdout+stderr, row.want) {
				t.Errorf("exit code %d: %s%s", code, stdout, stderr)
			}
			s.wantLive(s.release("1"))
		})
	}
	if _, err := os.Stat(ran); err == nil {
		t.Error("the command ran")
	}
}
