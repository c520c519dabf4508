package deploy

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// A Manifest is what fills have brought into a directory, by path below it:
// everything but directories.
type Manifest map[string]Brought

// Brought is one file, symlink or the like, as the deploy has left it.
type Brought struct {
	// Kind is "f" for a file, "l" for a symlink, "o" for anything else, and "?" for
	// what a fill that was interrupted may have brought.
	Kind  string
	Size  int64
	MTime int64 // in Unix nanoseconds
}

// scan lists what is in a tree, without what is excluded.
func (t *tree) scan(exclude Excludes) (Manifest, error) {
	m := Manifest{}
	err := t.walk(func(rel string, st unix.Statx_t) (bool, error) {
		if exclude.match(rel) {
			return false, nil
		}
		kind := "o"
		switch st.Mode & unix.S_IFMT {
		case unix.S_IFDIR:
			return true, nil
		case unix.S_IFREG:
			kind = "f"
		case unix.S_IFLNK:
			kind = "l"
		}
		if isUnfinished(rel, kind) {
			return false, nil
		}
		m[rel] = Brought{kind, int64(st.Size), st.Mtime.Sec*1e9 + int64(st.Mtime.Nsec)}
		return false, nil
	})
	return m, err
}

// Scan lists what is in a directory now.
func Scan(dir string, exclude Excludes) (Manifest, error) {
	t, err := openTree(dir)
	if err != nil {
		return nil, fmt.Errorf("look at what is in %s: %w", dir, err)
	}
	defer t.dir.Close()
	m, err := t.scan(exclude)
	if err != nil {
		return nil, fmt.Errorf("look at what is in %s: %w", dir, err)
	}
	return m, nil
}

// Foreign are the files in a directory that no fill brought, or that have changed
// since, in order. What has changed into what the source has is none of them, nor is
// what the commands of a deploy wrote that was killed; source may be "".
func (m Manifest) Foreign(p *Permit, now Manifest, source string) (foreign []string) {
	dir := p.dir
	for rel, is := range now {
		was, known := m[rel]
		if known && (was.Kind == "?" || was == is) {
			continue
		}
		if source != "" && is.Kind != "o" && sameContent(filepath.Join(dir, rel), filepath.Join(source, rel)) {
			continue
		}
		if p.Record.wrote(filepath.Join(dir, rel)) {
			continue
		}
		if known {
			rel += " (changed since)"
		}
		foreign = append(foreign, rel)
	}
	slices.Sort(foreign)
	return foreign
}

// sameContent says whether two files, or two symlinks, have the same in them.
func sameContent(a, b string) bool {
	fa, errA := os.Lstat(a)
	fb, errB := os.Lstat(b)
	if errA != nil || errB != nil || fa.Mode().Type() != fb.Mode().Type() {
		return false
	}
	if fa.Mode()&fs.ModeSymlink != 0 {
		ta, errA := os.Readlink(a)
		tb, errB := os.Readlink(b)
		return errA == nil && errB == nil && ta == tb
	}
	if fa.Size() != fb.Size() {
		return false
	}
	files := [2]io.Reader{}
	for i, path := range []string{a, b} {
		f, err := OpenRegularOrLinked(path)
		if err != nil {
			return false
		}
		defer f.Close()
		files[i] = f
	}
	var ba, bb [64 << 10]byte
	for {
		na, errA := io.ReadFull(files[0], ba[:])
		nb, errB := io.ReadFull(files[1], bb[:])
		if !bytes.Equal(ba[:na], bb[:nb]) {
			return false
		}
		if errA != nil || errB != nil {
			return errA != nil && errB != nil
		}
	}
}

// PutManifest writes what fills have brought into a directory, by its real path.
func (r *Records) PutManifest(path string, m Manifest) error {
	d, err := r.open(true)
	if err != nil {
		return fmt.Errorf("write what is in %s: %w", path, err)
	}
	defer d.Close()
	var text bytes.Buffer
	for _, rel := range slices.Sorted(maps.Keys(m)) {
		b := m[rel]
		fmt.Fprintf(&text, "%s %d %d %s\n", b.Kind, b.Size, b.MTime, strconv.Quote(rel))
	}
	if err := d.write(recordFile(path)+manifestSuffix, text.Bytes()); err != nil {
		return fmt.Errorf("write what is in %s: %w", path, err)
	}
	return nil
}

// Manifest reads it; empty where there is none, so that everything is foreign then.
func (r *Records) Manifest(path string) (Manifest, error) {
	d, err := r.open(false)
	if errors.Is(err, fs.ErrNotExist) {
		return Manifest{}, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read what was brought into %s: %w", path, err)
	}
	defer d.Close()
	text, owner, err := d.read(recordFile(path) + manifestSuffix)
	if errors.Is(err, fs.ErrNotExist) || err == nil && !mayRecord(owner, path) {
		return Manifest{}, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read what was brought into %s: %w", path, err)
	}
	m := Manifest{}
	lines := bufio.NewScanner(bytes.NewReader(text))
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var b Brought
		var quoted string
		fields := strings.SplitN(lines.Text(), " ", 4)
		if len(fields) == 4 {
			b.Kind, quoted = fields[0], fields[3]
			b.Size, _ = strconv.ParseInt(fields[1], 10, 64)
			b.MTime, _ = strconv.ParseInt(fields[2], 10, 64)
		}
		if rel, err := strconv.Unquote(quoted); err == nil {
			m[rel] = b
		}
	}
	return m, lines.Err()
}
