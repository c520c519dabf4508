package deploy

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
)

// Remembered is what PHP remembers by path, and a fill would change: until it forgets,
// requests on the directory get what was there before, whatever the fill has brought.
type Remembered struct {
	// Settings are the files of per-directory settings (.user.ini), which a worker
	// reads again after user_ini.cache_ttl.
	Settings []string
	// Symlinks are paths at which one of both has a symlink and the other has
	// another, or none: a worker resolves them again after realpath_cache_ttl.
	Symlinks []string
}

// RememberedBy compares what a fill copies with target, which is to become like it.
// settings is what PHP calls such files (user_ini.filename); "" is none. A target that is
// not there has nothing that could be remembered. What is shared stays where it led.
func RememberedBy(f Filling, target, settings string) (Remembered, error) {
	var r Remembered
	source := f.Source
	for _, dir := range []string{target, source} {
		err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
			if err != nil {
				if path == target && errors.Is(err, fs.ErrNotExist) {
					return fs.SkipAll
				}
				return err
			}
			below, err := filepath.Rel(dir, path)
			if err != nil {
				return err
			}
			at := filepath.Join(target, below)
			switch {
			case f.leaves(below):
				if entry.IsDir() {
					return fs.SkipDir
				}
			case settings != "" && entry.Name() == settings && !slices.Contains(r.Settings, at) && differ(filepath.Join(source, below), at):
				r.Settings = append(r.Settings, at)
			case entry.Type()&fs.ModeSymlink != 0 && !slices.Contains(r.Symlinks, at) && leadElsewhere(filepath.Join(source, below), at):
				r.Symlinks = append(r.Symlinks, at)
			}
			return nil
		})
		if err != nil {
			return Remembered{}, fmt.Errorf("compare %s with %s: %w", source, target, err)
		}
		if _, err := os.Lstat(target); err != nil {
			return Remembered{}, nil
		}
	}
	return r, nil
}

// leaves says whether a fill does not copy a path below the release.
func (f Filling) leaves(rel string) bool {
	return Excludes(f.Exclude).match(rel) || slices.ContainsFunc(f.Shared, func(shared string) bool {
		return below(rel, filepath.Clean(shared))
	})
}

// maxSettings is what a .user.ini stays below, in bytes. Of a longer one it is not known
// whether it has changed.
const maxSettings = 1 << 20

// differ says whether two files have not the same text, or one of them cannot be read. PHP
// may have put something else in its place.
func differ(a, b string) bool {
	textA, errA := ReadFollowed(a, maxSettings)
	textB, errB := ReadFollowed(b, maxSettings)
	return errA != nil || errB != nil || len(textA) == maxSettings || !bytes.Equal(textA, textB)
}

// leadElsewhere says whether PHP, which has resolved the path before, would be wrong about
// the path after. What was not there before, nobody has resolved.
func leadElsewhere(after, before string) bool {
	if _, err := os.Lstat(before); err != nil {
		return false
	}
	textA, errA := os.Readlink(after)
	textB, errB := os.Readlink(before)
	if errA != nil || errB != nil {
		_, gone := os.Lstat(after)
		return gone == nil || errB == nil
	}
	return textA != textB
}
