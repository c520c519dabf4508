package stack

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"sync"
)

// Stack owns the scratch directory and the child processes in it.
type Stack struct {
	Dir string

	mu    sync.Mutex
	parts []*Process
	names map[string]int
	ends  []func() error // what else Close has to end: listeners inside this process
}

// New makes the scratch directory. Its name is short because the path of a unix socket may have at
// most 107 bytes, and it is readable by all because workers run as another user.
func New() (*Stack, error) {
	dir, err := os.MkdirTemp("/tmp", "rd")
	if err != nil {
		return nil, err
	}
	if err := os.Chmod(dir, 0o755); err != nil {
		return nil, err
	}
	return &Stack{Dir: dir, names: map[string]int{}}, nil
}

// Close ends all children, newest first, and removes the scratch directory.
func (s *Stack) Close() error {
	s.mu.Lock()
	parts, ends := s.parts, s.ends
	s.parts, s.ends = nil, nil
	s.mu.Unlock()

	var errs []error
	for i := len(parts) - 1; i >= 0; i-- {
		errs = append(errs, parts[i].Stop())
	}
	for _, end := range ends {
		errs = append(errs, end())
	}
	return errors.Join(append(errs, os.RemoveAll(s.Dir))...)
}

// Processes are the children started so far, in order.
func (s *Stack) Processes() []*Process {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]*Process(nil), s.parts...)
}

// room makes the directory of one part: fpm, fpm2, fpm3 …
func (s *Stack) room(kind string) (dir, name string, err error) {
	s.mu.Lock()
	s.names[kind]++
	name = kind
	if n := s.names[kind]; n > 1 {
		name = fmt.Sprintf("%s%d", kind, n)
	}
	s.mu.Unlock()
	dir = filepath.Join(s.Dir, name)
	return dir, name, os.Mkdir(dir, 0o755)
}

func (s *Stack) atClose(end func() error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ends = append(s.ends, end)
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

// freeAddr is 127.0.0.1 with a free port.
func freeAddr() (Addr, error) {
	port, err := FreePort()
	return Addr(fmt.Sprintf("127.0.0.1:%d", port)), err
}
