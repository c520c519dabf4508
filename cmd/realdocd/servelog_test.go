package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"realdocd/test/stack"
)

// logsTo is a daemon that logs to a file of a directory of its own.
type logsTo struct {
	*child
	t                   *testing.T
	dir, file           string
	fpm                 *fakeFPM
	sock, docroot, conf string
}

func startLoggingTo(t *testing.T, before string) *logsTo {
	t.Helper()
	l := &logsTo{t: t, dir: t.TempDir(), fpm: startFakeFPM(t), docroot: newSite(t), sock: filepath.Join(t.TempDir(), "gw.sock")}
	l.file = filepath.Join(l.dir, "log")
	l.conf = siteConfig(t, fmt.Sprintf("listen = [%q]\n[log]\noutput = %q", l.sock, l.file), l.fpm.addr, l.docroot)
	l.child = serveChild(t, before, nil, "--config", l.conf)
	l.has(l.file, "ready")
	return l
}

// has waits for an event in a log file.
func (l *logsTo) has(file, message string) event {
	l.t.Helper()
	var found event
	if err := stack.Poll(func() error {
		events := eventsIn(l.t, file)
		i := slices.IndexFunc(events, func(e event) bool { return e["message"] == message })
		if i < 0 {
			return fmt.Errorf("%s has no %q: %v", file, message, events)
		}
		found = events[i]
		return nil
	}); err != nil {
		l.t.Fatal(err)
	}
	return found
}

// eventsIn reads the log of a file that may not be there yet. Every line is an event.
func eventsIn(t *testing.T, file string) (events []event) {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		return nil
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		e := event{}
		if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
			t.Errorf("%s has the line %q: %v", file, lines.Text(), err)
		}
		events = append(events, e)
	}
	return events
}

func (l *logsTo) rotate() (rotated string) {
	l.t.Helper()
	rotated = l.file + ".1"
	if err := os.Rename(l.file, rotated); err != nil {
		l.t.Fatal(err)
	}
	return rotated
}

// first is the first line of standard error.
func (c *child) first() event {
	c.t.Helper()
	return stack.Receive(c.t, c.events, "the first line on standard error")
}

func TestServe_LogsToAFileThatItsGroupMayRead(t *testing.T) {
	l := startLoggingTo(t, "umask 077;")
	if info, err := os.Stat(l.file); err != nil || info.Mode() != 0o640 {
		t.Errorf("the file has mode %v, %v", info.Mode(), err)
	}
	close(l.fpm.hold)
	wantServed(t, l.sock, l.docroot)
	l.has(l.file, "request")
	l.signal(syscall.SIGTERM)
	if code := l.exits(); code != exitDone {
		t.Errorf("exit code %d, want 0", code)
	}
	l.has(l.file, "stopped")
	for e := range l.events {
		t.Errorf("standard error has %v", e)
	}
}

func TestServe_SIGUSR1GoesOnInANewFile(t *testing.T) {
	l := startLoggingTo(t, "")
	rotated := l.rotate()
	l.signal(syscall.SIGUSR1)
	if e := l.has(l.file, "log reopened"); e["output"] != l.file {
		t.Errorf("the event is %v", e)
	}
	l.has(rotated, "ready")
	for _, e := range eventsIn(t, rotated) {
		if e["message"] == "log reopened" {
			t.Error("the file before goes on")
		}
	}
}

func TestServe_WhereTheLogCannotBeReopenedTheOldOneGoesOnAndSaysWhy(t *testing.T) {
	l := startLoggingTo(t, "")
	away := l.dir + ".away"
	if err := os.Rename(l.dir, away); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(away) })
	l.signal(syscall.SIGUSR1)
	e := l.has(filepath.Join(away, "log"), "log not reopened: the file that is open stays in use")
	if want := "make the directory " + l.dir; e["level"] != "error" || !strings.Contains(fmt.Sprint(e["error"]), want) {
		t.Errorf("the event is %v, want %q in it", e, want)
	}
}

// logrotate does not know that a long request keeps the daemon from ending.
func TestServe_SIGUSR1ReopensTheLogAlsoWhileRequestsFinish(t *testing.T) {
	l := startLoggingTo(t, "")
	go get(l.sock, l.docroot)
	<-l.fpm.came
	l.signal(syscall.SIGTERM)
	l.has(l.file, "stopping")
	rotated := l.rotate()
	l.signal(syscall.SIGUSR1)
	l.has(l.file, "log reopened")
	close(l.fpm.hold)
	if code := l.exits(); code != exitDone {
		t.Errorf("exit code %d, want 0", code)
	}
	l.has(l.file, "request")
	l.has(l.file, "stopped")
	l.has(rotated, "stopping")
}

func TestServe_SIGUSR1DoesNothingWhereTheLogIsNoFile(t *testing.T) {
	c, fpm, sock, docroot := startDaemon(t, "")
	close(fpm.hold)
	c.says("ready")
	c.signal(syscall.SIGUSR1)
	if e := c.says("SIGUSR1 changes nothing: the log goes to standard error"); e["level"] != "info" {
		t.Errorf("the event is %v", e)
	}
	wantServed(t, sock, docroot)
}

func TestServe_AReloadMovesTheLog(t *testing.T) {
	r := startReloading(t)
	file := filepath.Join(t.TempDir(), "log")
	r.addToFile(fmt.Sprintf("[log]\noutput = %q\n", file))
	r.reloads()
	r.says("configuration taken")
	if e := r.says("the log goes on there"); e["output"] != file {
		t.Errorf("the event is %v", e)
	}
	r.addToFile("")
	r.reloads()
	moved := &logsTo{t: t}
	moved.has(file, "configuration taken")
	moved.has(file, "the log goes on there")
	wantServed(t, r.sock, r.docroot)
	r.says("request")
}

func TestServe_AReloadWithALogThatCannotBeOpenedChangesNothing(t *testing.T) {
	r := startReloading(t)
	r.addToFile("[log]\noutput = '/nonexistent/log'\nlevel = 'error'\n")
	r.reloads()
	e := r.says("configuration not taken: the one before stays")
	if want := "open the log file: open /nonexistent/log: no such file or directory: make the directory /nonexistent"; !strings.HasPrefix(fmt.Sprint(e["fault"]), want) {
		t.Errorf("the fault is %v, want %s", e["fault"], want)
	}
	wantServed(t, r.sock, r.docroot)
	r.says("request") // an event of level info
}

func TestServe_ServesOnWhereTheLogIsFullAndStandardErrorSaysSo(t *testing.T) {
	fpm, docroot, sock := startFakeFPM(t), newSite(t), filepath.Join(t.TempDir(), "gw.sock")
	close(fpm.hold)
	c := serveChild(t, "", nil, "--config", siteConfig(t, fmt.Sprintf("listen = [%q]\n%s\noutput = '/dev/full'", sock, writtenAtOnce), fpm.addr, docroot))
	const want = "realdocd: the log is not written, events are dropped until it can be: write /dev/full: no space left on device"
	c.says(want)
	for range 3 {
		wantServed(t, sock, docroot)
	}
	c.signal(syscall.SIGTERM)
	if code := c.exits(); code != exitDone {
		t.Errorf("exit code %d, want 0", code)
	}
	for e := range c.events {
		t.Errorf("standard error was told again: %v", e)
	}
}

func TestServe_ALogFileThatCannotBeOpenedIsToldWithWhatToDo(t *testing.T) {
	dir := t.TempDir()
	pipe := filepath.Join(dir, "pipe")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, row := range []struct{ name, file, want string }{
		{"no directory", dir + "/none/log", "make the directory " + dir + "/none, or have systemd do so with LogsDirectory="},
		{"a directory", dir, "name a file in it"},
		{"a pipe that nobody reads", pipe, `take another file as output in [log], or "stderr"`},
	} {
		t.Run(row.name, func(t *testing.T) {
			c := serveChild(t, "", nil, "--config", siteConfig(t, fmt.Sprintf("listen = [%q]\n[log]\noutput = %q", dir+"/gw.sock", row.file), "/fpm", "/docroot"))
			said := fmt.Sprint(c.first()["message"])
			if !strings.HasPrefix(said, "realdocd: open the log file: open "+row.file+": ") || !strings.HasSuffix(said, row.want) {
				t.Errorf("it said %q, want %q at its end", said, row.want)
			}
			if code := c.exits(); code != exitNo {
				t.Errorf("exit code %d, want 1", code)
			}
		})
	}
}

func TestServe_PutsPrioritiesWhereTheJournalTakesStandardError(t *testing.T) {
	for _, row := range []struct{ name, stream, format, want string }{
		{"it does", `export JOURNAL_STREAM="$(stat -L -c %d:%i /proc/self/fd/2)";`, "json", `<6>{"level":"info",`},
		{"it does, for people", `export JOURNAL_STREAM="$(stat -L -c %d:%i /proc/self/fd/2)";`, "console", "<6>20"},
		{"another's", `export JOURNAL_STREAM=1:2;`, "json", `{"level":"info",`},
		{"no stream", `export JOURNAL_STREAM=none;`, "json", `{"level":"info",`},
		{"it does not", "unset JOURNAL_STREAM;", "json", `{"level":"info",`},
	} {
		t.Run(row.name, func(t *testing.T) {
			fpm, docroot, sock := startFakeFPM(t), newSite(t), filepath.Join(t.TempDir(), "gw.sock")
			c := serveChild(t, row.stream, nil, "--log-format", row.format, "--config", siteConfig(t, fmt.Sprintf("listen = [%q]", sock), fpm.addr, docroot))
			e := c.first()
			said := fmt.Sprint(e["message"])
			if e["level"] == "info" { // it is JSON without a priority
				said = `{"level":"info",`
			}
			if !strings.HasPrefix(said, row.want) {
				t.Errorf("the first line is %q, want it to begin with %q", said, row.want)
			}
		})
	}
}
