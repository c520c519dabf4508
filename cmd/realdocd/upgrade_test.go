package main

import (
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"realdocd/test/stack"

	"golang.org/x/sys/unix"
)

// A manager is the notify socket of a service manager, which tells who has sent.
type manager struct {
	*net.UnixConn
	t    *testing.T
	path string
}

func newManager(t *testing.T) *manager {
	t.Helper()
	path := t.TempDir() + "/notify"
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	raw, err := conn.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	if ctlErr := raw.Control(func(fd uintptr) { err = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_PASSCRED, 1) }); ctlErr != nil || err != nil {
		t.Fatal(ctlErr, err)
	}
	return &manager{conn, t, path}
}

// told waits for the next message.
func (m *manager) told() (state string, from int) {
	m.t.Helper()
	text, oob := make([]byte, 1000), make([]byte, 1000)
	m.SetReadDeadline(time.Now().Add(patience))
	n, oobn, _, _, err := m.ReadMsgUnix(text, oob)
	if err != nil {
		m.t.Fatalf("systemd was told nothing: %v", err)
	}
	messages, err := unix.ParseSocketControlMessage(oob[:oobn])
	if err != nil || len(messages) == 0 {
		m.t.Fatalf("no credentials: %v", err)
	}
	cred, err := unix.ParseUnixCredentials(&messages[0])
	if err != nil {
		m.t.Fatal(err)
	}
	return string(text[:n]), int(cred.Pid)
}

// isTold waits for a message that begins so, from a process.
func (m *manager) isTold(want string, from int) {
	m.t.Helper()
	state, pid := m.told()
	if !strings.HasPrefix(state, want) || pid != from {
		m.t.Errorf("systemd was told %q by %d, want %q by %d", state, pid, want, from)
	}
}

// NotifyAccess=main takes no word of a process that is not the main one: the old
// process has to hand that over, before the new one says that it is ready.
func TestServe_AnUpgradeUnderSystemdHandsTheSocketsAndTheMainProcessOver(t *testing.T) {
	activate := stack.PathOf(t, "systemd-socket-activate")
	fpm, docroot, dir, m := startFakeFPM(t), newSite(t), t.TempDir(), newManager(t)
	sock := dir + "/gw.sock"
	file := siteConfig(t, fmt.Sprintf("listen = [%q]", dir+"/unused.sock"), fpm.addr, docroot)
	c := serveChild(t, fmt.Sprintf(`export SYSTEMD_EXEC_PID=$$; exec %s -l %s -E SYSTEMD_EXEC_PID -E NOTIFY_SOCKET=%s -E %s=1 "$0" serve "$@";`, activate, sock, m.path, asDaemon), nil, "--config", file)
	c.says("Listening on " + sock + " as 3.")
	held := make(chan string, 1)
	go func() { held <- get(sock, docroot) }() // which starts it
	<-fpm.came
	m.isTold("READY=1\nSTATUS=serving 1 site on "+sock, c.Process.Pid)

	c.signal(syscall.SIGUSR2)
	state, from := m.told()
	value, _, _ := strings.Cut(strings.TrimPrefix(state, "MAINPID="), "\n")
	heir, err := strconv.Atoi(value)
	if err != nil || from != c.Process.Pid {
		t.Fatalf("systemd was told %q by %d", state, from)
	}
	heirProcess := childOfOurs(t, heir)
	m.isTold("READY=1\nSTATUS=serving 1 site on "+sock, heir)
	if _, err := os.Stat(dir + "/unused.sock"); err == nil {
		t.Error("listen was not overruled in the new process")
	}
	fresh := make(chan string, 1)
	go func() { fresh <- get(sock, docroot) }()
	<-fpm.came // while the old one's request runs
	close(fpm.hold)
	for _, answer := range []<-chan string{held, fresh} {
		if got := <-answer; !strings.HasSuffix(got, "/releases/42/public") {
			t.Errorf("answer %q", got)
		}
	}
	if code := c.exits(); code != exitDone {
		t.Errorf("exit code %d of the old process", code)
	}
	heirProcess.Signal(syscall.SIGTERM)
	m.isTold("STOPPING=1\n", heir)
	if exit, err := heirProcess.Wait(); err != nil || exit.ExitCode() != exitDone {
		t.Errorf("the new process: %v, %v", exit, err)
	}
	if _, err := os.Stat(sock); err != nil {
		t.Errorf("systemd's socket: %v", err)
	}
}

// childOfOurs is a process that a child of ours has started as its sibling.
func childOfOurs(t *testing.T, pid int) *os.Process {
	t.Helper()
	p, err := os.FindProcess(pid)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Kill() })
	return p
}

// Who cannot be told of another main process takes the end of the one that he has started
// for that of realdocd.
func TestServe_StaysForWhoHasStartedItIfOnlySystemdCouldBeTold(t *testing.T) {
	for name, env := range map[string]string{
		"a supervisor": "unset NOTIFY_SOCKET SYSTEMD_EXEC_PID;",
		// tini as ExecStart= hands down what systemd has given it.
		"a supervisor below systemd": "export NOTIFY_SOCKET=/nonexistent SYSTEMD_EXEC_PID=1;",
	} {
		t.Run(name, func(t *testing.T) {
			fpm, docroot, sock := startFakeFPM(t), newSite(t), t.TempDir()+"/gw.sock"
			c := serveChild(t, env, nil, "--config", siteConfig(t, fmt.Sprintf("listen = [%q]", sock), fpm.addr, docroot))
			c.says("ready")
			held := make(chan string, 1)
			go func() { held <- get(sock, docroot) }()
			<-fpm.came
			c.signal(syscall.SIGUSR2)
			heir := int(c.says("handed over: finishing what runs here")["successor"].(float64))
			close(fpm.hold)
			if got := <-held; !strings.HasSuffix(got, "/releases/42/public") {
				t.Errorf("answer %q", got)
			}
			const stays = "nothing runs here any more: this process stays for who has started it, and passes signals on"
			c.saysBoth(stays, "the process before has ended")
			wantParent(t, heir, c.Process.Pid)
			wantServed(t, sock, docroot)
			c.signal(syscall.SIGUSR2) // which the heir gets
			next := int(c.says("handed over: finishing what runs here")["successor"].(float64))
			wantParent(t, next, heir)
			c.says(stays)
			c.signal(syscall.SIGHUP)
			c.says("configuration taken")
			wantServed(t, sock, docroot)
			c.signal(syscall.SIGTERM)
			c.says("stopping")
			if code := c.exits(); code != exitDone {
				t.Errorf("exit code %d", code)
			}
		})
	}
}

// A supervisor starts it again by how its child ends.
func TestServe_EndsAsItsSuccessorDoes(t *testing.T) {
	c, fpm, _, _ := startDaemon(t, "")
	close(fpm.hold)
	c.says("ready")
	c.signal(syscall.SIGUSR2)
	heir := int(c.says("handed over: finishing what runs here")["successor"].(float64))
	c.says("nothing runs here any more: this process stays for who has started it, and passes signals on")
	syscall.Kill(heir, syscall.SIGKILL)
	if code := c.exits(); code != exitSignal+int(syscall.SIGKILL) {
		t.Errorf("exit code %d, want %d", code, exitSignal+int(syscall.SIGKILL))
	}
}

// What a supervisor kills must not serve on.
func TestServe_IsKilledWithItsSuccessor(t *testing.T) {
	c, fpm, sock, _ := startDaemon(t, "")
	close(fpm.hold)
	c.says("ready")
	c.signal(syscall.SIGUSR2)
	c.says("nothing runs here any more: this process stays for who has started it, and passes signals on")
	c.signal(syscall.SIGKILL)
	c.says("stopping")
	stack.Until(t, "nobody listens", func() bool {
		conn, err := net.Dial("unix", sock)
		if err == nil {
			conn.Close()
		}
		return err != nil
	})
}

// saysBoth waits for two events, of two processes.
func (c *child) saysBoth(one, other string) {
	c.t.Helper()
	for e := range c.events {
		switch e["message"] {
		case one:
			c.says(other)
			return
		case other:
			c.says(one)
			return
		}
	}
	c.t.Fatalf("realdocd ended and did not say %q", one)
}

func wantParent(t *testing.T, pid, want int) {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil || !strings.Contains(string(status), fmt.Sprintf("\nPPid:\t%d\n", want)) {
		t.Errorf("the parent of %d is not %d: %v\n%s", pid, want, err, status)
	}
}

func TestServe_TellsTheWatchdogThatItIsAlive(t *testing.T) {
	fpm, sock, m := startFakeFPM(t), t.TempDir()+"/gw.sock", newManager(t)
	c := serveChild(t, "WATCHDOG_USEC=200000 WATCHDOG_PID=$$ SYSTEMD_EXEC_PID=$$ NOTIFY_SOCKET="+m.path, nil,
		"--listen", sock, "--fpm", fpm.addr, "--docroot", newSite(t))
	m.isTold("READY=1", c.Process.Pid)
	m.isTold("WATCHDOG=1", c.Process.Pid)
	m.isTold("WATCHDOG=1", c.Process.Pid)
	c.signal(syscall.SIGUSR2)
	for { // the old one's word, until the new one is the main process
		state, _ := m.told()
		if value, ok := strings.CutPrefix(state, "MAINPID="); ok {
			value, _, _ = strings.Cut(value, "\n")
			heir, err := strconv.Atoi(value)
			if err != nil {
				t.Fatal(err)
			}
			defer childOfOurs(t, heir).Wait()
			defer syscall.Kill(heir, syscall.SIGTERM)
			m.isTold("READY=1", heir)
			m.isTold("WATCHDOG=1", heir)
			break
		}
	}
	c.exits()
}

func TestServe_RefusesALinkThatIsNone(t *testing.T) {
	c := serveChild(t, succeedsVariable+"=1", nil, "--config", siteConfig(t, "", "/nonexistent", newSite(t)))
	c.says("realdocd: " + succeedsVariable + " is for realdocd's own use: unset it")
	if code := c.exits(); code != exitNo {
		t.Errorf("exit code %d, want 1", code)
	}
}
