package stack

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"runtime"
	"strings"

	"golang.org/x/sys/unix"
)

// A Space is a network namespace: what runs in it has only the interfaces of its own, and the machine's are
// not touched. The kernel removes it, with its interfaces, when the test's process and those in it have ended,
// however that came.
type Space struct {
	Name string

	file *os.File
	addr string // for whoever listens in it; "" is loopback
}

// Within is the stack for parts that run in a space: they listen on its address, and are reached there.
func (s *Stack) Within(space *Space) *Stack { return &Stack{s.ground, s.t, space} }

// Space makes a namespace, in which only loopback is there. It takes root.
func (s *Stack) Space(name string) *Space {
	s.t.Helper()
	NeedRoot(s.t, "a network namespace")
	Need(s.t, "ip", "nsenter")
	file, err := newNamespace()
	if err != nil {
		Unproven(s.t, "no network namespace can be made: "+err.Error())
	}
	space := &Space{Name: name, file: file}
	s.atClose(file.Close)
	s.check(space.ip("link set dev lo up"))
	return space
}

// newNamespace has a thread leave for a new namespace. The thread ends, because nobody else may run on it.
func newNamespace() (file *os.File, err error) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread()
		if err = os.NewSyscallError("unshare", unix.Unshare(unix.CLONE_NEWNET)); err == nil {
			file, err = os.Open("/proc/thread-self/ns/net")
		}
	}()
	<-done
	return file, err
}

// path is where other processes find the namespace, as long as the test runs.
func (sp *Space) path() string { return fmt.Sprintf("/proc/%d/fd/%d", os.Getpid(), sp.file.Fd()) }

// enter has a command run in the space; in none it runs where the test does. nsenter becomes the command.
func (sp *Space) enter(cmd *exec.Cmd) error {
	if sp == nil {
		return nil
	}
	nsenter, err := Find("nsenter")
	if err != nil {
		return err
	}
	cmd.Args = append([]string{nsenter, "--net=" + sp.path(), "--", cmd.Path}, cmd.Args[1:]...)
	cmd.Path = nsenter
	return nil
}

// Command is one that runs in the space.
func (sp *Space) Command(ctx context.Context, path string, args ...string) (*exec.Cmd, error) {
	cmd := exec.CommandContext(ctx, path, args...)
	return cmd, sp.enter(cmd)
}

// ip does what lines for ip(8) say, all of them in one call.
func (sp *Space) ip(lines ...string) error {
	path, err := Find("ip")
	if err != nil {
		return err
	}
	cmd := exec.Command(path, "-batch", "-")
	if err := sp.enter(cmd); err != nil {
		return err
	}
	cmd.Stdin = strings.NewReader(strings.Join(lines, "\n") + "\n")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("ip in %s: %w: %s", sp.Name, err, bytes.TrimSpace(out))
	}
	return nil
}

// Dial connects from within the space. A connection stays in the namespace that it was made in, whichever
// thread uses it.
func (sp *Space) Dial(ctx context.Context, network, addr string) (conn net.Conn, err error) {
	in := sp.do(func() { conn, err = new(net.Dialer).DialContext(ctx, network, addr) })
	if in != nil {
		return nil, in
	}
	return conn, err
}

// Listen opens a listener within the space.
func (sp *Space) Listen(network, addr string) (ln net.Listener, err error) {
	in := sp.do(func() { ln, err = net.Listen(network, addr) })
	if in != nil {
		return nil, in
	}
	return ln, err
}

// do calls a function on a thread that is in the space. The thread ends with it.
func (sp *Space) do(call func()) (err error) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread()
		if err = os.NewSyscallError("setns", unix.Setns(int(sp.file.Fd()), unix.CLONE_NEWNET)); err == nil {
			call()
		}
	}()
	<-done
	return err
}
