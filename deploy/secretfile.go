package deploy

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// maxSecret is the longest file of a secret that is read, in bytes.
const maxSecret = 64 << 10

// ReadSecret reads a file that has a secret: a regular file with one name, of our own or of
// root, that nobody but its owner can read. Root reads anybody's.
func ReadSecret(path string) ([]byte, error) {
	file, err := OpenRegular(path, os.O_RDONLY, 0)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	var st unix.Stat_t
	if err := unix.Fstat(int(file.Fd()), &st); err != nil {
		return nil, &os.PathError{Op: "stat", Path: path, Err: err}
	}
	switch {
	case st.Mode&0o077 != 0:
		return nil, fmt.Errorf("%s can be read by others than its owner: chmod 600 %s, and take new keys if somebody may have read it", path, path)
	case st.Uid != 0 && int(st.Uid) != os.Geteuid() && os.Geteuid() != 0:
		return nil, fmt.Errorf("%s belongs to uid %d: chown it to the user of realdocd", path, st.Uid)
	}
	return io.ReadAll(io.LimitReader(file, maxSecret))
}

// ReadOrMakeSecret is ReadSecret for a file that is made if it is not there. Of several that
// make it at the same time one wins, and all have what it wrote.
func ReadOrMakeSecret(path string, secret func() []byte) ([]byte, error) {
	text, err := ReadSecret(path)
	if !errors.Is(err, fs.ErrNotExist) {
		return text, err
	}
	d, err := openSafeDir(filepath.Dir(path), true)
	if err != nil {
		return nil, fmt.Errorf("make %s: %w", path, err)
	}
	defer d.Close()
	if err := d.makeSecret(filepath.Base(path), secret()); err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, fmt.Errorf("make %s: %w", path, err)
	}
	return ReadSecret(path)
}

// makeSecret makes a file that nobody sees before it is whole, and replaces none.
func (d *safeDir) makeSecret(name string, text []byte) error {
	next := "." + name + "." + rand.Text()
	if err := d.writeNew(next, text, 0o600, true); err != nil {
		return err
	}
	err := unix.Renameat2(d.fd(), next, d.fd(), name, unix.RENAME_NOREPLACE)
	if errors.Is(err, unix.EINVAL) || errors.Is(err, unix.ENOSYS) { // the file system cannot
		err = unix.Linkat(d.fd(), next, d.fd(), name, 0)
		if err == nil {
			err = d.remove(next)
		}
	}
	if err != nil {
		return errors.Join(&os.PathError{Op: "rename", Path: filepath.Join(d.path, name), Err: err}, d.remove(next))
	}
	return d.file.Sync()
}
