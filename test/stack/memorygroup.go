package stack

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// A MemoryGroup is a cgroup that has a limit of memory, beyond which the kernel kills.
type MemoryGroup struct{ dir string }

// MemoryGroup makes one below the test's own. It takes root, and a hierarchy that is writable.
func (s *Stack) MemoryGroup(limit int64) *MemoryGroup {
	s.t.Helper()
	g, err := newMemoryGroup(filepath.Base(s.Dir), limit)
	if err != nil {
		Unproven(s.t, "no cgroup with a limit of memory can be made: "+err.Error())
	}
	s.atClose(func() error { return os.Remove(g.dir) })
	return g
}

func newMemoryGroup(name string, limit int64) (*MemoryGroup, error) {
	own, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		return nil, err
	}
	err = errors.New("there is no memory controller")
	for line := range strings.Lines(string(own)) {
		parts := strings.SplitN(strings.TrimSpace(line), ":", 3)
		dir, file := "/sys/fs/cgroup", "memory.max"
		switch {
		case len(parts) < 3:
			continue
		case parts[1] == "memory":
			dir, file = dir+"/memory", "memory.limit_in_bytes"
		case parts[1] != "":
			continue
		}
		g := &MemoryGroup{filepath.Join(dir, parts[2], name)}
		if err = os.Mkdir(g.dir, 0o755); err != nil {
			continue
		}
		if err = os.WriteFile(filepath.Join(g.dir, file), fmt.Append(nil, limit), 0); err == nil {
			return g, nil
		}
		os.Remove(g.dir)
	}
	return nil, err
}

// enter has a command run in the group: a shell goes there, and becomes it.
func (g *MemoryGroup) enter(cmd *exec.Cmd) {
	cmd.Args = append([]string{"/bin/sh", "-c", `echo $$ >"$0" && exec "$@"`, g.dir + "/cgroup.procs", cmd.Path}, cmd.Args[1:]...)
	cmd.Path = "/bin/sh"
}
