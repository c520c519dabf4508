package judge

import (
	"maps"
	"slices"
)

// A Group sums the figures of one trial on many hosts, and judges the sum. Nothing is counted
// twice: of each count of a host (Figures.Run) it takes what is new, and of a visitor who
// fails on several hosts the first failure. What a host has said stays when the host is gone. One
// goroutine uses it.
//
// What two hosts did is never compared, since one may be slower, or have another part of the
// visitors: each block has both releases of one host (Pair.From).
type Group struct {
	trial   *Trial
	runs    map[string]map[uint64]*groupRun // by host
	failing map[Failing]bool
	had     uint64
}

// A groupRun is one count of a host.
type groupRun struct {
	newest, judged arms
	failing        int  // of its visitors, those that were looked at
	again          arms // failures of visitors who have failed elsewhere before
}

// arms are by class what the live release did, and the candidate.
type arms [2]map[string]*Sample

func newArms() (a arms) {
	for i := range a {
		a[i] = map[string]*Sample{}
	}
	return a
}

// NewGroup begins one.
func NewGroup(rule Rule) *Group {
	return &Group{trial: NewTrial(rule), runs: map[string]map[uint64]*groupRun{}, failing: map[Failing]bool{}}
}

// Take takes what a host says, as often as it says it.
func (g *Group) Take(host string, f *Figures) {
	if g.runs[host] == nil {
		g.runs[host] = map[uint64]*groupRun{}
	}
	r := g.runs[host][f.Run]
	if r == nil {
		r = &groupRun{newest: newArms(), judged: newArms(), again: newArms()}
		g.runs[host][f.Run] = r
	}
	next := arms{f.Live, f.Candidate}
	if !r.newest.within(next) {
		return // it was said before what is known already
	}
	r.newest = next
	for ; r.failing < len(f.Failing); r.failing++ {
		one := f.Failing[r.failing]
		if !g.failing[one] {
			g.failing[one] = true
			continue
		}
		arm := 0
		if one.Candidate {
			arm = 1
		}
		again := r.again[arm][one.Class]
		if again == nil {
			again = &Sample{}
			r.again[arm][one.Class] = again
		}
		again.Requests++
		again.Failed++
	}
}

// within says whether no count of it is above that of others.
func (a arms) within(others arms) bool {
	for i := range a {
		for class, s := range a[i] {
			if other := others[i][class]; other == nil || s.Requests > other.Requests || s.Failed > other.Failed {
				return false
			}
		}
	}
	return true
}

// Look compares what is new, and says what all of it has come to.
func (g *Group) Look() Verdict {
	var pairs []Pair
	for _, host := range slices.Sorted(maps.Keys(g.runs)) {
		by := map[string]*Pair{}
		for _, run := range slices.Sorted(maps.Keys(g.runs[host])) {
			g.runs[host][run].fresh(by)
		}
		for _, class := range slices.Sorted(maps.Keys(by)) {
			p := by[class]
			p.From = host
			g.had += uint64(p.Candidate.Requests)
			pairs = append(pairs, *p)
		}
	}
	g.trial.Add(pairs)
	return g.trial.Verdict()
}

// Requests are what the candidate has had, as far as they were compared.
func (g *Group) Requests() uint64 { return g.had }

// fresh adds what was not judged yet, by class.
func (r *groupRun) fresh(by map[string]*Pair) {
	for i := range r.newest {
		for class, newest := range r.newest[i] {
			now := *newest
			if again := r.again[i][class]; again != nil {
				now.Take(again)
			}
			was := r.judged[i][class]
			new := now
			if was != nil {
				if now.Requests < was.Requests || now.Failed < was.Failed {
					continue // a failure was judged before it was known whose it is: the next ones make up for it
				}
				new.Take(was)
			}
			if new.Requests == 0 {
				continue
			}
			r.judged[i][class] = &now
			p := by[class]
			if p == nil {
				p = &Pair{Class: class}
				by[class] = p
			}
			if i == 0 {
				p.Live.Add(&new)
			} else {
				p.Candidate.Add(&new)
			}
		}
	}
}
