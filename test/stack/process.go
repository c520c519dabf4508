package stack

import (
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"runtime"
	"sync"
	"syscall"
	"time"
)

// stopTimeout is how long a child may take to end when asked.
const stopTimeout = 15 * time.Second

// Process is one child: the part itself or the master of its workers.
type Process struct {
	Name string
	Log  *Log

	cmd    *exec.Cmd
	polite syscall.Signal // asks it to end
	done   chan struct{}
	state  error // of Wait, set before done is closed
	stop   sync.Once
}

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
func (s *Stack) start(dir, name string, polite syscall.Signal, path string, args ...string) (*Process, error) {
	log, err := newLog(filepath.Join(dir, "log"))
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(path, args...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = dir, log, log
	cmd.WaitDelay = time.Second // a worker that outlives its master must not hold our end of the pipe
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM}

	started := make(chan error)
	launch() <- func() { started <- cmd.Start() }
	if err := <-started; err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	p := &Process{Name: name, Log: log, cmd: cmd, polite: polite, done: make(chan struct{})}
	go func() {
		p.state = cmd.Wait()
		close(p.done)
	}()
	s.mu.Lock()
	s.parts = append(s.parts, p)
	s.mu.Unlock()
	return p, nil
}

// Pid is the process id of the child, the master where there are workers.
func (p *Process) Pid() int { return p.cmd.Process.Pid }

// Signal sends a signal to the child itself, not to its workers.
func (p *Process) Signal(sig syscall.Signal) error { return p.cmd.Process.Signal(sig) }

// Done is closed when the child has ended.
func (p *Process) Done() <-chan struct{} { return p.done }

// ExitCode waits for the child to end by itself; -1 when a signal ended it.
func (p *Process) ExitCode(timeout time.Duration) (int, error) {
	select {
	case <-p.done:
		return p.cmd.ProcessState.ExitCode(), nil
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
	if err := p.Signal(p.polite); err != nil && !errors.Is(err, syscall.ESRCH) {
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
func (p *Process) Kill() { syscall.Kill(-p.Pid(), syscall.SIGKILL) }

// sweep ends the workers of a master that somebody else has killed.
func (p *Process) sweep() {
	if p.cmd.ProcessState.ExitCode() == -1 {
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
	deadline := time.Now().Add(20 * time.Second)
	for {
		conn, err := addr.Dial()
		if err == nil {
			return conn.Close()
		}
		select {
		case <-p.done:
			return p.failure(fmt.Errorf("ended (%v) before it listened on %s", p.state, addr))
		case <-time.After(5 * time.Millisecond):
		}
		if time.Now().After(deadline) {
			return p.failure(fmt.Errorf("does not listen on %s: %w", addr, err))
		}
	}
}

// says waits for a line of the child's log, or for the child's end.
func (p *Process) says(after int, match func(string) bool) error {
	said := make(chan error, 1)
	go func() {
		_, err := p.Log.Wait(after, 20*time.Second, match)
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

// StartProgram runs any program that listens on addr, and returns when it accepts.
func (s *Stack) StartProgram(kind string, addr Addr, path string, args ...string) (*Process, error) {
	dir, name, err := s.room(kind)
	if err != nil {
		return nil, err
	}
	p, err := s.start(dir, name, syscall.SIGTERM, path, args...)
	if err != nil {
		return nil, err
	}
	return p, p.answers(addr)
}
