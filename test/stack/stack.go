package stack

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"sync"
)

// Stack is a scratch directory and the child processes in it, for one test. What cannot be started, or done,
// ends the test with the cause.
type Stack struct {
	*ground
	t     TB
	space *Space // that its parts run in; nil is where the test runs
}

// ground is what the stacks of a test and of its subtests have in common.
type ground struct {
	Dir string

	mu    sync.Mutex // guards the following
	parts []*Process
	names map[string]int
	ends  []func() error // what else Close has to end: listeners inside this process
}

// For makes the stack of a test that needs these programs. It is closed when the test ends; when the
// test has failed, the ends of all logs are shown first. KEEP=1 leaves the scratch directory.
func For(t TB, programs ...string) *Stack {
	t.Helper()
	Need(t, programs...)
	s := must(newStack(t))(t)
	t.Cleanup(func() {
		if t.Failed() {
			for _, p := range s.Processes() {
				t.Logf("--- %s (pid %d), end of its log:\n%s", p.Name, p.Pid(), p.Log.Tail(15))
			}
		}
		if os.Getenv("KEEP") != "" {
			kept := s.Dir
			s.Dir = filepath.Join(kept, "none") // Close removes this one instead
			t.Logf("kept: %s", kept)
		}
		if err := s.Close(); err != nil {
			t.Logf("at the end: %v", err)
		}
	})
	return s
}

// In is the same stack for a subtest: what fails there ends the subtest.
func (s *Stack) In(sub TB) *Stack { return &Stack{s.ground, sub, s.space} }

// newStack makes the scratch directory. Its name is short because the path of a unix socket may have at
// most 107 bytes, and it is readable by all because workers run as another user.
func newStack(t TB) (*Stack, error) {
	dir, err := os.MkdirTemp("/tmp", "rd")
	if err != nil {
		return nil, err
	}
	if err := os.Chmod(dir, 0o755); err != nil {
		return nil, err
	}
	return &Stack{&ground{Dir: dir, names: map[string]int{}}, t, nil}, nil
}

// Close ends all children, newest first, and removes the scratch directory.
func (g *ground) Close() error {
	g.mu.Lock()
	parts, ends := g.parts, g.ends
	g.parts, g.ends = nil, nil
	g.mu.Unlock()

	var errs []error
	for i := len(parts) - 1; i >= 0; i-- {
		errs = append(errs, parts[i].Stop())
	}
	for _, end := range ends {
		errs = append(errs, end())
	}
	return errors.Join(append(errs, os.RemoveAll(g.Dir))...)
}

// must is the outcome of a call that may fail, for the test that ends if it has: must(call())(t).
func must[V any](v V, err error) func(TB) V {
	return func(t TB) V {
		t.Helper()
		if err != nil {
			t.Fatalf("%v", err)
		}
		return v
	}
}

// check ends the test with the error, if there is one.
func (s *Stack) check(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatalf("%v", err)
	}
}

// Processes are the children started so far, in order.
func (g *ground) Processes() []*Process {
	g.mu.Lock()
	defer g.mu.Unlock()
	return append([]*Process(nil), g.parts...)
}

// room makes the directory of one part: fpm, fpm2, fpm3 …
func (s *Stack) room(kind string) (dir, name string) {
	s.t.Helper()
	s.mu.Lock()
	s.names[kind]++
	name = kind
	if n := s.names[kind]; n > 1 {
		name = fmt.Sprintf("%s%d", kind, n)
	}
	s.mu.Unlock()
	dir = filepath.Join(s.Dir, name)
	s.check(os.Mkdir(dir, 0o755))
	return dir, name
}

func (g *ground) atClose(end func() error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.ends = append(g.ends, end)
}

var ports struct {
	sync.Mutex
	given map[int]bool
}

// FreePort finds a loopback port that nobody listens on, and never gives the same one twice.
func FreePort() (int, error) {
	ports.Lock()
	defer ports.Unlock()
	if ports.given == nil {
		ports.given = map[int]bool{}
	}
	for range 100 {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return 0, err
		}
		port := l.Addr().(*net.TCPAddr).Port
		l.Close()
		if !ports.given[port] {
			ports.given[port] = true
			return port, nil
		}
	}
	return 0, errors.New("no free loopback port in 100 tries")
}

// FreeAddr is 127.0.0.1 with a free port; within a space, it is the space's address.
func (s *Stack) FreeAddr() Addr {
	s.t.Helper()
	host := "127.0.0.1"
	if s.space != nil && s.space.addr != "" {
		host = s.space.addr
	}
	return Addr(fmt.Sprintf("%s:%d", host, must(FreePort())(s.t)))
}

// find is Find for what the test cannot do without.
func (s *Stack) find(program string) (path string) {
	s.t.Helper()
	return must(Find(program))(s.t)
}
