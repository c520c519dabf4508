package stack

import (
	"fmt"
	"os"
	"path/filepath"
	"syscall"
)

// FCGIWrap is a running fcgiwrap, which runs CGI scripts by their SCRIPT_FILENAME.
type FCGIWrap struct {
	*Process
	Addr Addr
}

// withChildren runs a program whose own children must end with it: those of fcgiwrap outlive it.
const withChildren = `trap 'trap - TERM; kill 0' TERM; "$0" "$@" & wait`

// StartFCGIWrap returns when it accepts. It runs as many scripts at once as it has processes.
func (s *Stack) StartFCGIWrap(processes int) (*FCGIWrap, error) {
	path, err := Find("fcgiwrap")
	if err != nil {
		return nil, err
	}
	dir, name, err := s.room("fcgiwrap")
	if err != nil {
		return nil, err
	}
	addr := Addr(filepath.Join(dir, "sock"))
	p, err := s.start(dir, name, syscall.SIGTERM, "/bin/sh", "-c", withChildren, path, "-f", "-c", fmt.Sprint(processes), "-s", "unix:"+string(addr))
	if err != nil {
		return nil, err
	}
	if err := p.answers(addr); err != nil {
		return nil, err
	}
	return &FCGIWrap{p, addr}, os.Chmod(string(addr), 0o666) // as fcgiwrap.socket of Debian does for www-data
}
