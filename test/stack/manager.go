package stack

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// A manager does for realdocd what systemd does for a service: it takes another process for the main one
// if it is told to (MAINPID= in sd_notify(3)). For one with a socket unit it has the listening socket, passes
// it on, and keeps descriptors from the end of one process to the start of the next (sd_listen_fds(3),
// FDSTORE= in sd_notify(3)).
type manager struct {
	notify   *net.UnixConn
	path     string
	listener *os.File // nil without a socket unit

	mu      sync.Mutex
	stored  []*os.File
	reached chan struct{} // closed by the next barrier
}

func newManager(dir string) (m *manager, err error) {
	m = &manager{path: dir + "/notify"}
	if m.notify, err = net.ListenUnixgram("unixgram", &net.UnixAddr{Name: m.path, Net: "unixgram"}); err != nil {
		return nil, err
	}
	if err := os.Chmod(m.path, 0o666); err != nil {
		return nil, err
	}
	go m.serve()
	return m, nil
}

// listen opens the socket of a socket unit.
func (m *manager) listen(addr Addr) error {
	ln, err := net.ListenUnix("unix", &net.UnixAddr{Name: string(addr), Net: "unix"})
	if err != nil {
		return err
	}
	defer ln.Close()
	ln.SetUnlinkOnClose(false)
	if err := os.Chmod(string(addr), 0o666); err != nil {
		return err
	}
	m.listener, err = ln.File()
	return err
}

func (m *manager) close() error {
	m.notify.Close()
	if m.listener != nil {
		m.listener.Close()
	}
	m.forget()
	return nil
}

// serve takes what the service says, until close.
func (m *manager) serve() {
	text, oob := make([]byte, 4096), make([]byte, 4096)
	for {
		n, oobn, _, _, err := m.notify.ReadMsgUnix(text, oob)
		if err != nil {
			return
		}
		state := string(text[:n])
		switch {
		case state == barrier:
			m.mu.Lock()
			close(m.reached)
			m.mu.Unlock()
		case strings.HasPrefix(state, "FDSTOREREMOVE=1\n"):
			m.forget()
		case strings.HasPrefix(state, "FDSTORE=1\n"):
			m.keep(oob[:oobn])
		}
	}
}

func (m *manager) keep(oob []byte) {
	messages, err := unix.ParseSocketControlMessage(oob)
	if err != nil || len(messages) == 0 {
		return
	}
	fds, err := unix.ParseUnixRights(&messages[0])
	if err != nil {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, fd := range fds {
		unix.CloseOnExec(fd)
		m.stored = append(m.stored, os.NewFile(uintptr(fd), "stored"))
	}
}

func (m *manager) forget() {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, f := range m.stored {
		f.Close()
	}
	m.stored = nil
}

// pass makes a child a service, and passes the sockets to it. A shell starts it: only that knows its process
// id in time.
func (m *manager) pass(cmd *exec.Cmd) {
	m.mu.Lock()
	defer m.mu.Unlock()
	environ := os.Environ()
	if cmd.Env != nil {
		environ = cmd.Env
	}
	// Of the service that the tests themselves may run in.
	cmd.Env = slices.DeleteFunc(slices.Clone(environ), func(v string) bool { return strings.HasPrefix(v, "INVOCATION_ID=") })
	cmd.Env = append(cmd.Env, "NOTIFY_SOCKET="+m.path)
	script := `export SYSTEMD_EXEC_PID=$$; `
	if m.listener != nil {
		names := "realdocd.socket" + strings.Repeat(":webconn", len(m.stored))
		cmd.ExtraFiles = append([]*os.File{m.listener}, m.stored...)
		cmd.Env = append(cmd.Env, "LISTEN_FDNAMES="+names, fmt.Sprintf("LISTEN_FDS=%d", len(cmd.ExtraFiles)))
		script += `export LISTEN_PID=$$; `
	}
	cmd.Args = append([]string{"bash", "-c", script + `exec -a "$1" "$0" "${@:2}"`, cmd.Path}, cmd.Args...)
	cmd.Path = "/bin/bash"
}

// barrier waits until all is taken that the service has said so far.
func (m *manager) barrier() error {
	self, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Name: m.path, Net: "unixgram"})
	if err != nil {
		return err
	}
	defer self.Close()
	m.mu.Lock()
	reached := make(chan struct{})
	m.reached = reached
	m.mu.Unlock()
	if _, err := self.Write([]byte(barrier)); err != nil {
		return err
	}
	select {
	case <-reached:
		return nil
	case <-time.After(Patience):
		return errors.New("the notify socket is stuck")
	}
}

const barrier = "BARRIER=1"

// RestartGateway ends realdocd and starts it again, as systemctl restart does, and returns how many connections
// of web servers went from the one to the other. It is for GatewayConfig.Activated.
func (s *Stack) RestartGateway(g *Gateway) (kept int) {
	s.t.Helper()
	s.check(g.Signal(syscall.SIGTERM))
	if code := must(g.ExitCode(stopTimeout))(s.t); code != 0 {
		s.t.Fatalf("realdocd ended with exit code %d", code)
	}
	s.check(g.manager.barrier())
	g.manager.mu.Lock()
	kept = len(g.manager.stored)
	g.manager.mu.Unlock()
	s.check(g.start(filepath.Dir(g.Config), g.Name))
	return kept
}
