package deploy

import (
	"sync/atomic"
	"time"
)

// A Release is one directory of code and who is inside it.
type Release struct {
	// Path is the release's directory; Name its base name, as in "42".
	Path, Name string
	// Docroot is the resolved docroot.
	Docroot string
	// Link is what pointed here: paths below it are mapped below Path.
	Link string
	// Since is when the release was first seen.
	Since time.Time

	inside atomic.Int64
	total  atomic.Int64
}

// Inside is how many requests run in the release now.
func (r *Release) Inside() int64 { return r.inside.Load() }

// Total is how many requests have entered the release since it was first seen.
func (r *Release) Total() int64 { return r.total.Load() }

func (r *Release) enter() {
	r.inside.Add(1)
	r.total.Add(1)
}

// A Visit is one request's stay in a release. Leave ends it, once.
type Visit struct {
	*Release
	// Flipped is set for the first request that enters a release which has
	// just gone live.
	Flipped bool
	// Stale has why the last good release serves, when the link could not be
	// looked at; nil otherwise.
	Stale error
}

// Leave counts the request out of its release.
func (v Visit) Leave() { v.inside.Add(-1) }
