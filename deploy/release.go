package deploy

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

const (
	partialSuffix  = ".partial"  // a release that is not complete
	removingSuffix = ".removing" // one that is being removed
)

// NewRelease gives a new release below dir two paths: the one it is filled
// under, which is made and which nobody takes for a release, and the one that
// Complete gives it. What an interrupted deploy of the site has left is carried on
// with. rec says who makes it.
func NewRelease(dir string, now time.Time, records *Records, rec Record) (partial, final string, err error) {
	if err := MakeDirs(dir); err != nil {
		return "", "", fmt.Errorf("make a release: %w", err)
	}
	left, err := filepath.Glob(filepath.Join(dir, ".*"+partialSuffix))
	if err != nil {
		return "", "", fmt.Errorf("make a release below %s: %w", dir, err)
	}
	for _, partial := range slices.Backward(left) {
		final := filepath.Join(dir, releaseName(partial))
		if exists(final) || !records.fits(partial, rec.Site) {
			continue
		}
		was, err := records.Of(partial)
		if err != nil || !was.Fetched.IsZero() { // others fill it
			continue
		}
		if !was.known() { // killed while it was made
			_, err = records.MakeDir(partial, *was)
		}
		return partial, final, err
	}
	final = filepath.Join(dir, newName(dir, now.UTC().Format("20060102150405")))
	partial = hidden(final, strings.TrimPrefix(partialSuffix, "."))
	rec.Kind = KindRelease
	_, err = records.MakeDir(partial, rec)
	return partial, final, err
}

// newName is a time, with a number behind it if releases of the same second are
// there: one above theirs, so that no release gets the name of one that was removed.
func newName(dir, base string) string {
	entries, _ := os.ReadDir(dir) // what fails, making the release tells
	last := 0
	for _, e := range entries {
		rest, ok := strings.CutPrefix(releaseName(e.Name()), base)
		if !ok {
			continue
		}
		n := 1
		if number, ok := strings.CutPrefix(rest, "-"); ok {
			n, _ = strconv.Atoi(number)
		}
		last = max(last, n)
	}
	if last == 0 {
		return base
	}
	return fmt.Sprintf("%s-%d", base, last+1)
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return !errors.Is(err, fs.ErrNotExist)
}

// releaseName is the name that a release has, or gets or had.
func releaseName(path string) string {
	name := filepath.Base(path)
	for _, suffix := range []string{partialSuffix, removingSuffix} {
		if inner, ok := strings.CutSuffix(name, suffix); ok && strings.HasPrefix(inner, ".") {
			return inner[1:]
		}
	}
	return name
}

// fits says whether a directory has a record of the site that is its own, or is
// empty and was about to get one.
func (r *Records) fits(dir, site string) bool {
	rec, err := r.Of(dir)
	if err != nil || rec == nil || rec.Site != site {
		return false
	}
	st, err := statAt(unix.AT_FDCWD, dir, unix.AT_SYMLINK_NOFOLLOW)
	if err != nil || st.Mode&unix.S_IFMT != unix.S_IFDIR {
		return false
	}
	if !rec.known() {
		empty, err := isEmptyDir(dir)
		return err == nil && empty
	}
	return rec.Is(identityOf(st))
}

// Complete gives a filled release its name.
func Complete(partial, final string) error {
	step("before the release has its name")
	if err := renameNew(partial, final); err != nil {
		return fmt.Errorf("complete the release: %w", err)
	}
	step("when the release has its name")
	return syncDir(filepath.Dir(final))
}

// renameNew renames within a directory, and replaces nothing.
func renameNew(from, to string) error {
	return asOwnerOf(filepath.Dir(to), func(at string) error {
		return renameNewAs(filepath.Join(at, filepath.Base(from)), filepath.Join(at, filepath.Base(to)))
	})
}

func renameNewAs(from, to string) error {
	err := unix.Renameat2(unix.AT_FDCWD, from, unix.AT_FDCWD, to, unix.RENAME_NOREPLACE)
	if errors.Is(err, unix.EINVAL) || errors.Is(err, unix.ENOSYS) { // the file system cannot
		if exists(to) {
			return &os.LinkError{Op: "rename", Old: from, New: to, Err: fs.ErrExist}
		}
		return os.Rename(from, to)
	}
	if err != nil {
		return &os.LinkError{Op: "rename", Old: from, New: to, Err: err}
	}
	return nil
}

// Remove removes a release with its record, and no other directory that has its name
// by now. First it loses its name, so that nobody takes half of it for a release; a
// removal that is killed is carried on with by the next Plan.
func (p *Permit) Remove(records *Records) error {
	if err := p.remove(); err != nil {
		return fmt.Errorf("remove release %s: %w", p.dir, err)
	}
	step("before the record of a removed release is removed")
	return records.Forget(p.Record.Path)
}

func (p *Permit) remove() error {
	gone := p.dir
	if !strings.HasSuffix(p.dir, removingSuffix) {
		gone = filepath.Join(filepath.Dir(p.dir), "."+releaseName(p.dir)+removingSuffix)
		step("before the release loses its name")
		if err := renameNew(p.dir, gone); err != nil {
			return err
		}
	}
	step("when the release has lost its name")
	t, err := openTree(gone)
	if err != nil {
		return err
	}
	defer t.dir.Close()
	if !p.Record.Is(identityOf(t.stat)) {
		err := errors.New("it is another directory than the one that was looked at")
		return errors.Join(err, renameNew(gone, p.dir))
	}
	if err := t.empty(); err != nil {
		return err
	}
	return unix.Rmdir(gone)
}
