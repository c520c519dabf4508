package deploy

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// ErrLive is a live release that was named, though one that is not live is needed.
var ErrLive = errors.New("the release is live")

// Look looks at path's link now, also where Options.Every would let it rest. The
// flip is nil when the release is the same as before, or when somebody else
// was told of it.
func (r *Resolver) Look(path string) (*Flipped, error) { return r.lookFor(path, 0) }

// LookPatiently is Look for somebody who has flipped the link, or asks what is live before he
// does: what was known before is no answer. It waits for as long as a first request does, while
// a request that could run on a known release would go there after a tenth of a second.
func (r *Resolver) LookPatiently(path string) (*Flipped, error) { return r.lookFor(path, unknownAfter) }

func (r *Resolver) lookFor(path string, patience time.Duration) (*Flipped, error) {
	d, err := r.look(path, patience)
	d.mu.Lock()
	defer d.mu.Unlock()
	f := d.flip
	d.flip = nil
	return f, err
}

// look leaves the flip for somebody who tells of it.
func (r *Resolver) look(path string, patience time.Duration) (*docroot, error) {
	d := r.docroot(path)
	d.mu.Lock()
	err := d.lookAfresh(r.now(), patience)
	if err == nil {
		err = d.err
	}
	d.mu.Unlock()
	if err != nil {
		r.forget(d)
		return d, fmt.Errorf("look at the link of docroot %s: %w", path, err)
	}
	return d, nil
}

// EnterRelease enters a release of path's link that need not be live: a
// directory, by its absolute path. It is remembered as if it had been seen live. The
// link need not lead anywhere, nor be there: the one that was seen last is taken, or the
// one that a first release will be behind.
func (r *Resolver) EnterRelease(path, release string) (Visit, error) {
	d, lookErr := r.look(path, 0)
	release = filepath.Clean(release)
	d.mu.Lock()
	live, opts := d.live, d.opts
	d.mu.Unlock()
	var res Resolved
	if live != nil {
		res = live.beside(path, release)
	} else {
		var err error
		if res, err = first(path, release, opts); err != nil {
			return Visit{}, errors.Join(lookErr, err)
		}
		d = r.docroot(path) // one that does not resolve was forgotten
	}
	if fi, err := os.Stat(res.ResolvedDocroot); err != nil {
		return Visit{}, fmt.Errorf("enter release %s: %w", release, err)
	} else if !fi.IsDir() {
		return Visit{}, fmt.Errorf("enter release %s: %s is not a directory", release, res.ResolvedDocroot)
	}
	home, err := IdentityOf(release)
	if err != nil {
		return Visit{}, fmt.Errorf("enter release %s: %w", release, err)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	got := d.release(release, res.Link, home)
	if got == nil {
		got = d.remember(res, home)
	}
	got.enter()
	return Visit{Release: got}, nil
}

// first is a release of a docroot that does not resolve.
func first(path, release string, opts *Options) (Resolved, error) {
	found, exists, err := FindLink(path, *opts)
	if err != nil {
		return Resolved{}, err
	}
	if !exists && found.Release != "" {
		return Resolved{}, found.NothingToFlip()
	}
	res := Resolved{
		Docroot: path, Link: found.Link, Release: release, Name: nameOf(release), Below: found.Below,
		ResolvedDocroot: release + found.Below, RealDocroot: release + found.Below,
	}
	if written, ok := strings.CutSuffix(path, found.Below); ok && written != found.Link {
		res.Spellings = append(res.Spellings, Spelling{written, release})
	}
	res.Spellings = append(res.Spellings, Spelling{found.Link, release})
	return res, nil
}

// Occupants is how many requests run in a release of path that the last look has
// shown not to be live. Since a request resolves and enters in one step, after a
// Look none can be on its way in. For the live one the error is ErrLive.
func (r *Resolver) Occupants(path, release string) (int64, error) {
	release = filepath.Clean(release)
	d := r.docroot(path)
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.live == nil || d.live.Path == release {
		return 0, fmt.Errorf("%w: %s", ErrLive, release)
	}
	var sum int64
	for _, known := range d.releases {
		if known.Path == release {
			sum += known.Inside()
		}
	}
	return sum, nil
}

// Releases are the releases of path that are remembered, the newest last. It
// does not look at the link.
func (r *Resolver) Releases(path string) []ReleaseState {
	d := r.find(path)
	if d == nil {
		return nil
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	var states []ReleaseState
	for _, known := range d.releases {
		state := known.state(known == d.live)
		state.Closed = !state.Live && d.opts.closed.has(known.Path)
		states = append(states, state)
	}
	return states
}

// DocrootsOf are the docroots that are remembered to have led to a release, a
// directory by its path.
func (r *Resolver) DocrootsOf(release string) (paths []string) {
	for _, d := range r.all() {
		d.mu.Lock()
		if slices.ContainsFunc(d.releases, func(known *Release) bool { return known.Path == release }) {
			paths = append(paths, d.path)
		}
		d.mu.Unlock()
	}
	return paths
}

// Link is the link of path as the last look found it; "" if none has.
func (r *Resolver) Link(path string) string {
	if states := r.Releases(path); len(states) > 0 {
		return states[len(states)-1].Link
	}
	return ""
}

// Docroots are those that are remembered.
func (r *Resolver) Docroots() (paths []string) {
	for _, d := range r.all() {
		paths = append(paths, d.path)
	}
	return paths
}

func (r *Resolver) now() time.Time {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.opts.now()
}

// Trouble is why the last look at path's link failed, though a release is known, which
// goes on serving; nil if it did not fail.
func (r *Resolver) Trouble(path string) error {
	d := r.find(path)
	if d == nil {
		return nil
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.live == nil {
		return nil
	}
	return d.err
}
