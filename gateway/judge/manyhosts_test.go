package judge

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"realdocd/test/manual"
)

// manyHosts is how many share the traffic of the simulation, each request of a visitor by chance.
const manyHosts = 16

// A manyRun is what the sum of all hosts found, and which host alone was the first to find it.
type manyRun struct{ together, alone ending }

// A simulatedHost counts what it has, as a daemon does.
type simulatedHost struct {
	figures Figures
	alone   *Trial
	block   map[string]*Pair // since the last look
	began   [2]float64
	served  map[[2]int]uint64
	counted map[[2]int]bool
}

func newSimulatedHost(no int) *simulatedHost {
	return &simulatedHost{
		figures: Figures{Run: uint64(no), Live: map[string]*Sample{}, Candidate: map[string]*Sample{}},
		alone:   NewTrial(Canary), block: map[string]*Pair{}, began: [2]float64{-1, -1}, served: map[[2]int]uint64{}, counted: map[[2]int]bool{},
	}
}

// has has the host serve a request.
func (h *simulatedHost) has(v visit) {
	class, side := "/"+strconv.Itoa(v.page), 0
	if v.candidate {
		side = 1
	}
	if h.began[side] < 0 {
		h.began[side] = v.at
	}
	key := [2]int{side, v.page}
	cold := Cold(h.served[key], time.Duration((v.at-h.began[side])*1e9))
	h.served[key]++
	if seen := [2]int{v.visitor, v.page}; h.counted[seen] {
		return
	} else {
		h.counted[seen] = true
	}
	all := []map[string]*Sample{h.figures.Live, h.figures.Candidate}[side]
	if all[class] == nil {
		all[class] = &Sample{}
	}
	if h.block[class] == nil {
		h.block[class] = &Pair{Class: class}
	}
	all[class].Observe(v.failed, v.took, cold)
	[]*Sample{&h.block[class].Live, &h.block[class].Candidate}[side].Observe(v.failed, v.took, cold)
	if v.failed && len(h.figures.Failing) < MaxFailing {
		h.figures.Failing = append(h.figures.Failing, Failing{v.candidate, class, uint64(v.visitor)})
	}
}

// looks has the host judge by itself, and says what it found.
func (h *simulatedHost) looks() Verdict {
	var pairs []Pair
	for _, class := range slices.Sorted(keys(h.block)) {
		pairs = append(pairs, *h.block[class])
	}
	clear(h.block)
	h.alone.Add(pairs)
	return h.alone.Verdict()
}

func keys(m map[string]*Pair) func(func(string) bool) {
	return func(yield func(string) bool) {
		for k := range m {
			if !yield(k) {
				return
			}
		}
	}
}

// simulateMany runs a canary of many hosts, of the traffic that one host has in simulate. A host
// has a cold opcache of its own.
func simulateMany(s shop, c candidate, seed uint64) (got manyRun) {
	r := rand.New(rand.NewPCG(seed, 1))
	cold := c.cold
	c.cold = false
	all := traffic(s, c, r)
	group := NewGroup(Canary)
	var hosts []*simulatedHost
	var names []string
	for i := range manyHosts {
		hosts, names = append(hosts, newSimulatedHost(i)), append(names, fmt.Sprint("web", i))
	}
	slow := map[[2]int]int{}
	visitors, requests, next := map[int]bool{}, 0, 0
	for now := looks; now <= runTime; now += looks {
		for ; next < len(all) && all[next].at < now.Seconds(); next++ {
			v, at := all[next], r.IntN(manyHosts)
			if v.candidate {
				requests++
				visitors[v.visitor] = true
				if key := [2]int{at, v.page}; cold && slow[key] < 10 {
					slow[key]++
					v.took *= 5
				}
			}
			hosts[at].has(v)
		}
		end := ending{true, now, requests, len(visitors)}
		for i, h := range hosts {
			group.Take(names[i], &h.figures)
			if !got.alone.ended && h.looks().Worse {
				got.alone = end
			}
		}
		if !got.together.ended && group.Look().Worse {
			got.together = end
		}
		if got.together.ended && got.alone.ended {
			break
		}
	}
	for _, e := range []*ending{&got.together, &got.alone} {
		if !e.ended {
			*e = ending{false, runTime, requests, len(visitors)}
		}
	}
	return got
}

// The figures of realdocd-canary(7) of many hosts.
func TestSimulation_ManyHostsFindTogetherWhatNoneCouldFindAlone(t *testing.T) {
	n := 2
	if manual.Writes() {
		n = 100 // of a second each
	}
	rows := [][]string{{"The candidate", "ended", "after", "cost", "alone", "after", "cost"}}
	for _, trial := range trials {
		all := make([]manyRun, n)
		seeds := make(chan int)
		var wait sync.WaitGroup
		for range 4 {
			wait.Go(func() {
				for i := range seeds {
					all[i] = simulateMany(newShop(), trial.candidate, uint64(i))
				}
			})
		}
		for i := range n {
			seeds <- i
		}
		close(seeds)
		wait.Wait()
		tally := func(of func(manyRun) ending) tally {
			var ends []run
			for _, r := range all {
				ends = append(ends, run{judged: of(r)})
			}
			return tallyOf(ends, func(r run) ending { return r.judged })
		}
		together, alone := tally(func(r manyRun) ending { return r.together }), tally(func(r manyRun) ending { return r.alone })
		wrong, most := together.ended, 0.01
		if trial.bad {
			wrong, most = n-together.ended, cmp.Or(trial.mostWrong, 0.01)
		}
		if float64(wrong) > most*float64(n) {
			t.Errorf("%s: wrong in %d of %d runs", trial.name, wrong, n)
		}
		a, b := cells(together, trial.bad), cells(alone, trial.bad)
		a[0], b[0] = fmt.Sprintf("%s of %d", a[0], n), fmt.Sprintf("%s of %d", b[0], n)
		rows = append(rows, slices.Concat([]string{strings.Replace(trial.name, "with a cold opcache", "with a cold opcache on each", 1)}, a, b))
	}
	table := manual.Drawn(rows)
	t.Logf("\n%s", table)
	if manual.Writes() {
		manual.Part{Page: "realdocd-canary.7", By: "make canary", Name: "simulated canaries of many hosts"}.Compare(t, table)
	}
}
