package trial

import (
	"sync"
	"sync/atomic"
	"time"

	"realdocd/deploy"
)

const (
	// observeFor is how long a window is. The last one and the one before are kept.
	observeFor = 5 * time.Minute
	// maxObserved bounds the docroots of a pattern that are observed.
	maxObserved = 256
)

// A Recorder keeps what the live release of a docroot did, and the one before it, for a
// release that bakes.
type Recorder struct {
	now, before atomic.Pointer[Window]
	mu          sync.Mutex // held by whoever replaces them
}

// On is where requests on a live release are counted now; nil if it is live no more.
func (r *Recorder) On(release *deploy.Release, now time.Time) *Window {
	at := r.now.Load()
	if at != nil && at.release == release && now.Sub(at.began) < observeFor {
		return at
	}
	if !release.Live() {
		return nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	at = r.now.Load()
	if at != nil && at.release == release && now.Sub(at.began) < observeFor {
		return at
	}
	next := &Window{release: release, since: now, began: now}
	if at != nil && at.release == release {
		at.before.Store(nil)
		next.before.Store(at)
		next.warmed(at)
	} else {
		if again := r.before.Load(); again != nil && again.release == release { // after a rollback
			again.before.Store(nil)
			next.before.Store(again)
			next.warmed(again)
		}
		r.before.Store(at)
	}
	r.now.Store(next)
	return next
}

// Of is what was observed of a release, by its path; nil for nothing.
func (r *Recorder) Of(release string) *Window {
	for _, at := range []*Window{r.now.Load(), r.before.Load()} {
		if at != nil && at.release.Path == release {
			return at
		}
	}
	return nil
}

// Recorders are those of a site, by docroot.
type Recorders struct {
	one   Recorder // of a site whose docroot is written out
	count atomic.Int32
	many  sync.Map     // of a pattern: the docroot, and its *Recorder
	swept atomic.Int64 // when what is over was looked for, in Unix nanoseconds
}

// forgetEvery is how often what is over is looked for, if there is no room.
const forgetEvery = 10 * time.Second

// forget makes room: it forgets docroots on which no request has run for as long as two windows, as of
// tenants that are gone. It says whether there is room now.
func (rs *Recorders) forget(now time.Time) bool {
	last := rs.swept.Load()
	if now.UnixNano()-last < int64(forgetEvery) || !rs.swept.CompareAndSwap(last, now.UnixNano()) {
		return false
	}
	rs.many.Range(func(docroot, r any) bool {
		at := r.(*Recorder).now.Load()
		if (at == nil || now.Sub(at.began) > 2*observeFor) && rs.many.CompareAndDelete(docroot, r) {
			rs.count.Add(-1)
		}
		return true
	})
	return rs.count.Load() < maxObserved
}

// Of is the recorder of a docroot, which may be one of many of a site whose docroot is a pattern; nil if
// there are too many.
func (rs *Recorders) Of(docroot string, ofPattern bool) *Recorder {
	if !ofPattern {
		return &rs.one
	}
	if r, ok := rs.many.Load(docroot); ok {
		return r.(*Recorder)
	}
	if rs.count.Load() >= maxObserved && !rs.forget(time.Now()) {
		return nil
	}
	r, known := rs.many.LoadOrStore(docroot, &Recorder{})
	if !known {
		rs.count.Add(1)
	}
	return r.(*Recorder)
}
