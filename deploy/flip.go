package deploy

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// Flip makes link, an existing symlink, point to the directory release, an
// absolute path. It makes a new symlink beside the old one and renames it over,
// so that whatever happens, and whenever, the link is the old one or the new. A
// link whose text was relative gets a relative one again. What is there and is
// no symlink stays as it is.
func Flip(link, release string) error { return flip(link, release, &moment{}) }

func flip(link, release string, m *moment) error {
	fi, err := os.Lstat(link)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("flip %s: there is no such link: make it with ln -s %s %s", link, release, link)
	case err != nil:
		return fmt.Errorf("flip: %w", err)
	case fi.Mode()&fs.ModeSymlink == 0:
		return fmt.Errorf("flip %s: it is no symlink: move it to a release directory, and make a symlink to that in its place", link)
	}
	text, err := os.Readlink(link)
	if err != nil {
		return fmt.Errorf("flip: %w", err)
	}
	return put(link, release, filepath.IsAbs(text), m)
}

// CreateLink makes a link that is not there yet, with an absolute text: tools that clean up
// compare it with the paths of releases.
func CreateLink(link, release string) error { return createLink(link, release, &moment{}) }

func createLink(link, release string, m *moment) error {
	if _, err := os.Lstat(link); err == nil {
		return fmt.Errorf("make the link %s: it is there already", link)
	}
	return put(link, release, true, m)
}

// LinkTarget is where one step of link points, as an absolute path.
func LinkTarget(link string) (string, error) {
	text, err := os.Readlink(link)
	if err != nil {
		return "", err
	}
	return target(link, text), nil
}

// step is called between the steps of what must be whole at every moment, for
// tests that end the process there.
var step = func(string) {}

// put makes the link and renames it into place.
func put(link, release string, absolute bool, m *moment) error {
	if err := mayPointTo(link, release); err != nil {
		return err
	}
	text := filepath.Clean(release)
	if !absolute {
		// The kernel reads the text from where the link really is.
		dir, err := filepath.EvalSymlinks(filepath.Dir(link))
		if err != nil {
			return fmt.Errorf("flip %s: %w", link, err)
		}
		realRelease, err := filepath.EvalSymlinks(filepath.Dir(text))
		if err != nil {
			return fmt.Errorf("flip %s: %w", link, err)
		}
		if text, err = filepath.Rel(dir, filepath.Join(realRelease, filepath.Base(text))); err != nil {
			return fmt.Errorf("flip %s: %w", link, err)
		}
	}
	err := asOwnerOf(filepath.Dir(link), func(at string) error { return putText(filepath.Join(at, filepath.Base(link)), text, m) })
	if err != nil {
		return fmt.Errorf("flip %s: %w", link, err)
	}
	return nil
}

// putText makes a link with a text beside the old one, and renames it over at its moment.
func putText(link, text string, m *moment) error {
	next := hidden(link, "realdocd-next")
	if err := os.Remove(next); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("remove what an earlier flip has left: %w", err)
	}
	step("before the new link")
	if err := os.Symlink(text, next); err != nil {
		return err
	}
	step("before the rename")
	err := m.await()
	if err == nil {
		err = os.Rename(next, link)
		m.renamed = time.Now()
	}
	m.over()
	if err != nil {
		m.renamed = time.Time{}
		return errors.Join(err, os.Remove(next))
	}
	step("after the rename")
	return syncDir(filepath.Dir(link))
}

func mayPointTo(link, release string) error {
	if !filepath.IsAbs(release) {
		return fmt.Errorf("flip %s: the release %s is no absolute path", link, release)
	}
	fi, err := os.Stat(release)
	switch {
	case err != nil:
		return fmt.Errorf("flip %s: %w", link, err)
	case !fi.IsDir():
		return fmt.Errorf("flip %s: %s is not a directory", link, release)
	}
	if clean := filepath.Clean(release); clean == filepath.Clean(link) || strings.HasPrefix(clean, filepath.Clean(link)+"/") {
		return fmt.Errorf("flip %s: the release %s is the link itself or below it", link, release)
	}
	return nil
}

// hidden is a name beside path that nobody takes for a release or a link.
func hidden(path, what string) string {
	return filepath.Join(filepath.Dir(path), "."+filepath.Base(path)+"."+what)
}

// syncDir makes the names in a directory durable.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return fmt.Errorf("make %s durable: %w", dir, err)
	}
	defer d.Close()
	if err := d.Sync(); err != nil {
		return fmt.Errorf("make %s durable: %w", dir, err)
	}
	return nil
}
