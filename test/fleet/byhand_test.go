package fleet

import (
	"strings"
	"testing"
	"time"

	agreed "realdocd/deploy/fleet"
)

// What a fleet is for, and that those who watch would see it missing: hosts that are flipped one after another
// by hand disagree.
func TestHosts_ThatAreFlippedByHandDisagree(t *testing.T) {
	y := openYard(t, 3)
	w := y.watch(pace{ask: 5 * ms, probe: 20 * ms})
	n := y.build()
	w.attempt(n)
	w.commit(agreed.Commit{Seq: 1, Release: n})
	for _, h := range y.hosts {
		h.Command(h.gw, 0, "flip", "shop", n)
		time.Sleep(300 * ms) // somebody goes to the next host
	}
	w.end()
	h := w.history()
	v := h.judge(limits{disagree: 100 * ms, unseen: 2 * time.Second})
	told := strings.Join(v.broken, "\n")
	for _, want := range []string{"hosts 0 and 2 were both ready", "host 2 was ready, and answered with release 1"} {
		if !strings.Contains(told, want) {
			t.Errorf("not seen: %q", want)
		}
	}
	v = h.judge(limits{disagree: 10 * time.Second, unseen: 2 * time.Second})
	if len(v.broken) > 0 || v.requests < 100 || v.worst < 300*ms {
		t.Errorf("%+v", v)
	}
	if s := h.spreadOf(n); s.took() < 300*ms || len(s.missing) > 0 {
		t.Errorf("the spread is %+v", s)
	}
	t.Logf("%d requests, worst %v, spread %v", v.requests, v.worst, h.spreadOf(n).took())
}
