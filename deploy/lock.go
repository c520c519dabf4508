package deploy

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// ErrLocked is a link that another deploy works on.
var ErrLocked = errors.New("another deploy is at work")

// A Lock keeps other deploys of a link out until Unlock, or until the process
// ends, however it does.
type Lock struct{ file *os.File }

// LockDeploy locks a link. It does not wait: where another process has the lock,
// the error is ErrLocked and names it.
//
// The lock is one on a file beside the link, which stays when it is unlocked:
// were it removed, a process that waits for the removed file and one that makes
// a new one would both have a lock.
func LockDeploy(link string) (*Lock, error) {
	name := hidden(link, "realdocd-lock")
	file, err := OpenRegular(name, os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return nil, fmt.Errorf("lock %s against other deploys: %w", link, err)
	}
	giveToOwner(file, filepath.Dir(name))
	err = unix.Flock(int(file.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	if errors.Is(err, unix.EWOULDBLOCK) {
		holder := make([]byte, 128)
		n, _ := file.Read(holder)
		file.Close()
		return nil, fmt.Errorf("%w on %s (%s): wait for it", ErrLocked, link, strings.TrimSpace(string(holder[:n])))
	}
	if err == nil {
		err = file.Truncate(0)
	}
	if err == nil {
		_, err = fmt.Fprintf(file, "pid %d, since %s\n", os.Getpid(), time.Now().Format("15:04:05"))
	}
	if err != nil {
		file.Close()
		return nil, fmt.Errorf("lock %s against other deploys: %w", link, err)
	}
	return &Lock{file}, nil
}

// giveToOwner gives a file that root has made to the owner of its directory, who
// could not write to it otherwise.
func giveToOwner(file *os.File, dir string) {
	var st unix.Stat_t
	if os.Geteuid() == 0 && unix.Stat(dir, &st) == nil {
		unix.Fchown(int(file.Fd()), int(st.Uid), int(st.Gid)) // root's where that is refused
	}
}

// Unlock lets others in.
func (l *Lock) Unlock() error { return l.file.Close() }
