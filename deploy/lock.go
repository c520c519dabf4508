package deploy

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// ErrLocked is a link that another deploy works on.
var ErrLocked = errors.New("another deploy is at work")

// A Lock keeps other deploys of a link out until Unlock, or until the process
// ends, however it does.
type Lock struct{ file *os.File }

// LockDeploy locks a link. It does not wait: if another process has the lock,
// the error is ErrLocked and names it.
//
// The lock is one on a file beside the link, which stays when it is unlocked:
// were it removed, a process that waits for the removed file and one that makes
// a new one would both have a lock.
func LockDeploy(link string) (*Lock, error) {
	name := hidden(link, "realdocd-lock")
	file, err := openLock(name)
	if err != nil {
		return nil, fmt.Errorf("lock %s against other deploys: %w", link, err)
	}
	err = unix.Flock(int(file.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	if errors.Is(err, unix.EWOULDBLOCK) {
		holder := make([]byte, 128)
		n, _ := file.Read(holder)
		file.Close()
		return nil, fmt.Errorf("%w on %s (%s): wait for it", ErrLocked, link, printable(string(holder[:n])))
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

// lockPause is how long it takes at most until somebody who waits for a lock has it.
const lockPause = 20 * time.Millisecond

// AwaitLock is LockDeploy for whoever can wait: if another process has the lock after the limit
// still, the error names it.
func AwaitLock(ctx context.Context, link string, limit time.Duration) (*Lock, error) {
	ends := time.Now().Add(limit)
	for {
		lock, err := LockDeploy(link)
		if !errors.Is(err, ErrLocked) || !time.Now().Before(ends) {
			return lock, err
		}
		select {
		case <-time.After(lockPause):
		case <-ctx.Done():
			return nil, errors.Join(err, ctx.Err())
		}
	}
}

// printable is what somebody else has written, for a terminal.
func printable(text string) string {
	quoted := strconv.Quote(strings.TrimSpace(text))
	return quoted[1 : len(quoted)-1]
}

// openLock opens the file of a lock, or makes it, as the owner of its directory. One
// that a root of earlier versions has made is root's, and the owner may not write to it.
func openLock(name string) (file *os.File, err error) {
	err = asOwnerOf(filepath.Dir(name), func(at string) error {
		file, err = openRegularAt(unix.AT_FDCWD, filepath.Join(at, filepath.Base(name)), name, os.O_RDWR|os.O_CREATE, 0o644)
		return err
	})
	if !errors.Is(err, fs.ErrPermission) {
		return file, err
	}
	return openOwn(name)
}

// openOwn opens a file of root's own, which nobody else can have put there.
func openOwn(name string) (*os.File, error) {
	file, err := OpenRegular(name, os.O_RDWR, 0)
	if err != nil {
		return nil, err
	}
	var st unix.Stat_t
	if err := unix.Fstat(int(file.Fd()), &st); err != nil || st.Uid != 0 {
		file.Close()
		return nil, fmt.Errorf("open %s: it belongs neither to the owner of its directory nor to root: look at what it is for, and remove it", name)
	}
	return file, nil
}

// Unlock lets others in.
func (l *Lock) Unlock() error { return l.file.Close() }
