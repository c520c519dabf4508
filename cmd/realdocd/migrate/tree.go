package migrate

import (
	"io/fs"
	"path"
	"strings"
)

// A tree is the file system of the machine that a configuration is of: this machine's, or
// a copy of another's in a directory of this one. Of a copy nothing else is read, whatever
// it names, and its symlinks lead to where they would lead there.
type tree struct {
	fs.FS
	// below is the directory of this machine that the copy is in; "" for this machine.
	below string
	// mount is where the copy's directory was, if it is not the root: /etc/apache2.
	mount string
}

// treeOf tells from a path on this machine of which machine it is. It gives the path as
// that machine has it.
func treeOf(fsys fs.FS, p string) (*tree, string) {
	this := &tree{FS: fsys}
	if i := strings.LastIndex(p+"/", "/etc/"); i == 0 || i > 0 && isPrefix(p[:i]) {
		return this, p
	} else if i > 0 {
		return &tree{FS: fsys, below: p[:i]}, p[i:]
	}
	// What was in /etc/apache2 there, without the directories above.
	f := files{this}
	for _, main := range apacheMains {
		text, err := f.Read(path.Join(p, main))
		if err != nil {
			continue
		}
		was := "/etc/httpd"
		if main == "apache2.conf" {
			was = "/etc/apache2"
		}
		for _, l := range lines(text) {
			if word, rest := cutWord(l.text); strings.EqualFold(word, "serverroot") {
				if args := words(rest); len(args) > 0 && path.IsAbs(args[0]) {
					was = path.Clean(args[0])
				}
			}
		}
		if was == path.Clean(p) {
			return this, p // an Apache of /usr/local, or of /opt
		}
		return &tree{FS: fsys, below: path.Clean(p), mount: was}, was
	}
	return this, p
}

// isPrefix says whether programs of this machine are installed below a directory, with
// configuration in an etc of their own.
func isPrefix(dir string) bool {
	return dir == "/usr" || dir == "/usr/local" || path.Dir(dir) == "/opt"
}

// isCopy says whether it is not this machine's.
func (t *tree) isCopy() bool { return t.below != "" }

// deepestLinks is how many symlinks are followed for one path.
const deepestLinks = 40

// here gives the path of this machine that a path of the copy is at, without a slash before
// it. It follows symlinks on the way, and the last one if that is asked for.
func (t *tree) here(op, name string, last bool) (string, error) {
	rest := strings.Split(path.Clean("/" + name)[1:], "/")
	at := "/"
	for links := 0; len(rest) > 0; {
		next := path.Join(at, rest[0])
		rest = rest[1:]
		host, in := t.host(next)
		if !in {
			return "", &fs.PathError{Op: op, Path: name, Err: fs.ErrNotExist}
		}
		at = next
		if len(rest) == 0 && !last {
			break
		}
		fi, err := fs.Lstat(t.FS, host)
		if err != nil || fi.Mode()&fs.ModeSymlink == 0 {
			continue // a directory above the mount may be missing
		}
		target, err := fs.ReadLink(t.FS, host)
		if links++; err != nil || links > deepestLinks {
			return "", &fs.PathError{Op: op, Path: name, Err: fs.ErrNotExist}
		}
		if !path.IsAbs(target) {
			target = path.Join(path.Dir(next), target)
		}
		rest = append(strings.Split(path.Clean(target)[1:], "/"), rest...)
		at = "/"
		if rest[0] == "" {
			rest = rest[1:]
		}
	}
	host, in := t.host(at)
	if !in {
		return "", &fs.PathError{Op: op, Path: name, Err: fs.ErrNotExist}
	}
	return host, nil
}

// host gives the place of a path of the copy, as package fs has it. A configuration may
// name its own place on this machine, too.
func (t *tree) host(p string) (string, bool) {
	switch {
	case p == t.below || strings.HasPrefix(p, t.below+"/"):
		return name(p), true
	case t.mount == "":
		return name(path.Join(t.below, p)), true
	case p == t.mount || strings.HasPrefix(p, t.mount+"/"):
		return name(path.Join(t.below, strings.TrimPrefix(p, t.mount))), true
	case strings.HasPrefix(t.mount, strings.TrimSuffix(p, "/")+"/"):
		return ".nothing", true // on the way to it
	}
	return "", false
}

func (t *tree) Open(name string) (fs.File, error) {
	if !t.isCopy() {
		return t.FS.Open(name)
	}
	p, err := t.here("open", name, true)
	if err != nil {
		return nil, err
	}
	return t.FS.Open(p)
}

func (t *tree) Stat(name string) (fs.FileInfo, error) {
	if !t.isCopy() {
		return fs.Stat(t.FS, name)
	}
	p, err := t.here("stat", name, true)
	if err != nil {
		return nil, err
	}
	return fs.Stat(t.FS, p)
}

func (t *tree) ReadDir(name string) ([]fs.DirEntry, error) {
	if !t.isCopy() {
		return fs.ReadDir(t.FS, name)
	}
	p, err := t.here("open", name, true)
	if err != nil {
		return nil, err
	}
	return fs.ReadDir(t.FS, p)
}

func (t *tree) Lstat(name string) (fs.FileInfo, error) {
	if !t.isCopy() {
		return fs.Lstat(t.FS, name)
	}
	p, err := t.here("lstat", name, false)
	if err != nil {
		return nil, err
	}
	return fs.Lstat(t.FS, p)
}

func (t *tree) ReadLink(name string) (string, error) {
	if !t.isCopy() {
		return fs.ReadLink(t.FS, name)
	}
	p, err := t.here("readlink", name, false)
	if err != nil {
		return "", err
	}
	return fs.ReadLink(t.FS, p)
}
