package gateway

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"

	"realdocd/gateway/control"
)

// View is what the daemon sees of its surroundings now.
func (s *Server) View() control.View {
	now := s.setup.Load()
	v := control.View{Directories: directoryViews(&now.cfg), Requests: []control.SeenRequest{}, Refused: s.refusals.all(time.Now()), Metrics: now.cfg.Metrics}
	v.Unresolved = s.unresolved(now)
	v.Listen, v.Inherited = s.Addrs()
	var limit unix.Rlimit
	if unix.Getrlimit(unix.RLIMIT_NOFILE, &limit) == nil {
		v.MaxOpenFiles = limit.Cur
	}
	open, _ := os.ReadDir("/proc/self/fd") // nothing if there is no /proc
	v.OpenFiles = len(open)
	for _, st := range now.sites.all {
		if seen := st.seen.last.Load(); seen != nil {
			v.Requests = append(v.Requests, *seen)
		} else {
			v.Unseen = append(v.Unseen, control.UnseenSite{Site: st.Name, Since: st.since})
		}
	}
	return v
}

// Configuration is what the daemon runs on now.
func (s *Server) Configuration() control.Configuration { return s.setup.Load().cfg.Told }

func directoryViews(c *Config) []control.DirectoryView {
	views := []control.DirectoryView{viewDirectory("spool_dir", orTemp(c.SpoolDir))}
	if c.StateDir != "" {
		views = append(views, viewDirectory("state_dir", c.StateDir))
	}
	return views
}

func orTemp(dir string) string {
	if dir == "" {
		return os.TempDir()
	}
	return dir
}

// viewDirectory looks at a directory. A state_dir that is not there yet will be made,
// so the directory in which that would happen is looked at.
func viewDirectory(key, dir string) control.DirectoryView {
	v := control.DirectoryView{Key: key, Path: dir}
	at := dir
	err := unix.Access(at, unix.W_OK|unix.X_OK)
	for key == "state_dir" && errors.Is(err, fs.ErrNotExist) && at != filepath.Dir(at) {
		at = filepath.Dir(at)
		err = unix.Access(at, unix.W_OK|unix.X_OK)
	}
	if err != nil {
		v.Error = err.Error()
		return v
	}
	var st unix.Statfs_t
	if unix.Statfs(at, &st) == nil {
		v.Free = st.Bavail * uint64(st.Bsize)
		v.Memory = st.Type == unix.TMPFS_MAGIC || st.Type == unix.RAMFS_MAGIC
	}
	return v
}
