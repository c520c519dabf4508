package deploy

import (
	"errors"
	"io/fs"
	"slices"
)

// A Loss is a release whose directory was removed while it was known, or removed and
// made again, so that what runs in it finds other files or none.
type Loss struct {
	Path, Name, Docroot string
	// Inside is how many requests and commands were in it when it was noticed.
	Inside int64
	// Again is set where another directory has its name.
	Again bool
}

// Lost looks at the releases that somebody is inside of, and at those that are live of
// the given docroots, and gives those that are gone since the last time. What it costs
// is bounded by the requests that run. On a file system that may hang it does not wait,
// and the answer is that of the next time. Other errors than that a directory is not
// there say nothing.
func (r *Resolver) Lost(live []string) (lost []Loss) {
	for _, d := range r.all() {
		lost = append(lost, d.lost(slices.Contains(live, d.path))...)
	}
	return lost
}

// lost looks at once where that cannot hang, else in a goroutine of its own.
func (d *docroot) lost(live bool) (lost []Loss) {
	d.mu.Lock()
	defer d.mu.Unlock()
	var look []*Release
	for _, known := range d.releases {
		if known.id.known() && !known.gone.Load() && (known.Inside() > 0 || live && known == d.live) {
			look = append(look, known)
		}
	}
	lost, d.losses = d.losses, nil
	switch {
	case len(look) == 0 || d.looking:
	case d.local:
		d.mu.Unlock()
		found := lostOf(d.path, look)
		d.mu.Lock()
		lost = append(lost, found...)
	default:
		d.looking = true
		go func() {
			found := lostOf(d.path, look)
			d.mu.Lock()
			defer d.mu.Unlock()
			d.losses, d.looking = append(d.losses, found...), false
		}()
	}
	return lost
}

func lostOf(docroot string, releases []*Release) (lost []Loss) {
	for _, known := range releases {
		now, err := IdentityOf(known.Path)
		gone := errors.Is(err, fs.ErrNotExist)
		if !gone && (err != nil || known.id.Is(now)) {
			continue
		}
		if known.gone.CompareAndSwap(false, true) {
			lost = append(lost, Loss{known.Path, known.Name, docroot, known.Inside(), !gone})
		}
	}
	return lost
}

// Gone says whether the release's directory was seen to be removed, or another to have
// its name.
func (r *Release) Gone() bool { return r.gone.Load() }

// Missing says whether the release of a visit whose link could not be looked at is gone
// as well. It looks where the file system has just answered.
func (v Visit) Missing() bool {
	if v.Gone() || v.Stale == nil || errors.Is(v.Stale, errHung) {
		return v.Gone()
	}
	_, err := IdentityOf(v.Docroot)
	return err != nil
}
