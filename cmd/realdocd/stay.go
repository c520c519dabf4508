package main

import (
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"runtime/debug"
	"syscall"

	"golang.org/x/sys/unix"

	"realdocd/gateway"
)

// A successorChild is a successor that this process stays the parent of, because who has started this
// process waits for it. A nil one is a sibling.
type successorChild struct {
	process *os.Process
	ended   chan struct{} // closed when it has ended
	state   *os.ProcessState
}

// startBelow starts a program as our child. It ends if this process is killed, and
// what comes from the terminal comes to this process alone, which passes it on.
func startBelow(cmd *exec.Cmd) (*successorChild, error) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM}
	c := &successorChild{ended: make(chan struct{})}
	started := make(chan error)
	go func() {
		// The kernel sends the death signal when the thread ends that has started the
		// child: this goroutine keeps it.
		runtime.LockOSThread()
		err := cmd.Start()
		c.process = cmd.Process
		started <- err
		if err != nil {
			return
		}
		cmd.Wait() // its state is what counts
		c.state = cmd.ProcessState
		close(c.ended)
	}()
	return c, <-started
}

// pass passes a signal of the supervisor on.
func (c *successorChild) pass(sig os.Signal) {
	if c != nil {
		c.process.Signal(sig) // it may have ended
	}
}

// becomeParent has this process get the signals that it passes on and does not need itself.
func (d *daemonProcess) becomeParent() { signal.Notify(d.signals, syscall.SIGUSR1) }

// stay has this process stand for its successor, until that ends: it runs nothing any more,
// passes signals on, and ends as the successor does. The successor does the same if it is
// replaced in turn.
func (d *daemonProcess) stay(successor *gateway.Successor, c *successorChild) error {
	successor.Leave()
	d.log.Info().Int("successor", c.process.Pid).Msg("nothing runs here any more: this process stays for who has started it, and passes signals on")
	debug.FreeOSMemory()
	for {
		select {
		case sig := <-d.signals:
			c.pass(sig)
		case <-c.ended:
			return c.result()
		}
	}
}

// result is the error with which we end, so that our exit code is the child's.
func (c *successorChild) result() error {
	if c.state.Success() {
		return nil
	}
	return codeOf(c.state)
}

// startBeside starts a program as a sibling of this process, so that the service manager,
// and not we, is told of its end.
func startBeside(cmd *exec.Cmd) (*os.Process, error) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: unix.CLONE_PARENT}
	err := cmd.Start()
	return cmd.Process, err
}
