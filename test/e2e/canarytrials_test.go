package e2e

import (
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
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
	usualTakes = 50000 // microseconds
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
// how often; CANARY_TIME=20m begins no run after that, and CANARY_WRITE=1 writes the tables.
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
	tables := trialTables(got, len(h.tenants))
	t.Log("\n" + tables)
	if os.Getenv("CANARY_WRITE") != "" {
		writeTrials(t, tables)
	}
}

// trialTables are the tables of what the runs of each row came to.
func trialTables(got [][]trialEnding, tenants int) string {
	var canaries, bakes strings.Builder
	for row, r := range trialRows {
		var ended, requests, visitors []int
		var took []time.Duration
		for i, e := range got[row] {
			requests, visitors = append(requests, e.requests), append(visitors, e.visitors)
			if e.ended == "worse" {
				ended, took = append(ended, i), append(took, e.took)
			}
		}
		out, cost := &canaries, fmt.Sprintf("%d, %d", middle(requests), middle(visitors))
		if r.bake {
			out, cost = &bakes, fmt.Sprint(middle(requests))
		}
		cells := fmt.Sprintf("%d of %d\t-\t-", len(ended), len(got[row]))
		if r.bad {
			cells = fmt.Sprintf("%d of %d\t%s\t%s", len(ended), len(got[row]), middle(took).Round(time.Second), cost)
		}
		fmt.Fprintf(out, "T{\n%s\nT}\t%s\n", r.name, cells)
	}
	return fmt.Sprintf(`.Pp
The same with a real nginx and PHP-FPM: %d tenants of one daemon at a time, each with twenty pages,
which take 50 ms in PHP as the median and of which 0.1 %% fail on the live release;
.Fl %s :
.Pp
.TS
allbox;
lx l l l.
The candidate	ended	after	cost
%s.TE
.Pp
Bakes, by
.Cm flip Fl %s ,
in the same way; the cost is in requests:
.Pp
.TS
allbox;
lx l l l.
The release	rolled back	after	cost
%s.TE
`, tenants, flagsInMdoc(canaryAsRun), canaries.String(), flagsInMdoc(bakeAsRun), bakes.String())
}

// flagsInMdoc are flags as a line of a manual has them.
func flagsInMdoc(flags []string) string {
	return strings.TrimPrefix(strings.ReplaceAll(strings.Join(flags, " "), "--", "Fl -"), "Fl ")
}

func middle[T int | time.Duration](all []T) (m T) {
	if len(all) > 0 {
		slices.Sort(all)
		m = all[len(all)/2]
	}
	return m
}

// writeTrials writes the tables into the manual.
func writeTrials(t *testing.T, tables string) {
	t.Helper()
	const page = "../../etc/man/realdocd-canary.7"
	const begin, end = ".\\\" What CANARY_WRITE=1 go test ./test/e2e writes.\n", ".\\\" The end of what CANARY_WRITE=1 go test ./test/e2e writes.\n"
	text, err := os.ReadFile(page)
	mustDo(t, err)
	before, rest, ok := strings.Cut(string(text), begin)
	_, after, ok2 := strings.Cut(rest, end)
	if !ok || !ok2 {
		t.Fatalf("%s has no place for the tables", page)
	}
	mustDo(t, os.WriteFile(page, []byte(before+begin+tables+end+after), 0o644))
}
