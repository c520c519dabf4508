package stack

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// stopTimeout is how long a child may take to end when asked.
const stopTimeout = 15 * time.Second

// Process is one child: the part itself or the master of its workers.
type Process struct {
	Name string
	Log  *Log

	cmd     *exec.Cmd // nil of one that another child has started
	space   *Space    // that it runs in
	process *os.Process
	polite  syscall.Signal // asks it to end
	read    chan struct{}  // closed when all that it and its heirs wrote is in the log
	heir    atomic.Bool    // another child writes to the same log
	done    chan struct{}
	exit    *os.ProcessState // set before done is closed
	state   error            // of Wait, as well
	stop    sync.Once
}

// logPatience is how long the output of a child that has ended is waited for: a worker that outlives its
// master must not hold our end of the pipe.
const logPatience = time.Second

// launch runs functions on one thread that never ends. The kernel sends a child's death signal when the
// *thread* that started it ends, and Go ends threads as it likes.
var launch = sync.OnceValue(func() chan<- func() {
	work := make(chan func())
	go func() {
		runtime.LockOSThread()
		for f := range work {
			f()
		}
	}()
	return work
})

// start runs a program in dir. When this process dies, however that happens, the child gets SIGTERM and
// not SIGKILL: a master that is killed leaves its workers behind, one that is asked takes them along.
func (s *Stack) start(dir, name string, polite syscall.Signal, path string, args ...string) *Process {
	s.t.Helper()
	return must(s.run(s.space, dir, name, polite, exec.Command(path, args...)))(s.t)
}

// run is start for a command that has more than arguments.
func (g *ground) run(space *Space, dir, name string, polite syscall.Signal, cmd *exec.Cmd) (*Process, error) {
	if err := space.enter(cmd); err != nil {
		return nil, err
	}
	log, err := newLog(filepath.Join(dir, "log"))
	if err != nil {
		return nil, err
	}
	output, input, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	cmd.Dir, cmd.Stdout, cmd.Stderr = dir, input, input
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM}

	started := make(chan error)
	launch() <- func() { started <- cmd.Start() }
	err = <-started
	input.Close()
	if err != nil {
		output.Close()
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	p := &Process{Name: name, Log: log, cmd: cmd, space: space, process: cmd.Process, polite: polite, read: make(chan struct{}), done: make(chan struct{})}
	go func() {
		defer close(p.read)
		defer output.Close()
		io.Copy(log, output) // an error would show as a line that is missing
	}()
	g.adopt(p)
	return p, nil
}

// adopt waits for the end of a child.
func (g *ground) adopt(p *Process) {
	go func() {
		defer close(p.done)
		if p.exit, p.state = p.process.Wait(); p.state == nil && !p.exit.Success() {
			p.state = fmt.Errorf("%v", p.exit)
		}
		if p.heir.Load() {
			return
		}
		select {
		case <-p.read:
		case <-time.After(logPatience):
		}
	}()
	g.mu.Lock()
	g.parts = append(g.parts, p)
	g.mu.Unlock()
}

// successor is a child that p has started as its own successor: it writes to the same log.
func (g *ground) successor(p *Process, pid int) (*Process, error) {
	process, err := os.FindProcess(pid)
	if err != nil {
		return nil, err
	}
	p.heir.Store(true)
	next := &Process{Name: p.Name, Log: p.Log, space: p.space, process: process, polite: p.polite, read: p.read, done: make(chan struct{})}
	g.adopt(next)
	return next, nil
}

// Pid is the process id of the child; if it has workers, it is their master.
func (p *Process) Pid() int { return p.process.Pid }

// Signal sends a signal to the child itself, not to its workers.
func (p *Process) Signal(sig syscall.Signal) error { return p.process.Signal(sig) }

// Done is closed when the child has ended.
func (p *Process) Done() <-chan struct{} { return p.done }

// ExitCode waits for the child to end by itself; -1 when a signal ended it.
func (p *Process) ExitCode(timeout time.Duration) (int, error) {
	select {
	case <-p.done:
		return p.exit.ExitCode(), nil
	case <-time.After(timeout):
		return 0, p.failure(fmt.Errorf("still runs after %v", timeout))
	}
}

// Stop asks the child to end, and kills it with its workers when it does not. More calls do nothing.
func (p *Process) Stop() (err error) {
	p.stop.Do(func() { err = p.end() })
	return err
}

func (p *Process) end() error {
	select {
	case <-p.done:
		p.sweep()
		return nil
	default:
	}
	if err := p.Signal(p.polite); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return p.failure(err)
	}
	select {
	case <-p.done:
		return nil
	case <-time.After(stopTimeout):
		p.Kill()
		<-p.done
		return p.failure(fmt.Errorf("had to be killed: did not end within %v", stopTimeout))
	}
}

// Kill ends the child and its workers at once.
func (p *Process) Kill() {
	syscall.Kill(-p.Pid(), syscall.SIGKILL)
	p.process.Kill() // a successor is in the process group of who has started it
}

// sweep ends the workers of a master that somebody else has killed.
func (p *Process) sweep() {
	if p.exit != nil && p.exit.ExitCode() == -1 {
		p.Kill()
	}
}

// failure is an error with the end of the child's log, where the cause is.
func (p *Process) failure(err error) error {
	return fmt.Errorf("%s (pid %d): %w; its log ends with\n%s", p.Name, p.Pid(), err, p.Log.Tail(30))
}

// answers waits until the address accepts. There is no event for that: a program says that it listens
// only by listening.
func (p *Process) answers(addr Addr) error {
	var ended error
	err := Poll(func() error {
		select {
		case <-p.done:
			ended = p.failure(fmt.Errorf("ended (%v) before it listened on %s", p.state, addr))
			return nil
		default:
		}
		conn, err := addr.dialFrom(p.space)
		if err == nil {
			err = conn.Close()
		}
		return err
	})
	if err != nil {
		return p.failure(fmt.Errorf("does not listen on %s: %w", addr, err))
	}
	return ended
}

// says waits for a line of the child's log, or for the child's end.
func (p *Process) says(after int, match func(string) bool) error {
	said := make(chan error, 1)
	go func() {
		_, err := p.Log.Wait(after, Patience, match)
		said <- err
	}()
	select {
	case err := <-said:
		if err != nil {
			return fmt.Errorf("%s (pid %d): %w", p.Name, p.Pid(), err)
		}
		return nil
	case <-p.done:
		return p.failure(fmt.Errorf("ended (%v) before it was ready", p.state))
	}
}

// Program runs any program that listens on addr, and returns when it accepts.
func (s *Stack) Program(kind string, addr Addr, path string, args ...string) *Process {
	s.t.Helper()
	dir, name := s.room(kind)
	p := s.start(dir, name, syscall.SIGTERM, path, args...)
	s.check(p.answers(addr))
	return p
}
