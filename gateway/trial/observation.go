package trial

import (
	"hash/maphash"
	"time"

	"realdocd/gateway/control"
	"realdocd/gateway/judge"
)

// An Observation is what one request came to.
type Observation struct {
	Failed bool
	Took   time.Duration // if it did not fail

	class  [judge.MaxClassLen]byte
	length int
	hash   uint64
}

var classSeed = maphash.MakeSeed()

// Of says which request it is of.
func (o *Observation) Of(method, uri []byte) {
	class := judge.AppendClass(o.class[:0], method, uri)
	o.length = len(class)
	o.hash = maphash.Bytes(classSeed, class)
}

// Observe counts a request of one of the trial's visitors, who has a pin or none, if it ran on
// one of its releases: path is that of the release.
func (t *Trial) Observe(o *Observation, path string, pin []byte, now time.Time) {
	arm := &t.arms[armLive]
	switch {
	case path == t.Candidate.Path:
		arm = &t.arms[armCandidate]
	case path != t.Live.Path || t.Plan.Kind == control.KindBake:
		return
	}
	c := arm.class(o)
	// What the release before did is known of requests, not of visitors, so that one that bakes
	// is compared by requests too; but for one visitor who asks again for what fails.
	if (o.Failed || t.Plan.Kind == control.KindCanary) && !t.counted.first(pin, o.hash) {
		c.seen.Add(1)
		return
	}
	arm.add(c, o, now)
	if o.Failed && t.Plan.Fleet {
		t.failing.note(arm == &t.arms[armCandidate], c.name, pin)
	}
}
