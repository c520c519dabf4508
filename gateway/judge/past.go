package judge

import (
	"maps"
	"math/rand/v2"
	"slices"
)

// A Past is what a release did before another took its place, by class. It is drawn from,
// at random and without putting back, to be compared block by block with what the other
// does: so each request of it is compared once.
type Past struct {
	left map[string]*Sample
	rand *rand.Rand
}

// most is how many requests of the past a request is compared with.
const most = 4

// NewPast makes one of what was observed. The samples are its own from then on.
func NewPast(of map[string]*Sample, source rand.Source) *Past {
	return &Past{of, rand.New(source)}
}

// Pairs are blocks for a Trial: what a candidate did, by class, each with a part of the
// past. A class that the past does not have is compared with nothing.
func (p *Past) Pairs(candidate map[string]*Sample) (pairs []Pair) {
	for _, class := range slices.Sorted(maps.Keys(candidate)) { // so that a run can be repeated
		now := candidate[class]
		if left := p.left[class]; left != nil && left.Requests > 0 && now.Requests > 0 {
			n := min(most*now.Requests, (left.Requests+3)/4)
			pairs = append(pairs, Pair{Class: class, Live: p.draw(left, n), Candidate: *now})
		}
	}
	return pairs
}

// Draw takes so many requests of a class out of it, at most all.
func (p *Past) Draw(class string, n uint32) (drawn Sample) {
	if left := p.left[class]; left != nil {
		drawn = p.draw(left, min(n, left.Requests))
	}
	return drawn
}

// draw takes n requests out of a sample. One whose time was cold has none.
func (p *Past) draw(from *Sample, n uint32) (drawn Sample) {
	for range n {
		at := uint32(p.rand.IntN(int(from.Requests)))
		drawn.Requests++
		from.Requests--
		if at < from.Failed {
			from.Failed--
			drawn.Failed++
			continue
		}
		at -= from.Failed
		for i := range from.Times {
			if at < from.Times[i] {
				from.Times[i]--
				drawn.Times[i]++
				break
			}
			at -= from.Times[i]
		}
	}
	return drawn
}
