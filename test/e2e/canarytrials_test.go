package e2e

import (
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"realdocd/test/manual"
)

// A trialRow is a row of the tables in realdocd-canary(7): a kind of release, tried often.
type trialRow struct {
	name  string
	bake  bool
	bad   bool
	kind  releaseKind
	every int // one of so many runs is of it
}

const (
	usualFails = 1     // of a thousand requests, on the live release as well
	usualTakes = 25000 // microseconds
)

var trialRows = []trialRow{
	{name: "as good", kind: releaseKind{fails: usualFails, takes: usualTakes}},
	{name: "as good, with a cold opcache", kind: releaseKind{fails: usualFails, takes: usualTakes, cold: 10}},
	{name: "1 % more of all requests fail", bad: true, kind: releaseKind{fails: usualFails + 10, takes: usualTakes}},
	{name: "5 % more of all requests fail", bad: true, kind: releaseKind{fails: usualFails + 50, takes: usualTakes}},
	{name: "takes 1.3 times as long", bad: true, kind: releaseKind{fails: usualFails, takes: usualTakes * 13 / 10}},
	{name: "as good, with a cold opcache", bake: true, kind: releaseKind{fails: usualFails, takes: usualTakes, cold: 15}, every: 4},
	{name: "one page of twenty fails", bake: true, bad: true, kind: releaseKind{fails: usualFails, takes: usualTakes, broken: "e"}, every: 4},
}

// What an operator writes, beside the site and the release.
var (
	canaryAsRun = []string{"--percent", "50", "--every", "1m", "--least", "3000"}
	bakeAsRun   = []string{"--bake", "1m"}
)

// Real canaries and bakes, of releases that are as good as the live one and of some that are
// not: the tables in realdocd-canary(7) beside those of the simulation. Each takes its minute, so
// many tenants of one daemon try a release at the same time. They are run if CANARY_RUNS says
// how often; CANARY_TIME=20m begins no run after that, and MANUAL_WRITE=1 writes the tables.
func TestCanaryTrials_WithARealFPM(t *testing.T) {
	n, err := strconv.Atoi(os.Getenv("CANARY_RUNS"))
	if err != nil {
		t.Log("CANARY_RUNS=200 runs them")
		return
	}
	until := time.Now().Add(48 * time.Hour)
	if limit, err := time.ParseDuration(os.Getenv("CANARY_TIME")); err == nil {
		until = time.Now().Add(limit)
	}
	var jobs []int // the rows, in an order in which none has a time of the machine for itself
	for row, r := range trialRows {
		for range max(n/max(r.every, 1), 1) {
			jobs = append(jobs, row)
		}
	}
	rand.Shuffle(len(jobs), func(i, j int) { jobs[i], jobs[j] = jobs[j], jobs[i] })
	h := openTrialHost(t, min(trialTenants(), len(jobs)))
	var mu sync.Mutex // guards the following
	got := make([][]trialEnding, len(trialRows))
	var tenants sync.WaitGroup
	next := make(chan int)
	for _, tenant := range h.tenants {
		tenants.Go(func() {
			for row := range next {
				r := trialRows[row]
				e, err := tenant.run(t.Context(), r)
				if err != nil {
					t.Errorf("%s: %v", r.name, err)
					continue
				}
				wrong := ""
				if (e.ended == "worse") != r.bad {
					wrong = "WRONG: "
				}
				t.Logf("%s%s: %s after %s: %s", wrong, r.name, e.ended, e.took.Round(time.Second), e.why)
				mu.Lock()
				got[row] = append(got[row], e)
				mu.Unlock()
			}
		})
	}
	for _, row := range jobs {
		if time.Now().After(until) {
			break
		}
		next <- row
	}
	close(next)
	tenants.Wait()
	t.Logf("%d requests in %s", h.requests.Load(), h.took())
	canaries, bakes := trialTables(got)
	t.Log("\n" + canaries + bakes)
	if manual.Writes() {
		manual.Part{Page: "realdocd-canary.7", By: "make canary", Name: "real canaries"}.Compare(t, canaries)
		manual.Part{Page: "realdocd-canary.7", By: "make canary", Name: "real bakes"}.Compare(t, bakes)
	}
}

// trialTables are the tables of what the runs of each row came to.
func trialTables(got [][]trialEnding) (canaries, bakes string) {
	tables := [2][][]string{{{"The candidate", "ended", "after", "cost"}}, {{"The release", "rolled back", "after", "cost"}}}
	for row, r := range trialRows {
		var ended, requests, visitors []int
		var took []time.Duration
		for i, e := range got[row] {
			requests, visitors = append(requests, e.requests), append(visitors, e.visitors)
			if e.ended == "worse" {
				ended, took = append(ended, i), append(took, e.took)
			}
		}
		at, cost := 0, fmt.Sprintf("%d, %d", middle(requests), middle(visitors))
		if r.bake {
			at, cost = 1, fmt.Sprint(middle(requests))
		}
		cells := []string{r.name, fmt.Sprintf("%d of %d", len(ended), len(got[row])), "-", "-"}
		if r.bad {
			cells[2], cells[3] = middle(took).Round(time.Second).String(), cost
		}
		tables[at] = append(tables[at], cells)
	}
	return manual.Drawn(tables[0]), manual.Drawn(tables[1])
}

func middle[T int | time.Duration](all []T) (m T) {
	if len(all) > 0 {
		slices.Sort(all)
		m = all[len(all)/2]
	}
	return m
}
