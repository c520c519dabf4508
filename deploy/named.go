package deploy

import (
	"errors"
	"os"
	"path/filepath"
	"time"
)

// EnterNamed enters a release of the docroot path, counted, for a request whose web
// server has resolved the docroot by itself and so decided: a directory, by its
// absolute path, that need not be live. One that nobody has seen here is looked at once.
// The error is ErrClosed if the release was drained and is not live.
func (r *Resolver) EnterNamed(path, release string, now time.Time) (Visit, error) {
	d := r.docroot(path)
	release = filepath.Clean(release)
	v, err := d.enterNamed(release, now)
	if errors.Is(err, ErrClosed) {
		// It may be live again, and not seen yet.
		if _, err := r.look(path, 0); err != nil {
			return Visit{}, err
		}
		return d.enterNamed(release, now)
	}
	if v.Release != nil {
		return v, nil
	}
	if v, err = r.EnterRelease(path, release); err != nil {
		return Visit{}, err
	}
	// Whoever closes it now finds this visit counted, or this finds it closed.
	if d.closed(release) {
		v.Withdraw()
		return Visit{}, ErrClosed
	}
	return v, nil
}

// enterNamed enters a release that is remembered; there is no visit if it is not.
func (d *docroot) enterNamed(release string, now time.Time) (Visit, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.lastUsed = now
	known := d.named(release)
	switch {
	case d.closedLocked(release):
		return Visit{}, ErrClosed
	case known == nil:
		return Visit{}, nil
	}
	known.enter()
	return Visit{Release: known}, nil
}

func (d *docroot) closed(release string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.closedLocked(release)
}

func (d *docroot) closedLocked(release string) bool {
	return (d.live == nil || d.live.Path != release) && d.opts.closed.has(release)
}

// named is a release by its path; nil if it is not remembered, or its directory is
// gone. The newest comes first.
func (d *docroot) named(release string) *Release {
	for i := len(d.releases) - 1; i >= 0; i-- {
		if r := d.releases[i]; r.Path == release && !r.Gone() {
			return r
		}
	}
	return nil
}

// Now is the release of path that was live at the last look, not entered; nil where
// none is known. It is to be read, for how its paths are written.
func (r *Resolver) Now(path string) *Release {
	d := r.find(path)
	if d == nil {
		return nil
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.live
}

// HasDocroot says whether a directory is a release of the same link as r: whether the
// docroot is below it.
func (r *Release) HasDocroot(release string) bool {
	fi, err := os.Stat(release + r.Below())
	return err == nil && fi.IsDir()
}

// NameOf is the path by which a directory is a release of the same link as r: its own,
// or that of a link beside r which leads to it, if r is such a link; "" if the docroot
// is not below it.
func (r *Release) NameOf(release string) string {
	if !r.HasDocroot(release) {
		return ""
	}
	if r.Home() == r.Path {
		return release
	}
	dir, err := os.Open(filepath.Dir(r.Path))
	if err != nil {
		return release
	}
	defer dir.Close()
	entries, _ := dir.ReadDir(maxSiblings)
	for _, e := range entries {
		link := filepath.Join(filepath.Dir(r.Path), e.Name())
		if text, err := readText(link); err == nil && link != r.Link && target(link, text) == release {
			return link
		}
	}
	return release
}
