package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"realdocd/test/stack"
)

func TestExecRunsTheCommandInTheRelease(t *testing.T) {
	for _, daemon := range []bool{true, false} {
		s := newFakeSite(t)
		if daemon {
			s.startDaemon()
		}
		code, stdout, stderr := s.run("exec", "shop", "--", "/bin/sh", "-c",
			`pwd; echo $DOCUMENT_ROOT $REALDOC_RELEASE $REALDOC_RELEASE_DIR; echo err >&2`)
		want := s.release("1") + "\n" + s.release("1") + "/public 1 " + s.release("1") + "\n"
		if code != exitDone || stdout != want {
			t.Errorf("exit code %d, stdout %q, want %q", code, stdout, want)
		}
		if daemon {
			s.wantAsked("POST /enter")
			if stderr != "err\n" {
				t.Errorf("stderr %q", stderr)
			}
		} else {
			wantIn(t, stderr, "no drain waits for this command: realdocd does not run", "\nerr\n")
		}
	}
}

func TestExecGivesTheExitCodeOfTheCommand(t *testing.T) {
	s := newFakeSite(t)
	s.startDaemon()
	plain := s.dir + "/plain"
	if err := os.WriteFile(plain, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		command []string
		want    int
	}{
		{[]string{"true"}, 0},
		{[]string{"sh", "-c", "exit 7"}, 7},
		{[]string{"sh", "-c", "kill -9 $$"}, 137},
		{[]string{"no-such-command"}, 127},
		{[]string{"./no-such-file"}, 127},
		{[]string{plain}, 126},
	} {
		code, _, stderr := s.run(append([]string{"exec", "shop", "--"}, tt.command...)...)
		if code != tt.want {
			t.Errorf("%q: exit code %d, want %d, stderr %q", tt.command, code, tt.want, stderr)
		}
		if own := strings.HasPrefix(stderr, "realdocd: run "); own != (code == 126 || code == 127) {
			t.Errorf("%q: stderr %q", tt.command, stderr)
		}
	}
}

func TestExecFindsACommandOfTheRelease(t *testing.T) {
	s := newFakeSite(t)
	s.startDaemon()
	s.script("releases/1/console", `echo "console $*"`)
	code, stdout, stderr := s.run("exec", "shop", "--", "./console", "-v", "--", "x")
	if code != exitDone || stdout != "console -v -- x\n" {
		t.Errorf("exit code %d, stdout %q, stderr %q", code, stdout, stderr)
	}
}

func (s *fakeSite) script(file, text string) string {
	s.t.Helper()
	file = filepath.Join(s.dir, file)
	if err := os.WriteFile(file, []byte("#!/bin/sh\n"+text+"\n"), 0o755); err != nil {
		s.t.Fatal(err)
	}
	return file
}

func TestExecGivesPHPTheIncludePathOfTheRelease(t *testing.T) {
	for name, php := range map[string]bool{"php": true, "php8.2": true, "php8": true, "php-cgi": false, "sh2": false, "phpunit": false} {
		for _, daemon := range []bool{true, false} {
			s := newFakeSite(t, `include_path = ".:DIR/current/lib"`)
			if daemon {
				s.startDaemon()
			}
			command := s.script(name, `printf '%s|' "$@"`)
			_, stdout, _ := s.run("exec", "shop", "--", command, "a.php", "-d")
			want := "a.php|-d|"
			if php {
				want = `-d|include_path=".:` + s.release("1") + `/lib"|` + want
			}
			if stdout != want {
				t.Errorf("%s, daemon %v: %q, want %q", name, daemon, stdout, want)
			}
		}
	}
}

func TestARealPHPReadsTheIncludePathBack(t *testing.T) {
	php := stack.PathOf(t, "php")
	s := newFakeSite(t, `include_path = 'DIR/current/a"b$c\d ;e:.'`)
	_, stdout, stderr := s.run("exec", "shop", "--", php, "-n", "-r", "echo get_include_path();")
	if want := s.release("1") + `/a"b$c\d ;e:.`; stdout != want {
		t.Errorf("got %q, want %q, stderr %q", stdout, want, stderr)
	}
}

func TestExecPassesSignalsOn(t *testing.T) {
	for _, sig := range []syscall.Signal{syscall.SIGTERM, syscall.SIGHUP, syscall.SIGUSR1, syscall.SIGUSR2} {
		s := newFakeSite(t)
		s.startDaemon()
		ready := s.dir + "/ready"
		ended := make(chan string)
		go func() {
			code, stdout, _ := s.run("exec", "shop", "--", "/bin/sh", "-c",
				fmt.Sprintf(`trap 'echo got; exit 3' %d; : >%s; n=0; while [ $n -lt 500 ]; do n=$((n+1)); sleep 0.02; done`, int(sig), ready))
			ended <- fmt.Sprint(code, stdout)
		}()
		stack.Until(t, "the command runs", func() bool { _, err := os.Stat(ready); return err == nil })
		syscall.Kill(os.Getpid(), sig)
		if got := <-ended; got != "3got\n" {
			t.Errorf("%v: got %q", sig, got)
		}
	}
}

// untilTERM gives up by itself, so that a fault fails the test and does not hang it.
const untilTERM = `trap 'exit 3' TERM; : >ready; n=0; while [ $n -lt 500 ]; do n=$((n+1)); sleep 0.02; done`

// onceReady does something once the command of untilTERM in release 1 runs.
func (s *fakeSite) onceReady(do func()) {
	if err := stack.Poll(func() error { _, err := os.Stat(s.release("1") + "/ready"); return err }); err != nil {
		s.t.Errorf("the command does not run: %v", err)
		return
	}
	do()
}

func TestExecEndsTheCommandOnAFlipWhenTold(t *testing.T) {
	s := newFakeSite(t)
	s.startDaemon()
	s.daemon.flips <- "/new"
	// It may come before the trap is set: then the signal is the end.
	if code, _, stderr := s.run("exec", "shop", "--restart-on-flip", "--", "/bin/sh", "-c", untilTERM); code != 3 && code != 143 {
		t.Errorf("exit code %d, stderr %q", code, stderr)
	}
}

func TestExecWithoutADaemonLooksForAFlipItself(t *testing.T) {
	s := newFakeSite(t)
	go s.onceReady(func() {
		os.Remove(s.link) // for a moment there is none, which is not a flip
		os.Symlink("releases/2", s.link)
	})
	if code, _, stderr := s.run("exec", "shop", "--restart-on-flip", "--", "/bin/sh", "-c", untilTERM); code != 3 {
		t.Errorf("exit code %d, stderr %q", code, stderr)
	}
}

func TestExecLooksForAFlipItselfOnceTheDaemonHasGone(t *testing.T) {
	s := newFakeSite(t)
	s.startDaemon()
	go s.onceReady(func() {
		s.daemon.stop()
		s.flipTo("releases/2")
	})
	if code, _, stderr := s.run("exec", "shop", "--restart-on-flip", "--", "/bin/sh", "-c", untilTERM); code != 3 {
		t.Errorf("exit code %d, stderr %q", code, stderr)
	}
}

func TestExecLeavesTheCommandAloneOnAFlipOtherwise(t *testing.T) {
	s := newFakeSite(t)
	s.startDaemon()
	s.daemon.flips <- "/new"
	if code, _, stderr := s.run("exec", "shop", "--", "sleep", "0.2"); code != exitDone {
		t.Errorf("exit code %d, stderr %q", code, stderr)
	}
}

func TestExecEndsWithTheCommandThoughTheDaemonHangs(t *testing.T) {
	s := newFakeSite(t)
	s.startDaemon() // it says nothing more after the first line
	began := time.Now()
	code, _, _ := s.run("exec", "shop", "--restart-on-flip", "--", "true")
	if took := time.Since(began); code != exitDone || took > 5*time.Second {
		t.Errorf("exit code %d after %s", code, took)
	}
}

// PHP may be started by a script, by make or by a #! line, and with an environment of its own.
func TestEveryPHPBelowACommandHasTheIncludePathOfTheRelease(t *testing.T) {
	php := stack.PathOf(t, "php")
	for name, before := range map[string]string{"by itself": "", "with settings of the operator's": "/nowhere"} {
		t.Run(name, func(t *testing.T) {
			if before != "" {
				t.Setenv("PHP_INI_SCAN_DIR", before)
			}
			s := newFakeSite(t, `include_path = 'DIR/current/a"b;e:.'`)
			console := s.dir + "/console"
			text := "#!" + php + "\n<?php echo get_include_path();"
			if err := os.WriteFile(console, []byte(text), 0o755); err != nil {
				t.Fatal(err)
			}
			_, stdout, stderr := s.run("exec", "shop", "--", "sh", "-c", "exec "+console)
			if want := s.release("1") + `/a"b;e:.`; !strings.HasSuffix(stdout, want) {
				t.Errorf("got %q, want %q, stderr %q", stdout, want, stderr)
			}
			if left, _ := filepath.Glob(os.TempDir() + "/realdocd-exec-*"); len(left) > 0 {
				t.Errorf("left are %q", left)
			}
		})
	}
}

func TestExecRunsACommandAsAnotherUser(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("SKIPPED, NOT PROVEN: only root may become another user")
	}
	s := newFakeSite(t, `include_path = ".:DIR/current/lib"`)
	for _, dir := range []string{s.dir, filepath.Dir(s.dir)} { // a test's directories are its user's only
		if err := os.Chmod(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for _, who := range []string{"daemon", "1"} {
		code, stdout, stderr := s.run("exec", "shop", "--user", who, "--", "sh", "-c",
			`echo $(id -un) $(id -gn) $USER $HOME $REALDOC_RELEASE; cat "${PHP_INI_SCAN_DIR#*:}/realdocd.ini"`)
		if code != exitDone || !strings.HasPrefix(stdout, "daemon daemon daemon /usr/sbin 1\ninclude_path = ") {
			t.Errorf("as %s: exit code %d, %q, stderr %q", who, code, stdout, stderr)
		}
	}
	code, _, stderr := s.run("exec", "shop", "--user", "no-such-user", "--", "true")
	if code != exitUsage {
		t.Errorf("exit code %d", code)
	}
	wantIn(t, stderr, `there is no user "no-such-user" here`)
}
