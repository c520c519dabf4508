package deploy

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"golang.org/x/sys/unix"
)

// asOwnerBelow does something in a directory below root, which is made if it is missing. If
// we are root, that is done as the owner of the directory, or of the first above it that is
// there. do must not leave its goroutine.
func asOwnerBelow(root *os.Root, dir string, do func(in *os.Root) error) error {
	above := dir
	at, err := root.OpenRoot(above)
	for ; errors.Is(err, fs.ErrNotExist) && above != "."; at, err = root.OpenRoot(above) {
		above = filepath.Dir(above)
	}
	if err != nil {
		return err
	}
	defer at.Close()
	work := func() error {
		if above == dir {
			return do(at)
		}
		missing, err := filepath.Rel(above, dir)
		if err == nil {
			err = at.MkdirAll(missing, 0o755)
		}
		if err != nil {
			return err
		}
		in, err := at.OpenRoot(missing)
		if err != nil {
			return err
		}
		defer in.Close()
		return do(in)
	}
	o, ok, err := ownerOfRoot(at)
	if err != nil {
		return err
	}
	if !ok {
		return work()
	}
	if err := o.do(work); errors.Is(err, fs.ErrPermission) {
		return fmt.Errorf("%w: it is done as %s, whose directory %s is: let him, or run this as a user who may", err, o, filepath.Join(root.Name(), above))
	} else {
		return err
	}
}

// ownerOfRoot is OwnerOf for a directory that is open.
func ownerOfRoot(dir *os.Root) (o Owner, ok bool, err error) {
	fi, err := dir.Stat(".")
	if err != nil {
		return Owner{}, false, err
	}
	st := fi.Sys().(*syscall.Stat_t)
	return Owner{st.Uid, st.Gid}, os.Geteuid() == 0 && st.Uid != 0, nil
}

// copyInto copies a file, a symlink or a directory to a name in a directory. Where we are root,
// and the directory is root's too, the copy is whose the original is. Nobody else can write
// in a directory of the copy before all is in it.
func copyInto(in *os.Root, from, to string) error {
	fi, err := os.Lstat(from)
	if err != nil {
		return err
	}
	switch {
	case fi.IsDir():
		return copyDir(in, from, to, fi)
	case fi.Mode()&fs.ModeSymlink != 0:
		return copySymlink(in, from, to, fi)
	case fi.Mode().IsRegular():
		return copyFile(in, from, to, fi)
	}
	return nil
}

func copyDir(in *os.Root, from, to string, fi fs.FileInfo) error {
	if err := in.Mkdir(to, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	} else if err != nil { // one that was killed has left it, and may have given it away
		if err := errors.Join(give(os.Geteuid(), os.Getegid(), to, in.Lchown), in.Chmod(to, 0o700)); err != nil {
			return err
		}
	}
	names, err := os.ReadDir(from)
	if err != nil {
		return err
	}
	for _, d := range names {
		if err := copyInto(in, filepath.Join(from, d.Name()), filepath.Join(to, d.Name())); err != nil {
			return err
		}
	}
	return errors.Join(in.Chmod(to, fi.Mode().Perm()), giveAs(fi, to, in.Lchown))
}

func copySymlink(in *os.Root, from, to string, fi fs.FileInfo) error {
	text, err := os.Readlink(from)
	if err != nil {
		return err
	}
	if err := removeCopy(in, to); err != nil {
		return err
	}
	return errors.Join(in.Symlink(text, to), giveAs(fi, to, in.Lchown))
}

func copyFile(in *os.Root, from, to string, fi fs.FileInfo) error {
	original, err := OpenRegularOrLinked(from)
	if err != nil {
		return err
	}
	defer original.Close()
	if err := removeCopy(in, to); err != nil {
		return err
	}
	out, err := in.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, original)
	giveOpen := func(_ string, uid, gid int) error { return out.Chown(uid, gid) }
	return errors.Join(err, giveAs(fi, to, giveOpen), out.Chmod(fi.Mode().Perm()), out.Sync(), out.Close())
}

// removeCopy removes what a copy that was killed has left.
func removeCopy(in *os.Root, name string) error {
	if err := in.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// giveAs gives a copy to the owner of its original.
func giveAs(fi fs.FileInfo, to string, chown func(name string, uid, gid int) error) error {
	st := fi.Sys().(*syscall.Stat_t)
	return give(int(st.Uid), int(st.Gid), to, chown)
}

// give gives something away, if we are root, and do not act as somebody else.
func give(uid, gid int, name string, chown func(name string, uid, gid int) error) error {
	if as, _ := unix.SetfsuidRetUid(-1); as != 0 {
		return nil
	}
	return chown(name, uid, gid)
}
