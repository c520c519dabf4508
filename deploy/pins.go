package deploy

import (
	"hash/fnv"
	"path/filepath"
	"slices"
	"sync/atomic"
	"time"
)

// A release knows the pins that lead into it: what keeps a client on it across requests.
// Whoever gives one to a client says so by NotePin; nobody who asks whether a release is in
// use may forget them.

// pins are what a release knows of its pins. Times are in Unix milliseconds; 0 is never.
type pins struct {
	brought atomic.Int64 // requests that came by one
	end     atomic.Int64 // when the youngest ends
	last    atomic.Int64 // the same, those included that were ended before their time
	void    atomic.Int64 // those that were issued up to then lead here no more
	kept    atomic.Int64 // what of last a later process is told of, if this one is killed
	unkept  *atomic.Bool // of the Resolver: there is something that it is not
}

// TagOf stands for a release where there is no room for a path, by the way that leads from the
// directory of its link there, such as releases/42. So it is the same on every host that lays its
// releases out in the same way, wherever it has them.
func TagOf(link, release string) uint64 {
	way, err := filepath.Rel(filepath.Dir(link), release)
	if err != nil { // there is no link
		way = release
	}
	h := fnv.New64a()
	h.Write([]byte(way))
	return h.Sum64()
}

// Tag is TagOf the release.
func (r *Release) Tag() uint64 { return r.tag }

// NotePin notes that a client has a pin to the release that ends then.
func (r *Release) NotePin(end time.Time) {
	raise(&r.pins.end, end.UnixMilli())
	raise(&r.pins.last, end.UnixMilli())
	if end.UnixMilli() > r.pins.kept.Load() && !r.pins.unkept.Load() {
		r.pins.unkept.Store(true)
	}
}

// Brought is how many requests a pin has brought into the release since it was first seen.
func (r *Release) Brought() int64 { return r.pins.brought.Load() }

// PinsEnd is when the youngest pin to the release ends; zero if it has none.
func (r *Release) PinsEnd() time.Time { return timeOf(r.pins.end.Load()) }

// pinned says whether a pin may lead to the release still.
func (r *Release) pinned(now time.Time) bool { return r.pins.end.Load() > now.UnixMilli() }

// endPins has all pins that were issued up to now lead here no more.
func (r *Release) endPins(now time.Time) {
	raise(&r.pins.void, now.UnixMilli())
	r.pins.end.Store(0)
	r.pins.unkept.Store(true)
}

// Follows says whether a pin of that time leads to the release.
func (r *Release) Follows(issued time.Time) bool { return issued.UnixMilli() > r.pins.void.Load() }

// raise has a number be at least n.
func raise(number *atomic.Int64, n int64) {
	for was := number.Load(); was < n; was = number.Load() {
		if number.CompareAndSwap(was, n) {
			return
		}
	}
}

func timeOf(milli int64) time.Time {
	if milli == 0 {
		return time.Time{}
	}
	return time.UnixMilli(milli)
}

func milliOf(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

// EndPins ends the pins to a release, a directory by its absolute path, at once and for good:
// also if the release goes live again, only those lead there that are issued afterwards.
func (r *Resolver) EndPins(release string, now time.Time) {
	r.ofRelease(release, func(known *Release) { known.endPins(now) })
}

// FollowAgain has pins that were issued since then lead to a release again, a directory by its
// absolute path, though they were ended: they are of a trial that goes on.
func (r *Resolver) FollowAgain(release string, since time.Time) {
	r.ofRelease(release, func(known *Release) {
		if known.pins.void.Load() >= since.UnixMilli() {
			known.pins.void.Store(since.UnixMilli() - 1)
			known.pins.unkept.Store(true)
		}
	})
}

// PinsEnd is when the youngest pin to a release ends, a directory by its absolute path; zero
// if it has none.
func (r *Resolver) PinsEnd(release string) (end time.Time) {
	r.ofRelease(release, func(known *Release) {
		if e := known.PinsEnd(); e.After(end) {
			end = e
		}
	})
	return end
}

// HasPins says whether a pin may lead to any of the releases.
func (r *Resolver) HasPins(now time.Time) bool {
	for _, d := range r.all() {
		d.mu.Lock()
		has := slices.ContainsFunc(d.releases, func(known *Release) bool { return known.pinned(now) })
		d.mu.Unlock()
		if has {
			return true
		}
	}
	return false
}

// ofRelease gives what is remembered of a release, of whichever docroot.
func (r *Resolver) ofRelease(release string, do func(*Release)) {
	release = filepath.Clean(release)
	for _, d := range r.all() {
		d.mu.Lock()
		for _, known := range d.releases {
			if known.Path == release {
				do(known)
			}
		}
		d.mu.Unlock()
	}
}

// PinsOver gives the releases that have fallen idle because their last pin has ended, once
// each time: they are not live, and nobody is inside.
func (r *Resolver) PinsOver(now time.Time) (idle []*Release) {
	for _, d := range r.all() {
		d.mu.Lock()
		for _, known := range d.releases {
			if known.pins.last.Load() != 0 && !known.pinned(now) && known.fellIdle() {
				idle = append(idle, known)
			}
		}
		d.mu.Unlock()
	}
	return idle
}
