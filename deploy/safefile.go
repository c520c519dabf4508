package deploy

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// What others may have put where we read and write: a symlink to a file of
// somebody else, a pipe that never answers, a second name of a file. A directory
// that is named in the configuration is trusted, and nothing below it is.

// OpenRegular opens a file that others may have put there. It follows no symlink
// in the last component, waits for nobody, and wants a regular file that has no
// other name.
func OpenRegular(path string, flags int, perm fs.FileMode) (*os.File, error) {
	return openRegularAt(unix.AT_FDCWD, path, path, flags, perm)
}

// ReadRegular reads a file of a release, or of a source, which may have several names: at
// most so many bytes, by no symlink, and without waiting for whoever feeds a pipe.
func ReadRegular(path string, most int64) ([]byte, error) {
	return readRegular(path, unix.O_NOFOLLOW, most)
}

// ReadFollowed is ReadRegular for a file that may well be reached by symlinks, such as one
// of another program's configuration. It looks before it opens: with some devices, to open
// them does something.
func ReadFollowed(path string, most int64) ([]byte, error) {
	fi, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !fi.Mode().IsRegular() {
		return nil, notRegular(path)
	}
	return readRegular(path, 0, most)
}

func readRegular(path string, flags int, most int64) ([]byte, error) {
	file, err := os.OpenFile(path, os.O_RDONLY|unix.O_NONBLOCK|flags, 0)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	fi, err := file.Stat()
	if err != nil {
		return nil, err
	}
	if !fi.Mode().IsRegular() {
		return nil, notRegular(path)
	}
	return io.ReadAll(io.LimitReader(file, most))
}

func notRegular(path string) error { return fmt.Errorf("read %s: it is not a regular file", path) }

// OpenRegularOrLinked opens a file of a source for reading, which may have several
// names and is not a symlink.
func OpenRegularOrLinked(path string) (*os.File, error) {
	return os.OpenFile(path, os.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0)
}

func openRegularAt(dir int, name, path string, flags int, perm fs.FileMode) (*os.File, error) {
	fd, err := openBelow(dir, name, flags|unix.O_NONBLOCK, uint32(perm.Perm()))
	if errors.Is(err, unix.ELOOP) {
		return nil, fmt.Errorf("open %s: it is a symlink, which nobody of us has made: look at what it is for, and remove it", path)
	}
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: path, Err: err}
	}
	file := os.NewFile(uintptr(fd), path)
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		file.Close()
		return nil, &os.PathError{Op: "stat", Path: path, Err: err}
	}
	if st.Mode&unix.S_IFMT != unix.S_IFREG || st.Nlink > 1 {
		file.Close()
		return nil, fmt.Errorf("open %s: it is not a regular file with one name: look at what it is for, and remove it", path)
	}
	return file, nil
}

// A safeDir is a directory whose files are reached by its descriptor, so that
// nobody can put another in its place meanwhile.
type safeDir struct {
	file *os.File
	path string
	made bool // by us, just now
}

// openSafeDir opens a directory of the configuration, and those below it by their
// names, which are no symlinks. With create they are made where they are missing.
func openSafeDir(path string, create bool, below ...string) (*safeDir, error) {
	if create {
		if err := os.MkdirAll(path, 0o755); err != nil {
			return nil, err
		}
	}
	file, err := os.OpenFile(path, unix.O_DIRECTORY|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	d := &safeDir{file: file, path: path}
	if err := d.check(); err != nil {
		d.Close()
		return nil, err
	}
	for _, name := range below {
		next, err := d.sub(name, create)
		d.Close()
		if err != nil {
			return nil, err
		}
		d = next
	}
	return d, nil
}

// check refuses a directory in which everybody could put what he likes.
func (d *safeDir) check() error {
	var st unix.Stat_t
	if err := unix.Fstat(d.fd(), &st); err != nil {
		return &os.PathError{Op: "stat", Path: d.path, Err: err}
	}
	if st.Mode&0o002 != 0 && st.Mode&unix.S_ISVTX == 0 {
		return fmt.Errorf("%s can be written by everybody: take another directory, or chmod o-w", d.path)
	}
	return nil
}

// openBelow opens a name in a directory and follows no symlink. Below AT_FDCWD it is a
// path, of which that holds for the last component.
func openBelow(dir int, name string, flags int, perm uint32) (fd int, err error) {
	flags |= unix.O_NOFOLLOW | unix.O_CLOEXEC
	if dir != unix.AT_FDCWD {
		how := unix.OpenHow{Flags: uint64(flags), Resolve: unix.RESOLVE_NO_SYMLINKS | unix.RESOLVE_BENEATH}
		if flags&unix.O_CREAT != 0 {
			how.Mode = uint64(perm)
		}
		fd, err = unix.Openat2(dir, name, &how)
		if !errors.Is(err, unix.ENOSYS) && !errors.Is(err, unix.EPERM) { // an old kernel, or a filter of calls that does not know it
			return fd, err
		}
	}
	return unix.Openat(dir, name, flags, perm)
}

// openOrMake opens a file to append to, or makes it. One that was made just now is
// given to the owner of the directory; any other stays whose it is.
func (d *safeDir) openOrMake(name string, flags int) (*os.File, error) {
	for {
		file, err := d.open(name, flags|os.O_CREATE|os.O_EXCL, 0o644)
		if err == nil {
			giveToOwnerOf(file, d)
			return file, nil
		}
		if !errors.Is(err, fs.ErrExist) {
			return nil, err
		}
		file, err = d.open(name, flags, 0)
		if !errors.Is(err, fs.ErrNotExist) { // else it has gone since
			return file, err
		}
	}
}

func (d *safeDir) sub(name string, create bool) (*safeDir, error) {
	path := filepath.Join(d.path, name)
	made := false
	if create {
		err := unix.Mkdirat(d.fd(), name, 0o755)
		if err != nil && !errors.Is(err, unix.EEXIST) {
			return nil, &os.PathError{Op: "mkdir", Path: path, Err: err}
		}
		made = err == nil
	}
	fd, err := openBelow(d.fd(), name, unix.O_RDONLY|unix.O_DIRECTORY, 0)
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: path, Err: err}
	}
	return &safeDir{os.NewFile(uintptr(fd), path), path, made}, nil
}

func (d *safeDir) fd() int      { return int(d.file.Fd()) }
func (d *safeDir) Close() error { return d.file.Close() }

// open is OpenRegular for a file of the directory.
func (d *safeDir) open(name string, flags int, perm fs.FileMode) (*os.File, error) {
	return openRegularAt(d.fd(), name, filepath.Join(d.path, name), flags, perm)
}

// read gives a file, and who owns it.
func (d *safeDir) read(name string) (text []byte, owner uint32, err error) {
	file, err := d.open(name, os.O_RDONLY, 0)
	if err != nil {
		return nil, 0, err
	}
	defer file.Close()
	var st unix.Stat_t
	if err := unix.Fstat(int(file.Fd()), &st); err != nil {
		return nil, 0, &os.PathError{Op: "stat", Path: file.Name(), Err: err}
	}
	text, err = readBounded(file)
	return text, st.Uid, err
}

// maxText is the longest history, record or manifest that is read, in bytes. What is
// longer was not written by realdocd.
const maxText = 64 << 20

// readBounded reads a file of at most maxText bytes.
func readBounded(file *os.File) ([]byte, error) {
	text, err := io.ReadAll(io.LimitReader(file, maxText+1))
	if err == nil && len(text) > maxText {
		err = fmt.Errorf("%s has more than %d bytes: it was not written by realdocd; move it away", file.Name(), maxText)
	}
	return text, err
}

// write makes a file or replaces it: whoever reads it has the old text or the
// new, and so has who comes after a crash.
func (d *safeDir) write(name string, text []byte) error {
	return d.writeBy("."+name+".next", name, text, 0o644)
}

// writeBy is write by way of the name next.
func (d *safeDir) writeBy(next, name string, text []byte, perm fs.FileMode) error {
	if err := d.remove(next); err != nil {
		return err
	}
	if err := d.writeNew(next, text, perm, false); err != nil {
		return err
	}
	step("before a record has its name")
	if err := unix.Renameat(d.fd(), next, d.fd(), name); err != nil {
		return &os.PathError{Op: "rename", Path: filepath.Join(d.path, name), Err: err}
	}
	step("when a record has its name")
	return d.file.Sync()
}

// writeNew makes a file, which must not be there, and has it on the disk before it ends.
// With give it belongs to the owner of the directory.
func (d *safeDir) writeNew(name string, text []byte, perm fs.FileMode, give bool) error {
	file, err := d.open(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, perm)
	if err != nil {
		return err
	}
	if give {
		giveToOwnerOf(file, d)
	}
	_, err = file.Write(text)
	if err = errors.Join(err, file.Sync(), file.Close()); err != nil {
		return errors.Join(err, d.remove(name))
	}
	return nil
}

// remove removes a file; one that is not there is fine.
func (d *safeDir) remove(name string) error {
	if err := unix.Unlinkat(d.fd(), name, 0); err != nil && !errors.Is(err, unix.ENOENT) {
		return &os.PathError{Op: "unlink", Path: filepath.Join(d.path, name), Err: err}
	}
	return nil
}

// names are the directory's files with the suffix, in order.
func (d *safeDir) names(suffix string) ([]string, error) {
	fd, err := unix.Openat(d.fd(), ".", unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0) // which has not been read yet
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: d.path, Err: err}
	}
	again := os.NewFile(uintptr(fd), d.path)
	defer again.Close()
	names, err := again.Readdirnames(-1)
	names = slices.DeleteFunc(names, func(name string) bool { return strings.HasPrefix(name, ".") || !strings.HasSuffix(name, suffix) })
	slices.Sort(names)
	return names, err
}
