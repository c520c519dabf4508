package trial

import (
	"hash/fnv"
	"sync"

	"realdocd/gateway/judge"
)

// failing are the visitors of a trial for whom a class has failed, in the order in which they did.
type failing struct {
	mu  sync.Mutex // guards the following
	all []judge.Failing
}

// note notes one who has a pin, and was counted.
func (f *failing) note(candidate bool, class string, pin []byte) {
	if len(pin) == 0 {
		return // nobody would know him again
	}
	h := fnv.New64a()
	h.Write(pin)
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.all) < judge.MaxFailing {
		f.all = append(f.all, judge.Failing{Candidate: candidate, Class: class, Visitor: h.Sum64()})
	}
}

func (f *failing) noted() []judge.Failing {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.all[:len(f.all):len(f.all)]
}

// Figures are what the trial has come to here; for [control.Trial].
func (t *Trial) Figures() string {
	// The visitors come first, so that each of them has been counted.
	f := judge.Figures{Run: t.counts, Failing: t.failing.noted(), Live: map[string]*judge.Sample{}, Candidate: map[string]*judge.Sample{}}
	t.arms[armLive].addTo(f.Live)
	t.arms[armCandidate].addTo(f.Candidate)
	for _, side := range []map[string]*judge.Sample{f.Live, f.Candidate} {
		for _, sample := range side {
			sample.Round() // one that is being counted may be there in part
		}
	}
	return f.Text()
}
