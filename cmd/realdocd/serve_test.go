package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"realdocd/test/stack"
)

const patience = stack.Patience

// event is one line of the log.
type event map[string]any

// child is a realdocd in a process of its own.
type child struct {
	*exec.Cmd
	t      *testing.T
	stderr *os.File
	events chan event
}

// serveChild runs realdocd serve. before is a shell's words before it is
// started, with files as descriptors 3 and up.
func serveChild(t *testing.T, before string, files []*os.File, args ...string) *child {
	t.Helper()
	return startChild(t, before+` exec "$0" serve "$@"`, files, args...)
}

// startChild runs a line of the shell, in which $0 is realdocd.
func startChild(t *testing.T, line string, files []*os.File, args ...string) *child {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	c := &child{exec.Command("/bin/sh", append([]string{"-c", line, os.Args[0]}, args...)...), t, r, make(chan event, 100)}
	c.Env = append(os.Environ(), asDaemon+"=1", "GORACE=atexit_sleep_ms=0")
	c.Stderr = w
	c.ExtraFiles = files
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	w.Close()
	t.Cleanup(func() { c.Process.Kill() })
	go c.readEvents()
	return c
}

// readEvents ends when the child does.
func (c *child) readEvents() {
	defer close(c.events)
	lines := bufio.NewScanner(c.stderr)
	for lines.Scan() {
		e := event{}
		if json.Unmarshal(lines.Bytes(), &e) != nil {
			e["message"] = lines.Text()
		}
		c.events <- e
	}
}

// says waits for an event with the message.
func (c *child) says(message string) event {
	c.t.Helper()
	timeout := time.After(patience)
	for {
		select {
		case e, ok := <-c.events:
			if !ok {
				c.t.Fatalf("realdocd ended and did not say %q", message)
			}
			if e["message"] == message {
				return e
			}
			c.t.Logf("log: %v", e)
		case <-timeout:
			c.t.Fatalf("realdocd did not say %q", message)
		}
	}
}

func (c *child) signal(sig os.Signal) {
	c.t.Helper()
	if err := c.Process.Signal(sig); err != nil {
		c.t.Fatal(err)
	}
}

// exits waits for the end and gives the exit code, -1 for a signal's.
func (c *child) exits() int {
	c.t.Helper()
	ended := make(chan struct{})
	go func() { c.Wait(); close(ended) }()
	stack.Receive(c.t, ended, "the end of realdocd")
	return c.ProcessState.ExitCode()
}

// startDaemon runs realdocd with a file in front of a fake PHP-FPM.
func startDaemon(t *testing.T, top string) (c *child, fpm *fakeFPM, sock, docroot string) {
	t.Helper()
	fpm, docroot = startFakeFPM(t), newSite(t)
	sock = filepath.Join(t.TempDir(), "gw.sock")
	file := siteConfig(t, fmt.Sprintf("listen = [%q]\n%s", sock, top), fpm.addr, docroot)
	return serveChild(t, "", nil, "--config", file), fpm, sock, docroot
}

func TestServe_RunsRequestsAndEndsWith0OnASignal(t *testing.T) {
	for _, sig := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT} {
		t.Run(sig.String(), func(t *testing.T) {
			c, fpm, sock, docroot := startDaemon(t, "")
			ready := c.says("ready")
			if ready["version"] == "" || fmt.Sprint(ready["listen"]) != "["+sock+"]" || fmt.Sprint(ready["sites"]) != "[s0]" {
				t.Errorf("ready says %v", ready)
			}
			if at, err := time.Parse("2006-01-02T15:04:05.000Z07:00", fmt.Sprint(ready["time"])); err != nil || time.Since(at) > time.Minute {
				t.Errorf("time %v: %v", ready["time"], err)
			}
			close(fpm.hold)
			wantServed(t, sock, docroot)
			c.signal(sig)
			if stopped := c.says("stopped"); stopped["cut"] != 0.0 {
				t.Errorf("stopped says %v", stopped)
			}
			if code := c.exits(); code != exitDone {
				t.Errorf("exit code %d, want 0", code)
			}
		})
	}
}

func TestServe_LetsARequestFinish(t *testing.T) {
	c, fpm, sock, docroot := startDaemon(t, "")
	c.says("ready")
	answer := make(chan string, 1)
	go func() { answer <- get(sock, docroot) }()
	<-fpm.came
	c.signal(syscall.SIGTERM)
	c.says("stopping")
	close(fpm.hold)
	if got := <-answer; !strings.HasSuffix(got, "/releases/42/public") {
		t.Errorf("answer %q", got)
	}
	if code := c.exits(); code != exitDone {
		t.Errorf("exit code %d, want 0", code)
	}
}

func TestServe_LogsWhatItCutsOffAfterTheTimeoutAndEndsWith1(t *testing.T) {
	c, fpm, sock, docroot := startDaemon(t, `shutdown_timeout = "200ms"`)
	defer close(fpm.hold)
	c.says("ready")
	go get(sock, docroot)
	<-fpm.came
	c.signal(syscall.SIGTERM)
	if cut := c.says("request cut off"); cut["level"] != "warn" || !strings.Contains(fmt.Sprint(cut["request"]), "/held") {
		t.Errorf("the log says %v", cut)
	}
	if code := c.exits(); code != exitNo {
		t.Errorf("exit code %d, want 1", code)
	}
}

func TestServe_ASecondSignalEndsItAtOnce(t *testing.T) {
	c, fpm, sock, docroot := startDaemon(t, `shutdown_timeout = "1h"`)
	defer close(fpm.hold)
	c.says("ready")
	go get(sock, docroot)
	<-fpm.came
	c.signal(syscall.SIGTERM)
	// "stopping" is in the buffer still when it is logged: the signal is taken
	// before, so a second one cannot be taken for the first.
	c.says("stopping")
	c.signal(syscall.SIGTERM)
	c.says("request cut off")
	if code := c.exits(); code != exitNo {
		t.Errorf("exit code %d, want 1", code)
	}
}

// writtenAtOnce makes every request a slow one, whose event is a warning: the log writes
// it before the request ends.
const writtenAtOnce = "[log]\nslow = '1ns'"

func TestServe_OutlivesTheReaderOfItsLog(t *testing.T) {
	c, fpm, sock, docroot := startDaemon(t, writtenAtOnce)
	close(fpm.hold)
	c.says("ready")
	c.stderr.Close()
	for range 3 {
		wantServed(t, sock, docroot)
	}
	c.signal(syscall.SIGTERM)
	if code := c.exits(); code != exitDone {
		t.Errorf("exit code %d, want 0", code)
	}
}

func TestServe_WithFlagsAloneTakesRelativeSockets(t *testing.T) {
	fpm, docroot, dir := startFakeFPM(t), newSite(t), t.TempDir()
	close(fpm.hold)
	c := serveChild(t, "cd "+dir+" && ln -s "+fpm.addr+" f.sock &&", nil,
		"--listen", "./gw.sock", "--fpm", "f.sock", "--docroot", filepath.Dir(filepath.Dir(docroot))+"/*/public", "--log-level", "debug")
	c.says("ready")
	wantServed(t, dir+"/gw.sock", docroot)
	c.signal(syscall.SIGTERM)
	if code := c.exits(); code != exitDone {
		t.Errorf("exit code %d, want 0", code)
	}
}

func TestServe_TakesTheSocketsOfSystemdAndTellsIt(t *testing.T) {
	fpm, docroot, dir := startFakeFPM(t), newSite(t), t.TempDir()
	close(fpm.hold)
	passed := passSocket(t, dir+"/passed.sock")
	told, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: dir + "/notify", Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer told.Close()
	file := siteConfig(t, fmt.Sprintf("listen = [%q]", dir+"/unused.sock"), fpm.addr, docroot)
	c := serveChild(t, "LISTEN_FDS=1 LISTEN_PID=$$ NOTIFY_SOCKET="+dir+"/notify", []*os.File{passed}, "--config", file)

	if ready := c.says("ready"); fmt.Sprint(ready["listen"]) != "["+dir+"/passed.sock]" {
		t.Errorf("ready says %v", ready)
	}
	if _, err := os.Stat(dir + "/unused.sock"); err == nil {
		t.Error("listen was not overruled")
	}
	expectState(t, told, "READY=1\nSTATUS=serving 1 site on "+dir+"/passed.sock")
	wantServed(t, dir+"/passed.sock", docroot)
	c.signal(syscall.SIGTERM)
	expectState(t, told, "STOPPING=1\nSTATUS=waiting for requests to finish, for up to 30s")
	if code := c.exits(); code != exitDone {
		t.Errorf("exit code %d, want 0", code)
	}
}

// passSocket makes a listening socket, as a socket unit does.
func passSocket(t *testing.T, path string) *os.File {
	t.Helper()
	ln, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	passed, err := ln.(*net.UnixListener).File()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { passed.Close() })
	return passed
}

func expectState(t *testing.T, told *net.UnixConn, want string) {
	t.Helper()
	buf := make([]byte, 1000)
	told.SetReadDeadline(time.Now().Add(patience))
	n, err := told.Read(buf)
	if err != nil || string(buf[:n]) != want {
		t.Errorf("systemd was told %q (%v), want %q", buf[:n], err, want)
	}
}

func TestServe_RefusesATCPSocketOfSystemdThatIsOpenToAll(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	passed, err := ln.(*net.TCPListener).File()
	if err != nil {
		t.Fatal(err)
	}
	defer passed.Close()
	file := siteConfig(t, "", "/nonexistent", newSite(t))
	c := serveChild(t, "LISTEN_FDS=1 LISTEN_PID=$$", []*os.File{passed}, "--config", file)
	c.says("realdocd: systemd passed the socket " + ln.Addr().String() +
		", which is open to the network: say who may connect with allowed_clients")
	if code := c.exits(); code != exitNo {
		t.Errorf("exit code %d, want 1", code)
	}
}

func TestServe_SaysWhichSocketItCannotOpen(t *testing.T) {
	sock := t.TempDir() + "/none/gw.sock"
	c := serveChild(t, "", nil, "--config", siteConfig(t, fmt.Sprintf("listen = [%q]", sock), "/nonexistent", newSite(t)))
	e, ok := <-c.events
	if got := fmt.Sprint(e["message"]); !ok || !strings.HasPrefix(got, "realdocd: open the sockets: listen on "+sock) {
		t.Errorf("stderr %v", e)
	}
	if code := c.exits(); code != exitNo {
		t.Errorf("exit code %d, want 1", code)
	}
}

// The os package of Go raises the soft limit when a program starts; a gateway
// depends on it.
func TestServe_RaisesTheSoftLimitOfOpenFiles(t *testing.T) {
	fpm := startFakeFPM(t)
	sock := t.TempDir() + "/gw.sock"
	file := siteConfig(t, fmt.Sprintf("listen = [%q]", sock), fpm.addr, newSite(t))
	c := serveChild(t, "ulimit -S -n 64;", nil, "--config", file)
	c.says("ready")
	limits, err := os.ReadFile(fmt.Sprintf("/proc/%d/limits", c.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	soft, hard := 0, 0
	if _, line, ok := strings.Cut(string(limits), "Max open files"); ok {
		fmt.Sscan(line, &soft, &hard)
	}
	if soft <= 64 || soft < hard-1 {
		t.Errorf("the soft limit is %d, the hard one %d", soft, hard)
	}
	c.signal(syscall.SIGTERM)
	c.exits()
}

func TestServe_ConsoleFormatIsForPeople(t *testing.T) {
	fpm, sock := startFakeFPM(t), t.TempDir()+"/gw.sock"
	c := serveChild(t, "", nil, "--listen", sock, "--fpm", fpm.addr, "--docroot", newSite(t), "--log-format", "console")
	e := <-c.events
	if got := fmt.Sprint(e["message"]); !strings.Contains(got, " INF ") || strings.Contains(got, "\x1b") {
		t.Errorf("first line %q", got)
	}
	c.signal(syscall.SIGTERM)
	c.exits()
}
