package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"testing"
	"time"

	"realdocd/gateway/control"
	"realdocd/test/manual"
	"realdocd/test/stack"
)

// Real canaries, of releases that are as good as the live one and of some that are not: the
// table in realdocd-canary(7) beside that of the simulation. A run takes a minute, so they are
// run if CANARY_RUNS says how often; MANUAL_WRITE=1 writes the table.
func TestCanaryTrials_WithARealFPM(t *testing.T) {
	n, err := strconv.Atoi(os.Getenv("CANARY_RUNS"))
	if err != nil {
		t.Log("CANARY_RUNS=200 runs them")
		return
	}
	const fails, takes = 3, 4000
	rows := [][]string{{"The candidate", "ended", "after", "cost"}}
	for _, row := range []struct {
		name string
		bad  bool
		kind releaseKind
	}{
		{"as good", false, releaseKind{fails: fails, takes: takes}},
		{"as good, with a cold opcache", false, releaseKind{fails: fails, takes: takes, cold: 10}},
		{"1 % more of all requests fail", true, releaseKind{fails: fails + 10, takes: takes}},
		{"5 % more of all requests fail", true, releaseKind{fails: fails + 50, takes: takes}},
		{"takes 1.3 times as long", true, releaseKind{fails: fails, takes: takes * 13 / 10}},
	} {
		s := openShop(t)
		s.writeTrial(t, 1, releaseKind{fails: fails, takes: takes})
		s.writeTrial(t, 2, row.kind)
		var ended, requests, visitors []int
		var took []time.Duration
		for run := range n {
			if run > 0 {
				s.again(t, row.kind)
			}
			st, length := s.tryOnce(t)
			requests, visitors = append(requests, int(st.Requests)), append(visitors, int(st.Visitors))
			if st.Ended == "worse" {
				ended = append(ended, run)
				took = append(took, length)
			}
			t.Logf("%s: %s after %s: %s", row.name, st.Ended, length.Round(time.Second), st.Why)
		}
		cells := []string{row.name, fmt.Sprintf("%d of %d", len(ended), n), "-", "-"}
		if row.bad {
			cells[2], cells[3] = middle(took).Round(time.Second).String(), fmt.Sprintf("%d, %d", middle(requests), middle(visitors))
		}
		rows = append(rows, cells)
	}
	table := manual.Box(rows)
	t.Log("\n" + table)
	if manual.Writes() {
		manual.Part{Page: "realdocd-canary.7", By: "make canary", Name: "real canaries"}.Compare(t, table)
	}
}

// tryOnce runs one canary with visitors, and gives its end.
func (s *shop) tryOnce(t *testing.T) (control.TrialStatus, time.Duration) {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	done := s.visitors(ctx, t)
	defer done()
	defer stop()
	began := time.Now()
	binary, err := stack.Binary()
	mustDo(t, err)
	output, _ := exec.CommandContext(t.Context(), binary, "canary", "shop", "2", "--config", s.gw.Config,
		"--steps", "10,50", "--every", "25s", "--least", "50", "--no-headroom", "--json").Output() // 1 is an answer too
	var got struct{ Trial control.TrialStatus }
	if err := json.Unmarshal(output, &got); err != nil {
		t.Fatalf("%v in %s", err, output)
	}
	return got.Trial, time.Since(began)
}

func middle[T int | time.Duration](all []T) (m T) {
	if len(all) > 0 {
		slices.Sort(all)
		m = all[len(all)/2]
	}
	return m
}
