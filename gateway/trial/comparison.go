package trial

import (
	"math/rand/v2"

	"realdocd/gateway/control"
	"realdocd/gateway/judge"
)

// A comparison takes from the arms of a trial what is new since the last look, and has it
// judged. One goroutine uses it.
type comparison struct {
	trial *Trial
	judge *judge.Trial
	past  *judge.Past // that a release that bakes is compared with; nil for a canary
	last  [2]map[string]*judge.Sample
}

func newComparison(t *Trial) *comparison {
	c := &comparison{trial: t, judge: judge.NewTrial(judge.Canary)}
	if t.Plan.Kind == control.KindBake {
		c.judge = judge.NewTrial(judge.Bake)
	}
	for i := range c.last {
		c.last[i] = map[string]*judge.Sample{}
	}
	return c
}

// against has a release that bakes compared with what was observed of another: the older
// window says what is usual, and the newer one is what it is compared with.
func (c *comparison) against(before *Window) {
	newer, older := map[string]*judge.Sample{}, map[string]*judge.Sample{}
	before.addTo(newer)
	if earlier := before.before.Load(); earlier != nil {
		earlier.addTo(older)
	} else {
		halve(newer, older)
	}
	for class, sample := range older {
		c.judge.Know(class, *sample)
	}
	c.past = judge.NewPast(newer, rand.NewPCG(rand.Uint64(), rand.Uint64()))
}

// halve moves a half of what was observed, drawn at random, where there is only one window.
func halve(from, to map[string]*judge.Sample) {
	all := judge.NewPast(from, rand.NewPCG(rand.Uint64(), rand.Uint64()))
	for class, sample := range from {
		half := all.Draw(class, sample.Requests/2)
		to[class] = &half
	}
}

// look compares what is new, and says what all of it has come to.
func (c *comparison) look() judge.Verdict {
	live, candidate := c.fresh(armLive), c.fresh(armCandidate)
	var pairs []judge.Pair
	if c.past != nil {
		pairs = c.past.Pairs(candidate)
	} else {
		for class, sample := range live {
			p := judge.Pair{Class: class, Live: *sample}
			if other := candidate[class]; other != nil {
				p.Candidate = *other
			}
			pairs = append(pairs, p)
		}
		for class, sample := range candidate {
			if live[class] == nil {
				pairs = append(pairs, judge.Pair{Class: class, Candidate: *sample})
			}
		}
	}
	c.judge.Add(pairs)
	return c.judge.Verdict()
}

// fresh is what an arm has observed since the last look, by class.
func (c *comparison) fresh(arm int) map[string]*judge.Sample {
	now := map[string]*judge.Sample{}
	c.trial.arms[arm].addTo(now)
	fresh := map[string]*judge.Sample{}
	for class, sample := range now {
		new := *sample
		if before := c.last[arm][class]; before != nil {
			new.Take(before)
		}
		new.Round() // one that is being counted may be there in part
		if new.Requests > 0 {
			fresh[class] = &new
		}
	}
	c.last[arm] = now
	return fresh
}
