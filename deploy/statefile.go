package deploy

import (
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
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

// WriteStateFile writes such a file, with its directory: whoever reads it has the old
// one or the new.
func WriteStateFile(stateDir, dir, name string, value any) error {
	d, err := openSafeDir(stateDir, true, dir)
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
