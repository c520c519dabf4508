package fleet

import (
	"bytes"
	"context"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"realdocd/test/stack"
)

// An operator has a terminal of its own, with a wire to etcd.
type operator struct {
	y     *yard
	space *stack.Space
	store *stack.Wire
}

func (y *yard) openOperator() *operator {
	y.t.Helper()
	o := &operator{y: y, space: y.Space("operator")}
	o.store = y.Join(o.space, y.store, true)
	return o
}

// A command is one that an operator has begun.
type command struct {
	cmd  *exec.Cmd
	out  bytes.Buffer
	done chan struct{}
	code int // after done; -1 if it was killed
}

// run begins a verb of realdocd.
func (o *operator) run(args ...string) *command {
	o.y.t.Helper()
	binary, err := stack.Binary()
	o.y.must(err)
	c := &command{done: make(chan struct{})}
	c.cmd, err = o.space.Command(context.Background(), binary, append(args, "--config", o.y.hosts[0].gw.Config)...)
	o.y.must(err)
	c.cmd.Stdout, c.cmd.Stderr = &c.out, &c.out
	c.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	o.y.must(c.cmd.Start())
	go func() {
		defer close(c.done)
		c.cmd.Wait()
		c.code = c.cmd.ProcessState.ExitCode()
	}()
	o.y.t.Cleanup(c.kill)
	return c
}

// kill ends the command as kill -9 does.
func (c *command) kill() {
	syscall.Kill(-c.cmd.Process.Pid, syscall.SIGKILL)
	<-c.done
}

// ended says whether the command has come to its end within a time.
func (c *command) ended(within time.Duration) bool {
	select {
	case <-c.done:
		return true
	case <-time.After(within):
		return false
	}
}

// said is what the command has written; it has ended.
func (c *command) said() string { return strings.TrimSpace(c.out.String()) }

// flip begins a flip of all hosts to a release.
func (o *operator) flip(release string, args ...string) *command {
	o.y.t.Helper()
	o.y.seer.attempt(release)
	return o.run(append([]string{"fleet", "flip", site, release}, args...)...)
}
