package deploy

import (
	"os"
	"path/filepath"
	"time"
)

// EnterNamed enters a release of the docroot path, counted, for a request whose web
// server has resolved the docroot by itself and so decided: a directory, by its
// absolute path, that need not be live. One that nobody has seen here is looked at once.
func (r *Resolver) EnterNamed(path, release string, now time.Time) (Visit, error) {
	d := r.docroot(path)
	release = filepath.Clean(release)
	d.mu.Lock()
	d.lastUsed = now
	if known := d.named(release); known != nil {
		defer d.mu.Unlock()
		known.enter()
		return Visit{Release: known}, nil
	}
	d.mu.Unlock()
	return r.EnterRelease(path, release)
}

// named is a release by its path; nil when it is not remembered. The newest comes
// first.
func (d *docroot) named(release string) *Release {
	for i := len(d.releases) - 1; i >= 0; i-- {
		if d.releases[i].Path == release {
			return d.releases[i]
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
