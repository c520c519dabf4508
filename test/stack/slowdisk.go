package stack

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// SlowDisk is a directory on a file system that can be made slow, or made to hang: a FUSE whose server is
// stopped and continued. It takes root.
type SlowDisk struct {
	Dir string

	server *Process
	stop   chan struct{} // ends slowness
	ended  chan struct{}
}

// SlowDisk mounts one that answers at once.
func (s *Stack) SlowDisk() *SlowDisk {
	s.t.Helper()
	NeedRoot(s.t, "a file system of one's own")
	path := s.find("bindfs")
	dir, name := s.room("disk")
	d := &SlowDisk{Dir: filepath.Join(dir, "mounted")}
	behind := filepath.Join(dir, "behind")
	for _, made := range []string{d.Dir, behind} {
		s.check(os.Mkdir(made, 0o755))
		s.check(os.Chmod(made, 0o777))
	}
	d.server = s.start(dir, name, syscall.SIGTERM, path, "-f", behind, d.Dir)
	s.check(Poll(func() error {
		mounts, err := os.ReadFile("/proc/self/mounts")
		if err == nil && !strings.Contains(string(mounts), " "+d.Dir+" ") {
			err = fmt.Errorf("%s is not mounted: %s", d.Dir, d.server.Log.Tail(3))
		}
		return err
	}))
	return d
}

// Hang stops every answer until Recover.
func (d *SlowDisk) Hang() error { return d.server.Signal(syscall.SIGSTOP) }

// Answer has the disk answer once in each period, until Recover.
func (d *SlowDisk) Answer(every time.Duration) {
	d.stop, d.ended = make(chan struct{}), make(chan struct{})
	go func() {
		defer close(d.ended)
		for {
			d.server.Signal(syscall.SIGSTOP)
			select {
			case <-d.stop:
				return
			case <-time.After(every):
			}
			d.server.Signal(syscall.SIGCONT)
			time.Sleep(time.Millisecond) // for what has waited
		}
	}()
}

// Recover has the disk answer at once again.
func (d *SlowDisk) Recover() error {
	if d.stop != nil {
		close(d.stop)
		<-d.ended
		d.stop = nil
	}
	return d.server.Signal(syscall.SIGCONT)
}
