package trial

import (
	"sync/atomic"
	"time"

	"realdocd/deploy"
	"realdocd/gateway/judge"
)

// A Window is what requests on one release came to, by path class. It has so many
// counters and no more, and takes no lock: a request adds to three of them.
type Window struct {
	release      *deploy.Release
	since, began time.Time // the release is observed, and this window
	// before is what was observed of the same release in the window before; nil for none.
	before atomic.Pointer[Window]
	cells  [judge.MaxClasses]atomic.Pointer[counters]
}

// counters are those of a path class.
type counters struct {
	name             string
	hash             uint64
	seen             atomic.Uint64 // requests, also those that do not count
	requests, failed atomic.Uint32
	times            [judge.Buckets]atomic.Uint32
}

// class finds the counters of a path class; one more if there is room, else those of all
// others.
func (w *Window) class(o *Observation) *counters {
	for i := range w.cells {
		at := &w.cells[(o.hash+uint64(i))%(judge.MaxClasses-1)]
		c := at.Load()
		if c == nil {
			at.CompareAndSwap(nil, &counters{name: string(o.class[:o.length]), hash: o.hash})
			c = at.Load()
		}
		if c.hash == o.hash {
			return c
		}
	}
	last := &w.cells[judge.MaxClasses-1]
	if last.Load() == nil {
		last.CompareAndSwap(nil, &counters{name: judge.Other})
	}
	return last.Load()
}

// Add counts an observation.
func (w *Window) Add(o *Observation, now time.Time) { w.add(w.class(o), o, now) }

func (w *Window) add(c *counters, o *Observation, now time.Time) {
	before := c.seen.Add(1) - 1
	c.requests.Add(1)
	switch {
	case o.Failed:
		c.failed.Add(1)
	case !judge.Cold(before, now.Sub(w.since)):
		c.times[judge.BucketOf(o.Took)].Add(1)
	}
}

// addTo adds what was observed to samples by class.
func (w *Window) addTo(all map[string]*judge.Sample) {
	for i := range w.cells {
		c := w.cells[i].Load()
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
func (w *Window) requests() (n uint64) {
	for i := range w.cells {
		if c := w.cells[i].Load(); c != nil {
			n += c.seen.Load()
		}
	}
	return n
}

// warmed has the classes of a release that serves for longer than the window be as warm as
// they were.
func (w *Window) warmed(before *Window) {
	w.since = before.since
	for i := range before.cells {
		if c := before.cells[i].Load(); c != nil {
			next := &counters{name: c.name, hash: c.hash}
			next.seen.Store(c.seen.Load())
			w.cells[i].Store(next)
		}
	}
}
