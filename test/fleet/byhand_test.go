package fleet

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// What a fleet is for, and that those who watch would see it missing: hosts that are flipped one after another
// by hand disagree.
func TestHosts_ThatAreFlippedByHandDisagree(t *testing.T) {
	y := openYard(t, 3)
	w := y.watch(pace{ask: 5 * ms, rush: ms, probe: 20 * ms})
	w.note(func(seen *history) { seen.commits = []commit{{seq: 1, release: "1"}} })
	n := y.build()
	w.note(func(seen *history) {
		seen.commits = append(seen.commits, commit{seq: 2, release: fmt.Sprint(n), begin: y.now(), known: y.now()})
	})
	for _, h := range y.hosts {
		h.Command(h.gw, 0, "flip", "shop", fmt.Sprint(n))
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
	if s := h.spreadOf(fmt.Sprint(n)); s.took() < 300*ms || len(s.missing) > 0 {
		t.Errorf("the spread is %+v", s)
	}
	t.Logf("%d requests, worst %v, spread %v", v.requests, v.worst, h.spreadOf(fmt.Sprint(n)).took())
}
