package deploy

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// A tree is a directory with all that is in it, held open: what is done to it is
// done to this directory, whatever becomes of its name. No symlink in it is
// followed, and no mount entered.
type tree struct {
	dir   *os.File
	path  string
	stat  unix.Statx_t
	above unix.Statx_t // of the directory that it lies in
}

// openTree opens a directory that is not a symlink. The caller closes dir.
func openTree(path string) (*tree, error) {
	parent, err := statAt(unix.AT_FDCWD, filepath.Dir(path), 0)
	if err != nil {
		return nil, &os.PathError{Op: "stat", Path: filepath.Dir(path), Err: err}
	}
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: path, Err: err}
	}
	t := &tree{dir: os.NewFile(uintptr(fd), path), path: path, above: parent}
	if t.stat, err = statAt(fd, "", unix.AT_EMPTY_PATH); err != nil {
		t.dir.Close()
		return nil, &os.PathError{Op: "stat", Path: path, Err: err}
	}
	return t, nil
}

// A mounted error names what is mounted in a tree.
type mounted struct{ path string }

func (m mounted) Error() string {
	return fmt.Sprintf("%s is a mount point, or on another device", m.path)
}

// leaves says whether what is in the tree is not of it. The device of a file on
// an overlay need not be that of its directory.
func (t *tree) leaves(st unix.Statx_t) bool {
	device := st.Dev_major != t.stat.Dev_major || st.Dev_minor != t.stat.Dev_minor
	return isMountPoint(st, t.stat.Mnt_id) || device && st.Mode&unix.S_IFMT == unix.S_IFDIR
}

// walk visits everything below the tree, a directory before what is in it. It
// fails with mounted at the first mount point.
func (t *tree) walk(visit func(rel string, st unix.Statx_t) (enter bool, err error)) error {
	return t.walkBelow(t.dir, "", walking{
		visit: func(_ *os.File, rel string, st unix.Statx_t) (bool, error) { return visit(rel, st) },
	})
}

// A walking is what a walk does.
type walking struct {
	// leave leaves a path out, unseen, with all that is below it; nil leaves none.
	leave func(rel string) bool
	// visit gets the directory that has the path.
	visit func(in *os.File, rel string, st unix.Statx_t) (enter bool, err error)
}

// maxNames is how many names a directory may have that is walked, and maxDepth how deep
// directories may lie in each other: whoever fills them must not have our memory, nor our
// descriptors.
const (
	maxNames = 1 << 20
	maxDepth = 200
)

func (t *tree) walkBelow(dir *os.File, rel string, w walking) error {
	names, err := dir.Readdirnames(maxNames)
	switch {
	case len(names) == maxNames:
		return fmt.Errorf("%s has more than %d names", filepath.Join(t.path, rel), maxNames)
	case strings.Count(rel, "/") > maxDepth:
		return fmt.Errorf("%s lies deeper than %d directories", filepath.Join(t.path, rel), maxDepth)
	case err != nil && err != io.EOF: // which is what an empty one gives
		return err
	}
	slices.Sort(names)
	for _, name := range names {
		at := filepath.Join(rel, name)
		if w.leave != nil && w.leave(at) {
			continue
		}
		st, err := statAt(int(dir.Fd()), name, unix.AT_SYMLINK_NOFOLLOW)
		if errors.Is(err, unix.ENOENT) {
			continue // somebody has removed it
		}
		if err != nil {
			return &os.PathError{Op: "stat", Path: filepath.Join(t.path, at), Err: err}
		}
		if t.leaves(st) {
			return mounted{filepath.Join(t.path, at)}
		}
		enter, err := w.visit(dir, at, st)
		if err != nil {
			return err
		}
		if !enter || st.Mode&unix.S_IFMT != unix.S_IFDIR {
			continue
		}
		sub, err := t.enter(dir, name, at, st)
		if err != nil {
			return err
		}
		err = t.walkBelow(sub, at, w)
		sub.Close()
		if err != nil {
			return err
		}
	}
	return nil
}

// enter opens a directory of the tree, and wants it to be the one that was seen.
func (t *tree) enter(dir *os.File, name, rel string, seen unix.Statx_t) (*os.File, error) {
	path := filepath.Join(t.path, rel)
	fd, err := unix.Openat(int(dir.Fd()), name, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: path, Err: err}
	}
	sub := os.NewFile(uintptr(fd), path)
	st, err := statAt(fd, "", unix.AT_EMPTY_PATH)
	switch {
	case err != nil:
		err = &os.PathError{Op: "stat", Path: path, Err: err}
	case st.Mask&unix.STATX_MNT_ID != 0 && st.Mnt_id != t.stat.Mnt_id:
		err = mounted{path}
	case !identityOf(st).same(identityOf(seen)):
		err = fmt.Errorf("%s was replaced while it was looked at", path)
	}
	if err != nil {
		sub.Close()
		return nil, err
	}
	return sub, nil
}

// empty removes everything below the tree.
func (t *tree) empty() error { return t.emptyBelow(t.dir, "") }

func (t *tree) emptyBelow(dir *os.File, rel string) error {
	names, err := dir.Readdirnames(-1)
	if err != nil {
		return err
	}
	for _, name := range names {
		at := filepath.Join(rel, name)
		st, err := statAt(int(dir.Fd()), name, unix.AT_SYMLINK_NOFOLLOW)
		if errors.Is(err, unix.ENOENT) {
			continue
		}
		if err == nil && t.leaves(st) {
			return mounted{filepath.Join(t.path, at)}
		}
		flags := 0
		if err == nil && st.Mode&unix.S_IFMT == unix.S_IFDIR {
			flags = unix.AT_REMOVEDIR
			var sub *os.File
			if sub, err = t.enter(dir, name, at, st); err == nil {
				err = t.emptyBelow(sub, at)
				sub.Close()
			}
		}
		if err != nil {
			return err
		}
		if err := unix.Unlinkat(int(dir.Fd()), name, flags); err != nil && !errors.Is(err, unix.ENOENT) {
			return &os.PathError{Op: "remove", Path: filepath.Join(t.path, at), Err: err}
		}
	}
	return nil
}
