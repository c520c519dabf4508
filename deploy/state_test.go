package deploy

import (
	"encoding/json"
	"os"
	"testing"
	"time"
)

// handedOn is what the next process gets of a resolver.
func handedOn(t *testing.T, from *Resolver) *Resolver {
	t.Helper()
	text, err := json.Marshal(from.State())
	if err != nil {
		t.Fatal(err)
	}
	var states []DocrootState
	if err := json.Unmarshal(text, &states); err != nil {
		t.Fatal(err)
	}
	next := NewResolver(Options{})
	for _, s := range states {
		next.Restore(s)
	}
	return next
}

func TestTheNextProcessKnowsTheReleasesOfTheOneBefore(t *testing.T) {
	s := newShop(t)
	before := NewResolver(Options{})
	old := enter(t, before, s.docroot())
	old.Leave(time.Now(), true)
	s.flip("releases/2")
	live := enter(t, before, s.docroot())
	live.Leave(time.Now(), false)
	inside := enter(t, before, s.docroot())

	next := handedOn(t, before)
	if got := next.Live(s.docroot()); got != live.Path {
		t.Errorf("live is %q, want %q", got, live.Path)
	}
	want := before.Releases(s.docroot())
	got := next.Releases(s.docroot())
	if len(got) != 2 || len(want) != 2 {
		t.Fatalf("releases %+v, want %+v", got, want)
	}
	for i := range want {
		want[i].Inside = 0 // that is the other process's to count
		if !got[i].FirstSeen.Equal(want[i].FirstSeen) || !got[i].LastSeen.Equal(want[i].LastSeen) {
			t.Errorf("release %d was seen from %v to %v, want %v to %v", i, got[i].FirstSeen, got[i].LastSeen, want[i].FirstSeen, want[i].LastSeen)
		}
		got[i].FirstSeen, got[i].LastSeen = want[i].FirstSeen, want[i].LastSeen
		if got[i] != want[i] {
			t.Errorf("release %d is %+v, want %+v", i, got[i], want[i])
		}
	}
	if v := enter(t, next, s.docroot()); v.Flip != nil || v.Path != live.Path {
		t.Errorf("the first request in %s, flip %+v; want no flip", v.Path, v.Flip)
	}
	inside.Leave(time.Now(), false)
}

func TestAFlipBetweenTwoProcessesIsSeenByTheNext(t *testing.T) {
	s := newShop(t)
	before := NewResolver(Options{})
	old := enter(t, before, s.docroot())
	next := handedOn(t, before)
	s.flip("releases/2")
	v := enter(t, next, s.docroot())
	if v.Flip == nil || v.Flip.Before == nil || v.Flip.Before.Path != old.Path || v.Name != "2" {
		t.Errorf("entered %s, flip %+v", v.Path, v.Flip)
	}
	if r := next.Idle(old.Path); r == nil || r.Path != old.Path {
		t.Errorf("%s is not idle here", old.Path)
	}
	if r := next.Idle(v.Path); r != nil {
		t.Errorf("the live release %s is idle", r.Path)
	}
}

// The last good release serves on, also when the process that has seen it last has gone.
func TestARestoredReleaseServesWhileTheLinkIsBroken(t *testing.T) {
	s := newShop(t)
	before := NewResolver(Options{})
	live := enter(t, before, s.docroot())
	next := handedOn(t, before)
	if err := os.Remove(s.root + "/current"); err != nil {
		t.Fatal(err)
	}
	if v := enter(t, next, s.docroot()); v.Path != live.Path || v.Stale == nil {
		t.Errorf("entered %s, stale %v", v.Path, v.Stale)
	}
}

func TestRestoreLeavesADocrootThatWasLookedAt(t *testing.T) {
	s := newShop(t)
	before := NewResolver(Options{})
	enter(t, before, s.docroot())
	state := before.State()
	s.flip("releases/2")
	now := NewResolver(Options{})
	live := enter(t, now, s.docroot())
	for _, d := range state {
		now.Restore(d)
	}
	if got := now.Live(s.docroot()); got != live.Path {
		t.Errorf("live is %q, want %q", got, live.Path)
	}
}
