package deploy

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// Shared are paths that all releases of a site have in common: each release has a
// symlink there, into one directory beside the releases.
type Shared struct {
	// Dir is that directory, and Paths are below it as they are below a release. One
	// that ends in a slash is a directory, which is made where it is missing.
	Dir   string
	Paths []string
}

// linkSuffix is that of what does not have its name yet.
const linkSuffix = ".realdocd-next"

// Prepare gives each path its place in Dir. What is not there yet is copied from the
// source; nothing that is there is changed. Killed, it has left a hidden copy, which
// the next one replaces file by file. Root does it as the owner of the directory that a
// path is put in, who must be able to read it in the source.
func (s Shared) Prepare(source string) error {
	if len(s.Paths) == 0 {
		return nil
	}
	if err := MakeDirs(s.Dir); err != nil {
		return fmt.Errorf("make shared_dir: %w", err)
	}
	root, err := os.OpenRoot(s.Dir)
	if err != nil {
		return fmt.Errorf("open shared_dir: %w", err)
	}
	defer root.Close()
	for _, entry := range s.Paths {
		if err := s.prepare(root, source, entry); err != nil {
			return fmt.Errorf("shared %s: %w", entry, err)
		}
	}
	return nil
}

func (s Shared) prepare(root *os.Root, source, entry string) error {
	path := strings.TrimSuffix(entry, "/")
	if _, err := root.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
		return err // nil if it is there
	}
	from := filepath.Join(source, path)
	fi, err := os.Lstat(from)
	none := errors.Is(err, fs.ErrNotExist) || err == nil && fi.Mode()&fs.ModeSymlink != 0
	if err != nil && !none {
		return err
	}
	if none && path == entry {
		there := filepath.Join(s.Dir, path)
		return fmt.Errorf("neither %s nor the source has it: make it, with mkdir %s for a directory, or install -m 640 FILE %s", there, there, there)
	}
	return asOwnerBelow(root, filepath.Dir(path), func(in *os.Root) error {
		if none {
			return in.Mkdir(filepath.Base(path), 0o755)
		}
		next := "." + filepath.Base(path) + linkSuffix
		if err := copyInto(in, from, next); err != nil {
			return err
		}
		step("before what is shared has its name")
		return in.Rename(next, filepath.Base(path))
	})
}

// Link makes the symlinks in a release. What the permit's directory has there
// instead is replaced: whoever asked for the permit has seen that a fill brought it.
func (s Shared) Link(p *Permit) error {
	root, err := os.OpenRoot(p.dir)
	if err != nil {
		return fmt.Errorf("link what is shared: %w", err)
	}
	defer root.Close()
	for _, entry := range s.Paths {
		path := strings.TrimSuffix(entry, "/")
		err := asOwnerBelow(root, filepath.Dir(path), func(*os.Root) error { return nil })
		text := ""
		if err == nil {
			text, err = s.text(p.dir, path) // as ourselves: the owner need not be able to come there from above
		}
		if err == nil {
			err = asOwnerBelow(root, filepath.Dir(path), func(in *os.Root) error { return putShared(in, filepath.Base(path), text) })
		}
		if err != nil {
			return fmt.Errorf("link the shared %s: %w", entry, err)
		}
	}
	return nil
}

// putShared makes a symlink in a directory of a release.
func putShared(in *os.Root, name, text string) error {
	switch is, err := in.Readlink(name); {
	case err == nil && is == text:
		return nil
	case errors.Is(err, fs.ErrNotExist) || err == nil:
	default: // no symlink
		if err := in.RemoveAll(name); err != nil {
			return err
		}
	}
	step("before a shared link")
	next := "." + name + linkSuffix
	if err := in.Remove(next); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := in.Symlink(text, next); err != nil {
		return err
	}
	step("before a shared link has its name")
	return in.Rename(next, name)
}

// text is that of a link, relative, so that it holds wherever both directories are
// mounted.
func (s Shared) text(release, path string) (string, error) {
	at, err := filepath.EvalSymlinks(filepath.Join(release, filepath.Dir(path)))
	if err != nil {
		return "", err
	}
	shared, err := filepath.EvalSymlinks(s.Dir)
	if err != nil {
		return "", err
	}
	return filepath.Rel(at, filepath.Join(shared, path))
}
