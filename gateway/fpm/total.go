package fpm

import (
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// A Total bounds the requests that all pools of a daemon together have in FPM. A place that
// becomes free goes to the pool with the fewest requests in FPM, of those in which one waits
// that could have it; among equals to the one that waits for longest. A pool takes a place
// here after it has found one of its own.
//
// Its mutex is taken while a pool's is held, and never the other way round: a pool that gets
// a place is told by a goroutine of its own.
type Total struct {
	limit atomic.Int64 // 0 sets no bound
	taken atomic.Int64 // places, those included that were granted and not used yet
	wants atomic.Int32 // how many pools want a place

	mu      sync.Mutex // guards the following
	waiting []wanting
}

// A wanting is a pool that has found no place, and since when.
type wanting struct {
	pool  *Pool
	since time.Time
}

// A part is what a pool has of the total.
type part struct {
	taken   atomic.Int64 // places that the pool has
	granted atomic.Int64 // of the total's, that are the pool's to use or to give back
}

// SetLimit bounds the requests in FPM from now on; 0 sets no bound. Those that run go on.
func (t *Total) SetLimit(limit int) {
	t.limit.Store(int64(limit))
	t.mu.Lock()
	defer t.mu.Unlock()
	t.grantLocked(nil)
}

// Limit is the bound; 0 is none.
func (t *Total) Limit() int { return int(t.limit.Load()) }

// Taken is how many requests all pools have in FPM.
func (t *Total) Taken() int { return int(t.taken.Load()) }

// bounds says whether there is a bound. A nil Total has none.
func (t *Total) bounds() bool { return t != nil && t.limit.Load() > 0 }

// isFull says whether the next request that wants a place has to wait for one.
func (t *Total) isFull() bool {
	return t.bounds() && t.taken.Load() >= t.limit.Load()
}

// takeLocked takes a place for a pool whose mutex is held; false if the pool has to wait
// for it.
func (t *Total) takeLocked(p *Pool) bool {
	if t == nil {
		return true
	}
	switch limit := t.limit.Load(); {
	case p.useGrantedLocked():
		return true
	case p.lease != nil || limit == 0:
		t.taken.Add(1)
	case t.wants.Load() == 0 && t.takeFree():
	default:
		return t.queueLocked(p)
	}
	p.part.taken.Add(1)
	return true
}

// useGrantedLocked takes a place that the pool was granted; false if there is none.
func (p *Pool) useGrantedLocked() bool {
	if p.part.granted.Load() == 0 {
		return false
	}
	p.part.granted.Add(-1)
	p.part.taken.Add(1)
	return true
}

// queueLocked notes that a pool wants a place, and says whether it has one at once: one may
// have become free since it looked, when nobody waited for it.
func (t *Total) queueLocked(p *Pool) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !slices.ContainsFunc(t.waiting, func(w wanting) bool { return w.pool == p }) {
		t.waiting = append(t.waiting, wanting{p, time.Now()})
		t.wants.Store(int32(len(t.waiting)))
	}
	t.grantLocked(p)
	return p.useGrantedLocked()
}

// takeFree takes a place if one is free.
func (t *Total) takeFree() bool {
	for {
		taken := t.taken.Load()
		if taken >= t.limit.Load() {
			return false
		}
		if t.taken.CompareAndSwap(taken, taken+1) {
			return true
		}
	}
}

// countLocked counts places that a pool, whose mutex is held, has without having asked: a
// predecessor's requests run already.
func (t *Total) countLocked(p *Pool, places int) {
	if t != nil {
		t.taken.Add(int64(places))
		p.part.taken.Add(int64(places))
	}
}

// giveLocked takes places back from a pool whose mutex is held, and which looks afterwards
// whether it has been granted one.
func (t *Total) giveLocked(p *Pool, places int) {
	if t == nil {
		return
	}
	t.taken.Add(-int64(places))
	p.part.taken.Add(-int64(places))
	t.grant(p)
}

// unusedLocked takes back what a pool, whose mutex is held, was granted and does not need.
func (t *Total) unusedLocked(p *Pool) {
	if t == nil {
		return
	}
	if unused := p.part.granted.Swap(0); unused > 0 {
		t.taken.Add(-unused)
		t.grant(nil)
	}
}

// grant grants places that are free to pools that want one. by looks for itself whether it
// is among them.
func (t *Total) grant(by *Pool) {
	if t.wants.Load() == 0 {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.grantLocked(by)
}

func (t *Total) grantLocked(by *Pool) {
	for len(t.waiting) > 0 {
		if t.limit.Load() == 0 {
			t.taken.Add(1)
		} else if !t.takeFree() {
			break
		}
		next := t.nextLocked()
		p := t.waiting[next].pool
		t.waiting = slices.Delete(t.waiting, next, next+1)
		p.part.granted.Add(1)
		if p != by {
			go p.useGrant()
		}
	}
	t.wants.Store(int32(len(t.waiting)))
}

// nextLocked is whose turn it is.
func (t *Total) nextLocked() int {
	best := 0
	for i, w := range t.waiting {
		has, least := w.pool.part.taken.Load(), t.waiting[best].pool.part.taken.Load()
		if has < least || has == least && w.since.Before(t.waiting[best].since) {
			best = i
		}
	}
	return best
}

// useGrant gives a place that was granted to who waits for it. It is a goroutine of its own,
// and ends with that.
func (p *Pool) useGrant() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.changedLocked()
}
