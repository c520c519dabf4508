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

// FCGIWrap starts fcgiwrap and returns when it accepts. It runs as many scripts at once as it has processes.
func (s *Stack) FCGIWrap(processes int) *FCGIWrap {
	s.t.Helper()
	path := s.find("fcgiwrap")
	dir, name := s.room("fcgiwrap")
	addr := Addr(filepath.Join(dir, "sock"))
	p := s.start(dir, name, syscall.SIGTERM, "/bin/sh", "-c", withChildren, path, "-f", "-c", fmt.Sprint(processes), "-s", "unix:"+string(addr))
	s.check(p.answers(addr))
	s.check(os.Chmod(string(addr), 0o666)) // as fcgiwrap.socket of Debian does for www-data
	return &FCGIWrap{p, addr}
}
