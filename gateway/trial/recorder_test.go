package trial

import (
	"fmt"
	"os"
	"testing"
	"time"

	"realdocd/deploy"
)

// What the release before did is kept over a flip, and no more than two windows of it.
func TestRecorder_KeepsTwoWindowsAndTheReleaseBefore(t *testing.T) {
	dir := t.TempDir()
	releases := deploy.NewResolver(deploy.Options{})
	live := func(name string) *deploy.Release {
		t.Helper()
		must(t, os.MkdirAll(dir+"/"+name, 0o755))
		os.Remove(dir + "/current")
		must(t, os.Symlink(name, dir+"/current"))
		_, err := releases.Look(dir + "/current")
		must(t, err)
		return releases.Now(dir + "/current")
	}
	r, now, first := &Recorder{}, time.Now(), live("1")
	a := r.On(first, now)
	for i := range 3 {
		a.cells[0].Store(&counters{name: "x", hash: 1})
		next := r.On(first, now.Add(time.Duration(i+1)*observeFor))
		if next == a || next.before.Load() != a || next.since != a.since {
			t.Fatal("the window is not another one")
		}
		if a.before.Load() != nil {
			t.Fatal("there are three windows")
		}
		a = next
	}
	second := live("2")
	b := r.On(second, now)
	if b == nil || r.Of(first.Path) != a || r.Of(second.Path) != b || r.On(first, now) != nil {
		t.Error("what was observed of the releases is mixed up")
	}
	if back := r.On(live("1"), now); back == nil || r.Of(first.Path) != back || back.before.Load() != a || back.since != a.since {
		t.Error("after a rollback the release begins anew")
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// Tenants come and go: one that is gone leaves its place to the next one.
func TestRecorders_ForgetDocrootsThatAreOver(t *testing.T) {
	rs := &Recorders{}
	docroot := func(i int) string { return fmt.Sprintf("/www/%d/current", i) }
	now := time.Now()
	for i := range maxObserved {
		began := now
		if i < 10 {
			began = now.Add(-2*observeFor - time.Second)
		}
		rs.Of(docroot(i), true).now.Store(&Window{began: began})
	}
	if rs.Of(docroot(maxObserved), true) == nil {
		t.Fatal("there is no place for a new one")
	}
	if rs.Of(docroot(10), true).now.Load() == nil {
		t.Error("one that is in use is forgotten")
	}
	if n := rs.count.Load(); n != maxObserved-9 {
		t.Errorf("%d are remembered", n)
	}
	for i := range 9 {
		rs.Of(docroot(maxObserved+1+i), true).now.Store(&Window{began: now})
	}
	if rs.Of(docroot(0), true) != nil {
		t.Error("there are more than there may be")
	}
	rs.swept.Store(0)
	if rs.Of(docroot(0), true) == nil { // the one of above has had nothing
		t.Error("one that has nothing keeps its place")
	}
}
