package migrate

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
)

// files is a file system with absolute paths. Package fs is given the FS in it, which
// can do more than open files.
type files struct{ FS *tree }

// name is a path as package fs has it.
func name(file string) string {
	if rest := strings.TrimPrefix(path.Clean("/"+file), "/"); rest != "" {
		return rest
	}
	return "."
}

// Read reads a file. Its error says what to do.
func (f files) Read(file string) (string, error) {
	text, err := fs.ReadFile(f.FS, name(file))
	if err != nil {
		return "", unreadable(file, err)
	}
	return string(text), nil
}

func unreadable(file string, err error) error {
	switch {
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("read %s: %w: run realdocd migrate as root, or on a copy that you may read", file, fs.ErrPermission)
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("there is no %s: name a directory such as /etc/apache2, or a file", file)
	}
	if outer := (*fs.PathError)(nil); errors.As(err, &outer) {
		err = outer.Err // its path is without the slash
	}
	return fmt.Errorf("read %s: %w", file, err)
}

func (f files) isFile(file string) bool {
	fi, err := fs.Stat(f.FS, name(file))
	return err == nil && !fi.IsDir()
}

func (f files) isDir(dir string) bool {
	fi, err := fs.Stat(f.FS, name(dir))
	return err == nil && fi.IsDir()
}

// list gives the paths of what is in a directory, sorted by name.
func (f files) list(dir string) ([]string, error) {
	entries, err := fs.ReadDir(f.FS, name(dir))
	if err != nil {
		return nil, unreadable(dir, err)
	}
	var paths []string
	for _, entry := range entries {
		paths = append(paths, path.Join(dir, entry.Name()))
	}
	return paths, nil
}

// Glob gives the paths that a pattern matches, sorted; none for a broken pattern.
func (f files) Glob(pattern string) []string {
	found, err := fs.Glob(f.FS, name(pattern))
	if err != nil {
		return nil
	}
	for i := range found {
		found[i] = "/" + found[i]
	}
	slices.Sort(found)
	return found
}

// real resolves a path; "" if it leads nowhere.
func (f files) real(file string) string {
	done := "/"
	rest := strings.Split(path.Clean(file)[1:], "/")
	for links := 0; len(rest) > 0; {
		next := path.Join(done, rest[0])
		rest = rest[1:]
		fi, err := fs.Lstat(f.FS, name(next))
		if err != nil {
			return ""
		}
		if fi.Mode()&fs.ModeSymlink == 0 {
			done = next
			continue
		}
		target, err := fs.ReadLink(f.FS, name(next))
		if links++; err != nil || links > deepestLinks {
			return ""
		}
		if !path.IsAbs(target) {
			target = path.Join(done, target)
		}
		rest = append(strings.Split(strings.TrimPrefix(path.Clean(target), "/"), "/"), rest...)
		done = "/"
	}
	return done
}

// A symlink is one on a path.
type symlink struct{ path, target string }

// symlinks gives the symlinks on a path. exists is false when the path is not there as
// far as that can be seen.
func (f files) symlinks(file string) (links []symlink, exists bool) {
	file = path.Clean(file)
	for end := 1; end <= len(file); end++ {
		if end < len(file) && file[end] != '/' {
			continue
		}
		fi, err := fs.Lstat(f.FS, name(file[:end]))
		if err != nil {
			return links, false
		}
		if fi.Mode()&fs.ModeSymlink != 0 {
			target, _ := fs.ReadLink(f.FS, name(file[:end])) // for the comment alone
			links = append(links, symlink{file[:end], target})
		}
	}
	return links, true
}
