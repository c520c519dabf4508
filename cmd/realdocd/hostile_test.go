package main

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"realdocd/gateway/control"
	"realdocd/test/stack"
)

// Who could write to the control socket's directory put a socket of his own there. Root's
// exec ran his script, and rollback flipped to his directory.
func TestRootAsksNoDaemonOfAnotherUser(t *testing.T) {
	stack.NeedRoot(t, "to be attacked by another user")
	for _, args := range [][]string{
		{"exec", "shop", "--", "./run"},
		{"rollback", "shop"},
		{"flip", "shop", "releases/2"},
		{"drain", "shop", "2"},
		{"status"},
		{"pause", "www"},
		{"resume", "www"},
	} {
		t.Run(args[0], func(t *testing.T) {
			s := newFakeSite(t)
			evil := s.mkdir("evil")
			s.mkdir("evil/public")
			if err := os.WriteFile(evil+"/run", []byte("#!/bin/sh\ntouch "+s.dir+"/ran\n"), 0o755); err != nil {
				t.Fatal(err)
			}
			for dir := s.dir; dir != "/tmp" && dir != "/"; dir = filepath.Dir(dir) {
				os.Chmod(dir, 0o777)
			}
			ln, err := stack.ListenAs(s.dir+"/c.sock", 33, 33)
			if err != nil {
				t.Fatal(err)
			}
			s.daemon.env = func() control.CommandEnv {
				return control.CommandEnv{Docroot: s.link + "/public", Link: s.link, Release: evil, ResolvedDocroot: evil + "/public"}
			}
			s.daemon.site.History = []control.HistoryEntry{{Time: time.Now(), Link: s.link, Release: evil}}
			srv := &http.Server{Handler: control.NewHandler(s.daemon, http.NotFoundHandler(), http.NotFoundHandler())}
			go srv.Serve(ln)
			defer srv.Close()

			code, stdout, stderr := s.run(args...)
			if code == exitDone || !strings.Contains(stderr, "only one of realdocd or root is believed") {
				t.Errorf("exit code %d, %s%s", code, stdout, stderr)
			}
			if _, err := os.Stat(s.dir + "/ran"); err == nil {
				t.Error("root ran his script")
			}
			s.wantLive(s.release("1"))
		})
	}
}

// Also a daemon that is believed may have been led astray: it names no directory that
// the site's own link, slots and releases do not confirm.
func TestExecRunsNothingInADirectoryThatTheSiteDoesNotConfirm(t *testing.T) {
	for name, lie := range map[string]func(s *fakeSite, env *control.CommandEnv){
		"another directory": func(s *fakeSite, env *control.CommandEnv) { env.Release = s.mkdir("evil") },
		"a way back up":     func(s *fakeSite, env *control.CommandEnv) { env.Release = s.release("1") + "/../../evil" },
		"another docroot":   func(s *fakeSite, env *control.CommandEnv) { env.ResolvedDocroot = s.mkdir("evil") },
		"nothing":           func(_ *fakeSite, env *control.CommandEnv) { env.Release = "" },
	} {
		t.Run(name, func(t *testing.T) {
			s := newFakeSite(t)
			s.startDaemon()
			env := s.env()
			lie(s, &env)
			s.daemon.env = func() control.CommandEnv { return env }
			code, _, stderr := s.run("exec", "shop", "--", "touch", s.dir+"/ran")
			if code == exitDone || !strings.Contains(stderr, "the daemon names") {
				t.Errorf("exit code %d, stderr %q", code, stderr)
			}
			if _, err := os.Stat(s.dir + "/ran"); err == nil {
				t.Error("the command ran")
			}
		})
	}
}

func TestRollbackGoesToNoDirectoryThatTheSiteDoesNotConfirm(t *testing.T) {
	s := newFakeSite(t)
	s.startDaemon()
	evil := s.mkdir("evil")
	s.mkdir("evil/public")
	s.daemon.site.History = []control.HistoryEntry{
		{Time: time.Now().Add(-time.Hour), Link: s.link, Release: evil}, {Time: time.Now(), Link: s.link, Release: s.release("1")},
	}
	code, _, stderr := s.run("rollback", "shop")
	if code == exitDone || !strings.Contains(stderr, "nor beside the live release") {
		t.Errorf("exit code %d, stderr %q", code, stderr)
	}
	s.wantLive(s.release("1"))
}

func TestRootSaysWhoseRightsItActsWith(t *testing.T) {
	stack.NeedRoot(t, "to act as another user")
	s := newFakeSite(t)
	if err := os.Chown(s.dir, 4711, 4711); err != nil {
		t.Fatal(err)
	}
	code, stdout, stderr := s.run("flip", "shop", s.release("2"))
	if code != exitDone || !strings.Contains(stdout, "uid 4711, the owner of "+s.dir) {
		t.Errorf("exit code %d, stdout %q, stderr %q", code, stdout, stderr)
	}
	s.wantLive(s.release("2"))
}

// What is in a release its owner can write. Root must not run it.
func TestHooksRunAsTheReleasesOwner(t *testing.T) {
	stack.NeedRoot(t, "to act as another user")
	s := newFakeSite(t, `before_flip = ["id -u > DIR/releases/2/who"]`)
	for _, dir := range []string{s.dir, s.release("2")} {
		if err := os.Chown(dir, 4711, 4711); err != nil {
			t.Fatal(err)
		}
	}
	for dir := s.dir; dir != "/tmp" && dir != "/"; dir = filepath.Dir(dir) {
		if err := os.Chmod(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	code, stdout, stderr := s.run("flip", "shop", s.release("2"))
	who, err := os.ReadFile(s.release("2") + "/who")
	if code != exitDone || err != nil || string(who) != "4711\n" {
		t.Errorf("the hook ran as %q, %v; exit code %d, %s%s", who, err, code, stdout, stderr)
	}
}
