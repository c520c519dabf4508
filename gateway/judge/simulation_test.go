package judge

import (
	"cmp"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"realdocd/test/manual"
)

// A shop is what the simulated visitors go to: twenty pages, of which some are asked for far
// more than others, some take longer, and some fail now and then.
type shop struct {
	weights, medians, failures []float64
	sum                        float64
}

func newShop() shop {
	s := shop{}
	for i := range 20 {
		w := 1 / float64(i+1)
		s.weights = append(s.weights, w)
		s.sum += w
		s.medians = append(s.medians, 0.02*math.Pow(1.12, float64(i)))
		s.failures = append(s.failures, 0.001+0.0004*float64(i))
	}
	return s
}

func (s shop) page(r *rand.Rand) int {
	at := r.Float64() * s.sum
	for i, w := range s.weights {
		if at -= w; at < 0 {
			return i
		}
	}
	return len(s.weights) - 1
}

// A candidate is how the release that is tried differs.
type candidate struct {
	name    string
	bad     bool
	errors  float64 // more of all requests fail
	slower  float64 // times as long
	onePage bool    // only on one page of the twenty: all of its requests fail
	cold    bool    // its first requests take five times as long
	others  bool    // its visitors ask for other pages
	mad     bool    // one of its visitors asks a page that fails, a thousand times
}

// An arm has the requests that one side of a run saw, and what it has decided.
type ending struct {
	ended              bool
	at                 time.Duration
	requests, visitors int // that the candidate had had by then
}

type run struct{ judged, naive ending }

const (
	arrivals = 10.0            // new visitors a second
	pages    = 8.0             // that each asks for
	between  = 5.0             // seconds between two
	looks    = 2 * time.Second // between two looks at the figures
	stepTime = 5 * time.Minute // of each step
	runTime  = 3 * stepTime    // of all three
)

var steps = []float64{0.02, 0.10, 0.50}

// A visit is one request of a visitor.
type visit struct {
	at        float64
	page      int
	candidate bool
	visitor   int
	failed    bool
	took      time.Duration
}

// traffic is what happens in a run, if nobody ends it.
func traffic(s shop, c candidate, r *rand.Rand) []visit {
	var all []visit
	served := map[[2]int]int{}
	visitor := 0
	for t := r.ExpFloat64() / arrivals; t < runTime.Seconds(); t += r.ExpFloat64() / arrivals {
		visitor++
		onCandidate := r.Float64() < steps[int(t/stepTime.Seconds())]
		own := math.Exp(0.3 * r.NormFloat64()) // a large cart, a slow search
		for at := t; at < runTime.Seconds(); at += between * r.ExpFloat64() {
			page := s.page(r)
			if c.others && onCandidate {
				page = 19 - page
			}
			all = append(all, visit{at: at, page: page, candidate: onCandidate, visitor: visitor, took: time.Duration(own * 1e9)})
			if r.Float64() < 1/pages {
				break
			}
		}
	}
	slices.SortFunc(all, func(a, b visit) int { return cmp.Compare(a.at, b.at) })
	for i := range all {
		v := &all[i]
		fails, factor := s.failures[v.page], 1.0
		side := 0
		if v.candidate {
			side = 1
			fails += c.errors
			factor = cmp.Or(c.slower, 1)
			if c.onePage && v.page == 4 {
				fails = 1
			}
		}
		key := [2]int{side, v.page}
		served[key]++
		if c.cold && v.candidate && served[key] <= 10 {
			factor *= 5
		}
		v.failed = r.Float64() < fails
		v.took = time.Duration(float64(v.took) * s.medians[v.page] * factor * math.Exp(0.5*r.NormFloat64()))
	}
	if c.mad {
		all = append(all, madVisitor(all, r)...)
		slices.SortStableFunc(all, func(a, b visit) int { return cmp.Compare(a.at, b.at) })
	}
	return all
}

// madVisitor is one on the candidate who asks again and again for what fails.
func madVisitor(all []visit, r *rand.Rand) (more []visit) {
	for range 1000 {
		more = append(more, visit{at: 30 + 100*r.Float64(), page: 3, candidate: true, visitor: len(all), failed: true})
	}
	return more
}

// simulate runs a canary, for the judge and for the naive rule beside it.
func simulate(s shop, c candidate, seed uint64) (got run) {
	r := rand.New(rand.NewPCG(seed, 1))
	all := traffic(s, c, r)
	t := NewTrial(Canary)
	var requests, failed [2]int
	visitors := map[int]bool{}
	served := map[[2]int]uint64{}
	counted := map[[2]int]bool{}
	began := [2]float64{-1, -1}
	next := 0
	for now := looks; now <= runTime; now += looks {
		block := map[int]*Pair{}
		for ; next < len(all) && all[next].at < now.Seconds(); next++ {
			v := all[next]
			side := 0
			p := block[v.page]
			if p == nil {
				p = &Pair{Class: fmt.Sprint("/", v.page)}
				block[v.page] = p
			}
			sample := &p.Live
			if v.candidate {
				side, sample = 1, &p.Candidate
				visitors[v.visitor] = true
			}
			if began[side] < 0 {
				began[side] = v.at
			}
			key := [2]int{side, v.page}
			cold := Cold(served[key], time.Duration((v.at-began[side])*1e9))
			served[key]++
			requests[side]++
			if v.failed {
				failed[side]++
			}
			if seen := [2]int{v.visitor, v.page}; counted[seen] {
				continue // a visitor counts once for a class
			} else {
				counted[seen] = true
			}
			sample.Observe(v.failed, v.took, cold)
		}
		var pairs []Pair
		for page := range len(s.weights) {
			if p := block[page]; p != nil {
				pairs = append(pairs, *p)
			}
		}
		t.Add(pairs)
		end := ending{true, now, requests[1], len(visitors)}
		if !got.judged.ended && t.Verdict().Worse {
			got.judged = end
		}
		if !got.naive.ended && failed[1]*requests[0] > 10*failed[0]*requests[1] {
			got.naive = end
		}
	}
	all1 := ending{false, runTime, requests[1], len(visitors)}
	for _, e := range []*ending{&got.judged, &got.naive} {
		if !e.ended {
			*e = all1
		}
	}
	return got
}

// runs makes so many runs of a candidate, on all processors.
func runs(c candidate, n int) []run {
	s, all := newShop(), make([]run, n)
	var wait sync.WaitGroup
	seeds := make(chan int)
	for range 4 {
		wait.Go(func() {
			for i := range seeds {
				all[i] = simulate(s, c, uint64(i))
			}
		})
	}
	for i := range n {
		seeds <- i
	}
	close(seeds)
	wait.Wait()
	return all
}

// A tally is what the runs of one candidate came to, by one rule.
type tally struct {
	ended              int
	requests, visitors int // medians over the runs
	at                 time.Duration
}

func tallyOf(all []run, of func(run) ending) (t tally) {
	var requests, visitors []int
	var at []time.Duration
	for _, r := range all {
		e := of(r)
		requests, visitors = append(requests, e.requests), append(visitors, e.visitors)
		if e.ended {
			t.ended++
			at = append(at, e.at)
		}
	}
	t.requests, t.visitors, t.at = median(requests), median(visitors), median(at)
	return t
}

func median[T int | time.Duration](all []T) T {
	if len(all) == 0 {
		return 0
	}
	slices.Sort(all)
	return all[len(all)/2]
}

// trials are the rows of the table, with the most runs that may be wrong.
var trials = []struct {
	candidate
	mostWrong float64
}{
	{candidate{name: "as good"}, 0.01},
	{candidate{name: "as good, with a cold opcache", cold: true}, 0.01},
	{candidate{name: "as good, its visitors ask for other pages", others: true}, 0.01},
	{candidate{name: "as good, one visitor asks for what fails a thousand times", mad: true}, 0.01},
	{candidate{name: "1 % more of all requests fail", bad: true, errors: 0.01}, 0.05},
	{candidate{name: "5 % more of all requests fail", bad: true, errors: 0.05}, 0},
	{candidate{name: "all requests for one page of twenty fail", bad: true, onePage: true}, 0},
	{candidate{name: "takes 1.3 times as long", bad: true, slower: 1.3}, 0.02},
}

// The figures of realdocd-canary(7): 200 canaries each, by simulation.
func TestSimulation_FewFalseAlarmsAndFewMisses(t *testing.T) {
	n := 10
	if manual.Writes() {
		n = 200
	}
	rows := [][]string{{"The candidate", "ended", "after", "cost", "naive", "after", "cost"}}
	for _, trial := range trials {
		all := runs(trial.candidate, n)
		judged := tallyOf(all, func(r run) ending { return r.judged })
		naive := tallyOf(all, func(r run) ending { return r.naive })
		wrong := judged.ended
		if trial.bad {
			wrong = n - judged.ended
		}
		if float64(wrong) > trial.mostWrong*float64(n) {
			t.Errorf("%s: wrong in %d of %d runs", trial.name, wrong, n)
		}
		rows = append(rows, slices.Concat([]string{trial.name}, cells(judged, trial.bad), cells(naive, trial.bad)))
	}
	table := manual.Drawn(rows)
	t.Logf("\n%s", table)
	if manual.Writes() {
		manual.Part{Page: "realdocd-canary.7", By: "make canary", Name: "simulated canaries"}.Compare(t, table)
	}
}

// cells are how many runs were ended, and for a bad candidate what it cost.
func cells(t tally, bad bool) []string {
	if !bad {
		return []string{fmt.Sprint(t.ended), "-", "-"}
	}
	at := "never"
	if t.ended > 0 {
		at = t.at.String()
	}
	return []string{fmt.Sprint(t.ended), at, fmt.Sprintf("%d, %d", t.requests, t.visitors)}
}
