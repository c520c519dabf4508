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
	text, _, err := d.read(name)
	if err == nil {
		err = json.Unmarshal(text, place)
	}
	if err != nil {
		return fmt.Errorf("read %s: %w", filepath.Join(stateDir, dir, name), err)
	}
	return nil
}

// WriteStateFile writes such a file, with its directory: whoever reads it has the old
// one or the new.
func WriteStateFile(stateDir, dir, name string, value any) error {
	text, err := json.Marshal(value)
	if err != nil {
		return fmt.Errorf("write %s: %w", filepath.Join(stateDir, dir, name), err)
	}
	d, err := openSafeDir(stateDir, true)
	if err == nil {
		defer d.Close()
		var sub *safeDir
		if sub, err = d.sub(dir, true); err == nil {
			err = errors.Join(sub.write(name, append(text, '\n')), sub.Close())
		}
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", filepath.Join(stateDir, dir, name), err)
	}
	return nil
}
