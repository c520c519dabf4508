package gateway

import (
	"context"
	"errors"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// A View is what the daemon sees of its surroundings, which nobody else can
// tell: another user has other rights, and a unit its own /tmp. Its JSON is part
// of the control API.
type View struct {
	// Listen are the addresses that web servers connect to, and Inherited
	// whether somebody else has opened them.
	Listen    []string `json:"listen"`
	Inherited bool     `json:"inherited"`
	// OpenFiles are the file descriptors in use, MaxOpenFiles their limit.
	OpenFiles    int    `json:"open_files"`
	MaxOpenFiles uint64 `json:"max_open_files"`
	// Directories are those that it writes to.
	Directories []DirectoryView `json:"directories"`
	// Requests are what web servers have sent lately, one of each site that had one.
	Requests []SeenRequest `json:"requests"`
	// Refused are requests that were refused for what they came with, the newest first.
	Refused []SeenRefusal `json:"refused"`
}

// A DirectoryView is one directory that the daemon writes to.
type DirectoryView struct {
	// Key is the key of the configuration that names it, and Path what it names.
	Key  string `json:"key"`
	Path string `json:"path"`
	// Error is why the daemon cannot write there; "" when it can.
	Error string `json:"error,omitempty"`
	// Free is how many bytes it may write.
	Free uint64 `json:"free"`
}

// View looks at the surroundings now.
func (s *Server) View() View {
	now := s.setup.Load()
	v := View{Directories: directoryViews(&now.cfg), Requests: []SeenRequest{}, Refused: s.refusals.all()}
	v.Listen, v.Inherited = s.Addrs()
	var limit unix.Rlimit
	if unix.Getrlimit(unix.RLIMIT_NOFILE, &limit) == nil {
		v.MaxOpenFiles = limit.Cur
	}
	open, _ := os.ReadDir("/proc/self/fd") // none where there is no /proc
	v.OpenFiles = len(open)
	for _, st := range now.sites.all {
		if seen := st.seen.last.Load(); seen != nil {
			v.Requests = append(v.Requests, *seen)
		}
	}
	return v
}

func directoryViews(c *Config) []DirectoryView {
	views := []DirectoryView{viewDirectory("spool_dir", orTemp(c.SpoolDir))}
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

// viewDirectory looks at a directory, or where it is not there yet, at the one
// in which it would be made.
func viewDirectory(key, dir string) DirectoryView {
	v := DirectoryView{Key: key, Path: dir}
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
	}
	return v
}

// viewRoute is the view in the control API.
func (s *Server) viewRoute() route {
	return route{http.MethodGet, "/v1/view", endpoint(func(r *http.Request) (any, error) {
		if _, err := parameters(r); err != nil {
			return nil, err
		}
		return s.View(), nil
	})}
}

// View asks what the daemon sees of its surroundings.
func (c *ControlClient) View(ctx context.Context) (View, error) {
	return askDaemon[View](ctx, c, http.MethodGet, "/v1/view")
}
