package deploy

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
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
// the next one replaces file by file.
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
	if dir := filepath.Dir(path); dir != "." {
		if err := root.MkdirAll(dir, 0o755); err != nil {
			return err
		}
	}
	from := filepath.Join(source, path)
	if fi, err := os.Lstat(from); errors.Is(err, fs.ErrNotExist) || err == nil && fi.Mode()&fs.ModeSymlink != 0 {
		if path != entry {
			return root.Mkdir(path, 0o755)
		}
		there := filepath.Join(s.Dir, path)
		return fmt.Errorf("neither %s nor the source has it: make it, with mkdir %s for a directory, or install -m 640 FILE %s", there, there, there)
	} else if err != nil {
		return err
	}
	next := filepath.Join(filepath.Dir(path), "."+filepath.Base(path)+linkSuffix)
	if err := copyInto(root, from, next); err != nil {
		return err
	}
	step("before what is shared has its name")
	return root.Rename(next, path)
}

// copyInto copies a file, a symlink or a directory to a path below root.
func copyInto(root *os.Root, from, to string) error {
	return filepath.WalkDir(from, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		at := to + strings.TrimPrefix(path, from)
		fi, err := d.Info()
		if err != nil {
			return err
		}
		switch {
		case d.IsDir():
			if err := root.Mkdir(at, fi.Mode().Perm()); err != nil && !errors.Is(err, fs.ErrExist) {
				return err
			}
		case d.Type()&fs.ModeSymlink != 0:
			text, err := os.Readlink(path)
			if err != nil {
				return err
			}
			root.Remove(at)
			return root.Symlink(text, at)
		case d.Type().IsRegular():
			if err := copyFile(root, path, at, fi.Mode().Perm()); err != nil {
				return err
			}
		default:
			return nil
		}
		if st, ok := fi.Sys().(*syscall.Stat_t); ok && os.Geteuid() == 0 {
			return root.Lchown(at, int(st.Uid), int(st.Gid))
		}
		return nil
	})
}

func copyFile(root *os.Root, from, to string, mode fs.FileMode) error {
	in, err := OpenRegularOrLinked(from)
	if err != nil {
		return err
	}
	defer in.Close()
	root.Remove(to)
	out, err := root.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Sync(), out.Close())
}

// OpenRegularOrLinked opens a file of a source for reading, which may have several
// names and is not a symlink.
func OpenRegularOrLinked(path string) (*os.File, error) {
	return os.OpenFile(path, os.O_RDONLY|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0)
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
		if err := s.link(root, p.dir, strings.TrimSuffix(entry, "/")); err != nil {
			return fmt.Errorf("link the shared %s: %w", entry, err)
		}
	}
	return nil
}

func (s Shared) link(root *os.Root, release, path string) error {
	if dir := filepath.Dir(path); dir != "." {
		if err := root.MkdirAll(dir, 0o755); err != nil {
			return err
		}
	}
	text, err := s.text(release, path)
	if err != nil {
		return err
	}
	switch is, err := root.Readlink(path); {
	case err == nil && is == text:
		return nil
	case errors.Is(err, fs.ErrNotExist) || err == nil:
	default: // no symlink
		if err := root.RemoveAll(path); err != nil {
			return err
		}
	}
	step("before a shared link")
	next := filepath.Join(filepath.Dir(path), "."+filepath.Base(path)+linkSuffix)
	if err := root.Remove(next); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := root.Symlink(text, next); err != nil {
		return err
	}
	step("before a shared link has its name")
	return root.Rename(next, path)
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
