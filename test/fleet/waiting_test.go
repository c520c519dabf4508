package fleet

import (
	"fmt"
	"net/http"
	"syscall"
	"testing"
	"time"

	agreed "realdocd/deploy/fleet"
	"realdocd/test/manual"
)

// TestRequests_NeverWaitForEtcd compares a host of a fleet with one that knows of none: while etcd is there, while it
// hangs, and while it is gone. They are asked in turns.
func TestRequests_NeverWaitForEtcd(t *testing.T) {
	rounds, requests := 5, 200
	if long() {
		rounds, requests = 25, 1000
	}
	y := openFleet(t, 1, pace{ask: time.Second, probe: time.Second})
	fleet := y.hosts[0]
	plain := y.openHost(1, false)
	rows := [][]string{{"etcd", "p50", "p50, no fleet", "p99", "p99, no fleet"}}
	for _, row := range []struct {
		name string
		do   func()
	}{
		{"is there", func() {}},
		{"hangs", func() {
			for _, e := range y.etcds {
				y.must(e.Signal(syscall.SIGSTOP))
			}
		}},
		{"is gone", func() {
			for _, e := range y.etcds {
				e.Kill()
				<-e.Done()
			}
		}},
	} {
		row.do()
		pause(t.Context(), agreed.DoubtAfter/5) // it may hurt only after a while
		var own, other times
		var own99, other99 times
		for range rounds {
			a, b := plain.takes(requests), fleet.takes(requests)
			other, own = append(other, a.at(0.5)), append(own, b.at(0.5))
			other99, own99 = append(other99, a.at(0.99)), append(own99, b.at(0.99))
		}
		t.Logf("etcd %s: p50 %v, without fleet %v; p99 %v, without fleet %v", row.name, own.at(0.5), other.at(0.5), own99.at(0.5), other99.at(0.5))
		rows = append(rows, []string{row.name, fine(own.at(0.5)), fine(other.at(0.5)), fine(own99.at(0.5)), fine(other99.at(0.5))})
		if own99.at(0.5) > 3*other99.at(0.5)+5*ms {
			t.Errorf("etcd %s: p99 is %v, and without a fleet %v", row.name, own99.at(0.5), other99.at(0.5))
		}
	}
	if !y.seer.inStep(y.release()) {
		t.Errorf("a host that has promised nothing is not ready any more: %v", y.seer.behind(y.release()))
	}
	if manual.Writes() {
		part("waiting").Compare(t, manual.Columns(rows))
	}
}

func fine(d time.Duration) string { return fmt.Sprintf("%.2f ms", float64(d)/1e6) }

// release is the one that was built last.
func (y *yard) release() string { return fmt.Sprint(y.last) }

// takes is how long a host takes for requests, one after another.
func (h *host) takes(requests int) (took times) {
	h.y.t.Helper()
	client := &http.Client{Transport: &http.Transport{DialContext: h.y.hub.Dial}, Timeout: patience}
	defer client.CloseIdleConnections()
	for range requests {
		var a answer
		began := time.Now()
		a.ask(client, h.url())
		took = append(took, time.Since(began))
		if a.status != http.StatusOK {
			h.y.t.Fatalf("%s: status %d %s", h.name, a.status, a.err)
		}
	}
	return took
}
