package deploy

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// ReadStateFile reads a JSON file of a directory below state_dir into place. One that is
// not there is fs.ErrNotExist.
func ReadStateFile(stateDir, dir, name string, place any) error {
	d, err := openSafeDir(stateDir, false, dir)
	if err != nil {
		return fmt.Errorf("read %s: %w", filepath.Join(stateDir, dir, name), err)
	}
	defer d.Close()
	if err := d.readJSON(name, place); err != nil {
		return fmt.Errorf("read %s: %w", filepath.Join(stateDir, dir, name), err)
	}
	return nil
}

// ReadOwnStateFile is ReadStateFile for a file of state_dir itself that is believed: it wants
// one of our own, of root or of whose the directory is, that nobody else can write.
func ReadOwnStateFile(stateDir, name string, place any) error {
	path := filepath.Join(stateDir, name)
	d, err := openSafeDir(stateDir, false)
	if err != nil {
		return fmt.Errorf("read %s: %w", path, err)
	}
	defer d.Close()
	file, err := d.open(name, os.O_RDONLY, 0)
	if err != nil {
		return fmt.Errorf("read %s: %w", path, err)
	}
	defer file.Close()
	var st, of unix.Stat_t
	if err := errors.Join(unix.Fstat(int(file.Fd()), &st), unix.Fstat(d.fd(), &of)); err != nil {
		return &os.PathError{Op: "stat", Path: path, Err: err}
	}
	switch {
	case st.Uid != 0 && int(st.Uid) != os.Geteuid() && st.Uid != of.Uid:
		return fmt.Errorf("%s belongs to uid %d, and nobody of us has made it: look at what it is, and remove it", path, st.Uid)
	case st.Mode&0o022 != 0:
		return fmt.Errorf("%s can be written by others than its owner: look at what it is, and remove it", path)
	}
	text, err := readBounded(file)
	if err == nil {
		err = json.Unmarshal(text, place)
	}
	if err != nil {
		return fmt.Errorf("read %s: %w", path, err)
	}
	return nil
}

// RemoveStateFile removes a file of state_dir; one that is not there is fine.
func RemoveStateFile(stateDir, name string) error {
	d, err := openSafeDir(stateDir, false)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err == nil {
		err = errors.Join(d.remove(name), d.Close())
	}
	if err != nil {
		return fmt.Errorf("remove %s: %w", filepath.Join(stateDir, name), err)
	}
	return nil
}

// WriteStateFile writes such a file, with its directory, "" for state_dir itself: whoever reads it
// has the old one or the new.
func WriteStateFile(stateDir, dir, name string, value any) error {
	var below []string
	if dir != "" {
		below = []string{dir}
	}
	d, err := openSafeDir(stateDir, true, below...)
	if err == nil {
		err = errors.Join(d.writeJSON(name, value), d.Close())
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", filepath.Join(stateDir, dir, name), err)
	}
	return nil
}

// readJSON reads a file of JSON into place.
func (d *safeDir) readJSON(name string, place any) error {
	text, _, err := d.read(name)
	if err != nil {
		return err
	}
	return json.Unmarshal(text, place)
}

// writeJSON makes a file of JSON or replaces it, as write does.
func (d *safeDir) writeJSON(name string, value any) error {
	text, err := json.Marshal(value)
	if err != nil {
		return err
	}
	return d.write(name, append(text, '\n'))
}
