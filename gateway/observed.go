package gateway

import (
	"hash/maphash"
	"sync"
	"sync/atomic"
	"time"

	"realdocd/deploy"
	"realdocd/gateway/judge"
)

// An observed is what requests on one release came to, by path class. It has so many
// counters and no more, and takes no lock: a request adds to three of them.
type observed struct {
	release      *deploy.Release
	since, began time.Time // the release is observed, and this window
	// before is what was observed of the same release in the window before; nil for none.
	before atomic.Pointer[observed]
	cells  [judge.MaxClasses]atomic.Pointer[observedClass]
}

type observedClass struct {
	name             string
	hash             uint64
	seen             atomic.Uint64 // requests, also those that do not count
	requests, failed atomic.Uint32
	times            [judge.Buckets]atomic.Uint32
}

// An observation is what one request came to.
type observation struct {
	class  [judge.MaxClassLen]byte
	length int
	hash   uint64
	failed bool
	took   time.Duration
}

var classSeed = maphash.MakeSeed()

// observation says what the request came to, in PHP; ok is false if it says nothing about
// the release: PHP has not had it, or its visitor has left.
func (rq *request) observation(err error) (o observation, ok bool) {
	if !rq.sent || rq.visit.Release == nil || rq.conn.gone.Load() || rq.place.Connected.IsZero() {
		return o, false
	}
	switch {
	case err != nil && causeOf(err) != causeFPMFailed && causeOf(err) != causeFPMTimeout:
		return o, false
	case err == nil && rq.firstByte.IsZero():
		return o, false
	}
	o.failed = err != nil || rq.reply.status >= 500 || rq.reply.fatal
	if !o.failed {
		o.took = rq.firstByte.Sub(rq.place.Connected)
	}
	class := judge.AppendClass(o.class[:0], rq.value(rq.cgi.requestMethod), rq.value(rq.cgi.requestURI))
	o.length = len(class)
	o.hash = maphash.Bytes(classSeed, class)
	return o, true
}

// class finds the counters of a path class; one more if there is room, else those of all
// others.
func (t *observed) class(o *observation) *observedClass {
	for i := range t.cells {
		at := &t.cells[(o.hash+uint64(i))%(judge.MaxClasses-1)]
		c := at.Load()
		if c == nil {
			at.CompareAndSwap(nil, &observedClass{name: string(o.class[:o.length]), hash: o.hash})
			c = at.Load()
		}
		if c.hash == o.hash {
			return c
		}
	}
	last := &t.cells[judge.MaxClasses-1]
	if last.Load() == nil {
		last.CompareAndSwap(nil, &observedClass{name: judge.Other})
	}
	return last.Load()
}

// add counts an observation.
func (t *observed) add(c *observedClass, o *observation, now time.Time) {
	before := c.seen.Add(1) - 1
	c.requests.Add(1)
	switch {
	case o.failed:
		c.failed.Add(1)
	case !judge.Cold(before, now.Sub(t.since)):
		c.times[judge.BucketOf(o.took)].Add(1)
	}
}

// addTo adds what was observed to samples by class.
func (t *observed) addTo(all map[string]*judge.Sample) {
	for i := range t.cells {
		c := t.cells[i].Load()
		if c == nil {
			continue
		}
		s := all[c.name]
		if s == nil {
			s = &judge.Sample{}
			all[c.name] = s
		}
		// Requests come last, so that they are never fewer than those of them that failed
		// or have a time.
		failed := c.failed.Load()
		for at := range c.times {
			s.Times[at] += c.times[at].Load()
		}
		s.Failed += failed
		s.Requests += c.requests.Load()
	}
}

// requests is how many were seen, of all classes.
func (t *observed) requests() (n uint64) {
	for i := range t.cells {
		if c := t.cells[i].Load(); c != nil {
			n += c.seen.Load()
		}
	}
	return n
}

const (
	// observeFor is how long a window is. The last one and the one before are kept.
	observeFor = 5 * time.Minute
	// maxObserved bounds the docroots of a pattern that are observed.
	maxObserved = 256
)

// A recorder keeps what the live release of a docroot did, and the one before it, for a
// release that bakes.
type recorder struct {
	now, before atomic.Pointer[observed]
	mu          sync.Mutex // held by whoever replaces them
}

// on is where requests on a live release are counted now; nil if it is live no more.
func (r *recorder) on(release *deploy.Release, now time.Time) *observed {
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
	next := &observed{release: release, since: now, began: now}
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

// warmed has the classes of a release that serves for longer than the window be as warm as
// they were.
func (t *observed) warmed(before *observed) {
	t.since = before.since
	for i := range before.cells {
		if c := before.cells[i].Load(); c != nil {
			next := &observedClass{name: c.name, hash: c.hash}
			next.seen.Store(c.seen.Load())
			t.cells[i].Store(next)
		}
	}
}

// of is what was observed of a release, by its path; nil for nothing.
func (r *recorder) of(release string) *observed {
	for _, at := range []*observed{r.now.Load(), r.before.Load()} {
		if at != nil && at.release.Path == release {
			return at
		}
	}
	return nil
}

// recorders are those of a site, by docroot.
type recorders struct {
	one   recorder // of a site whose docroot is written out
	count atomic.Int32
	many  sync.Map     // of a pattern: the docroot, and its *recorder
	swept atomic.Int64 // when what is over was looked for, in Unix nanoseconds
}

// forgetEvery is how often what is over is looked for, if there is no room.
const forgetEvery = 10 * time.Second

// forget makes room: it forgets docroots on which no request has run for as long as two windows, as of
// tenants that are gone. It says whether there is room now.
func (rs *recorders) forget(now time.Time) bool {
	last := rs.swept.Load()
	if now.UnixNano()-last < int64(forgetEvery) || !rs.swept.CompareAndSwap(last, now.UnixNano()) {
		return false
	}
	rs.many.Range(func(docroot, r any) bool {
		at := r.(*recorder).now.Load()
		if (at == nil || now.Sub(at.began) > 2*observeFor) && rs.many.CompareAndDelete(docroot, r) {
			rs.count.Add(-1)
		}
		return true
	})
	return rs.count.Load() < maxObserved
}

// of is the recorder of a docroot; nil if there are too many.
func (rs *recorders) of(st *site, docroot string) *recorder {
	if !st.IsGlob() {
		return &rs.one
	}
	if r, ok := rs.many.Load(docroot); ok {
		return r.(*recorder)
	}
	if rs.count.Load() >= maxObserved && !rs.forget(time.Now()) {
		return nil
	}
	r, known := rs.many.LoadOrStore(docroot, &recorder{})
	if !known {
		rs.count.Add(1)
	}
	return r.(*recorder)
}
