package deploy

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"
)

const (
	// missingFor is how long the first look waits for a link that is not there: tools
	// that remove it and make it anew leave it out for a few milliseconds.
	missingFor = 500 * time.Millisecond
	// missingEvery is how often it looks meanwhile.
	missingEvery = 2 * time.Millisecond
	// maxMissing bounds how many docroots wait at once, for names that visitors make up.
	maxMissing = 64
)

var waitForMissing atomic.Int32 // how many do

// firstLook looks again, for a while, at a docroot of which nothing is known and that is
// not there.
func (d *docroot) firstLook(res Resolved, err error, opts *Options) (Resolved, error) {
	if err == nil || !errors.Is(err, fs.ErrNotExist) {
		return res, err
	}
	defer waitForMissing.Add(-1)
	if waitForMissing.Add(1) > maxMissing {
		return res, err
	}
	until := time.Now().Add(missingFor)
	for errors.Is(err, fs.ErrNotExist) && time.Now().Before(until) {
		time.Sleep(missingEvery)
		res, err = opts.inspect(d.path, *opts)
	}
	return res, err
}

// wasLive is the release that somebody has written down as the live one of a link that
// is not there; nil if none is, or it has gone.
func (d *docroot) wasLive(known *Release, opts *Options) *Resolved {
	if known != nil || opts.WasLive == nil {
		return nil
	}
	r, _, err := FindLink(d.path, *opts)
	if err != nil || r.Link == "" {
		return nil
	}
	release, ok := opts.WasLive(r.Link)
	if !ok {
		return nil
	}
	r.Release, r.Name, r.ResolvedDocroot = release, nameOf(release), release+r.Below
	fi, err := os.Stat(r.ResolvedDocroot)
	if err != nil || !fi.IsDir() {
		return nil
	}
	if r.RealDocroot, err = filepath.EvalSymlinks(r.ResolvedDocroot); err != nil {
		r.RealDocroot = r.ResolvedDocroot
	}
	r.Spellings = []Spelling{{r.Link, release}}
	if written, ok := cutSuffix(r.Docroot, r.Below); ok && written != r.Link {
		r.Spellings = append(r.Spellings, Spelling{written, release})
	}
	return &r
}

// cutSuffix takes what is below a link off the docroot.
func cutSuffix(docroot, below string) (string, bool) {
	at := len(docroot) - len(below)
	return docroot[:max(at, 0)], at > 0 && docroot[at:] == below
}
