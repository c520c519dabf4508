package deploy

import (
	"errors"
	"time"
)

// Why a pin is not followed.
var (
	// ErrUnknownRelease is a pin to a release that nobody has seen here, or that is gone, or
	// whose docroot is.
	ErrUnknownRelease = errors.New("the release of the pin is not known, or it is gone")
	// ErrPinsEnded is a pin that was ended, or that is older than the release which has that
	// path now.
	ErrPinsEnded = errors.New("the pins to the release were ended")
)

// A Pin says which release a client is kept on.
type Pin struct {
	Release uint64 // its Tag
	Issued  time.Time
	End     time.Time
}

// EnterPinned enters the release that a pin names, counted, if it is there and the pin leads
// to it still: live or not. If the error is ErrUnknownRelease, ErrClosed or ErrPinsEnded, the
// pin is not followed; the visit has no more than a flip then, which was seen on the way. It
// makes one call on the file system: it looks at the link if the release is live, and else
// whether the directory is the one that it was.
func (r *Resolver) EnterPinned(path string, p Pin, now time.Time) (Visit, error) {
	d := r.find(path)
	if d == nil || !d.hasLive() {
		var err error
		if d, err = r.look(path, 0); err != nil {
			return Visit{}, ErrUnknownRelease
		}
	}
	known, err := d.enterPinned(p, now)
	if err != nil {
		return Visit{}, err
	}
	v := Visit{Release: known}
	if known.Live() {
		// Who is sent to the live release looks at the link as everybody does.
		if live, err := d.enter(now); err == nil {
			v.Flip, v.Stale = live.Flip, live.Stale
			live.Withdraw()
		}
	}
	if !known.Live() && !d.isThere(known, now) {
		v.Withdraw()
		return Visit{Flip: v.Flip}, ErrUnknownRelease
	}
	known.pins.brought.Add(1)
	known.NotePin(p.End) // it may come from another host
	return v, nil
}

func (d *docroot) hasLive() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.live != nil
}

// enterPinned finds the release and enters it in one step, so that whoever closes it, or ends
// its pins, and counts afterwards finds all who are inside.
func (d *docroot) enterPinned(p Pin, now time.Time) (*Release, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.lastUsed = now
	for i := len(d.releases) - 1; i >= 0; i-- {
		known := d.releases[i]
		switch {
		case known.tag != p.Release || known.Gone():
			continue
		case d.closedLocked(known.Path):
			return nil, ErrClosed
		case !known.Follows(p.Issued):
			return nil, ErrPinsEnded
		}
		known.enter()
		return known, nil
	}
	return nil, ErrUnknownRelease
}

// isThere says whether a release's docroot is the directory that it was. Where a look may
// hang, one serves for a while, and what takes too long is taken for as it was.
func (d *docroot) isThere(r *Release, now time.Time) bool {
	d.mu.Lock()
	local, opts, live := d.local, d.opts, d.live
	d.mu.Unlock()
	if was := r.docrootID.Load(); local && was != nil && opts.identLocal != nil {
		id, err := opts.identLocal(r.docrootz)
		return err == nil && was.Is(id)
	}
	if local {
		return r.check(opts, live)
	}
	return r.checkNow(opts, live, now)
}

// checkNow is check in a goroutine of its own, now and then.
func (r *Release) checkNow(opts *Options, live *Release, now time.Time) bool {
	if now.Sub(time.Unix(0, r.checked.Load())) < checkEvery || !r.checking.CompareAndSwap(false, true) {
		return !r.missing.Load()
	}
	done := make(chan struct{})
	go func() {
		var ok bool
		opts.Blocking(func() { ok = r.check(opts, live) })
		r.missing.Store(!ok)
		r.checked.Store(time.Now().UnixNano())
		r.checking.Store(false)
		close(done)
	}()
	patience := time.NewTimer(opts.stale)
	defer patience.Stop()
	select {
	case <-done:
	case <-patience.C:
	}
	return !r.missing.Load()
}

// check looks at a release's docroot. The first look at one that was told by another process
// finds how its paths are written, too.
func (r *Release) check(opts *Options, live *Release) bool {
	now, err := opts.identify(r.Docroot)
	if err != nil {
		return false
	}
	if was := r.docrootID.Load(); was != nil {
		return was.Is(now)
	}
	if home, err := opts.identify(r.Path); err != nil || r.id.known() && !r.id.Is(home) {
		return false
	}
	if live != nil && live != r {
		r.take(live.beside(r.Of, r.Path))
	}
	r.docrootID.CompareAndSwap(nil, &now)
	return true
}
