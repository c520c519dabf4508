package deploy

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"
)

// pinnedTo enters a release by a pin that was issued a moment ago.
func (s shop) pinnedTo(r *Resolver, release string) (Visit, error) {
	now := time.Now()
	return r.EnterPinned(s.docroot(), Pin{Release: TagOf(s.root+"/current", s.path(release)), Issued: now, End: now.Add(time.Hour)}, now)
}

// Of more releases than are remembered otherwise, those stay that pins lead to.
func TestPins_KeepAReleaseRemembered(t *testing.T) {
	for _, pins := range []bool{true, false} {
		s := newShop(t)
		r := NewResolver(Options{})
		for i := 3; i < 3+2*keepReleases; i++ {
			name := fmt.Sprint(i)
			s.release(name)
			s.flip("releases/" + name)
			v := enter(t, r, s.docroot())
			if pins {
				v.NotePin(time.Now().Add(time.Hour))
			}
			v.Leave(time.Now(), false)
		}
		v, err := s.pinnedTo(r, "3")
		if pins && (err != nil || v.Path != s.path("3")) {
			t.Errorf("the oldest of %d releases with pins is forgotten: %v", 2*keepReleases, err)
		}
		if !pins && !errors.Is(err, ErrUnknownRelease) {
			t.Errorf("without pins it is remembered: %v", err)
		}
	}
}

// A file system that hangs holds up a pinned request for no longer than any other, and it runs where it would have.
func TestPins_AreFollowedThoughTheFileSystemHangs(t *testing.T) {
	s := newShop(t)
	var hangs sync.WaitGroup
	hung := false
	var mu sync.Mutex
	r := NewResolver(Options{identify: func(dir string) (Identity, error) {
		mu.Lock()
		now := hung
		mu.Unlock()
		if now {
			hangs.Wait()
		}
		return IdentityOf(dir)
	}})
	enter(t, r, s.docroot()).Leave(time.Now(), false)
	s.flip("releases/2")
	enter(t, r, s.docroot()).Leave(time.Now(), false)
	d := r.find(s.docroot())
	d.mu.Lock()
	d.local = false
	d.mu.Unlock()
	hangs.Add(1)
	defer hangs.Done()
	mu.Lock()
	hung = true
	mu.Unlock()
	began := time.Now()
	for range 3 {
		v, err := s.pinnedTo(r, "1")
		if err != nil || v.Path != s.path("1") {
			t.Errorf("got %v, %v", v, err)
		}
	}
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("it took %v", took)
	}
}

func TestPins_AreTakenFromOneProcessToTheNext(t *testing.T) {
	s, h := newShop(t), NewHistory(t.TempDir(), "shop")
	r := NewResolver(Options{})
	end := time.UnixMilli(time.Now().Add(time.Hour).UnixMilli())
	v := enter(t, r, s.docroot())
	v.NotePin(end)
	v.Leave(time.Now(), false)
	if !r.Unkept() || r.Unkept() {
		t.Error("a new pin is not told once")
	}
	if err := h.PutPins(r.Pinned(time.Now(), time.Minute)); err != nil {
		t.Fatal(err)
	}
	v.NotePin(end.Add(30 * time.Second))
	if r.Unkept() {
		t.Error("a pin within the slack is told")
	}
	v.NotePin(end.Add(61 * time.Second))
	if !r.Unkept() {
		t.Error("a pin beyond the slack is not told")
	}
	next := func() *Resolver {
		states, err := h.Pins()
		if err != nil {
			t.Fatal(err)
		}
		r := NewResolver(Options{})
		for _, state := range states {
			r.Restore(state)
		}
		return r
	}
	s.flip("releases/2")
	r = next()
	if got := r.PinsEnd(s.path("1")); !got.Equal(end.Add(time.Minute)) {
		t.Errorf("the pins end at %v, want %v", got, end.Add(time.Minute))
	}
	if _, err := s.pinnedTo(r, "1"); err != nil {
		t.Errorf("the next process does not follow: %v", err)
	}
	if _, err := s.pinnedTo(r, "2"); err != nil {
		t.Errorf("to the live release: %v", err)
	}
	told := next() // as a successor begins, which is told more by the process that it takes over from
	for _, state := range r.State() {
		told.Restore(state)
	}
	if live := told.Live(s.docroot()); live != s.path("2") || len(told.Releases(s.docroot())) != 2 {
		t.Errorf("the live release is %q of %+v: what was written down has won", live, told.Releases(s.docroot()))
	}
	if err := h.EndPins(s.path("1")+"/", time.Now().Add(time.Second)); err != nil {
		t.Fatal(err)
	}
	if _, err := s.pinnedTo(next(), "1"); !errors.Is(err, ErrPinsEnded) {
		t.Errorf("pins that were ended on disk: %v", err)
	}
}

// Of several processes that make the key at the same time, all have the same.
func TestSecret_IsMadeOnce(t *testing.T) {
	file := filepath.Join(t.TempDir(), "below", "key")
	var all sync.WaitGroup
	texts := make([]string, 8)
	for i := range texts {
		all.Go(func() {
			text, err := ReadOrMakeSecret(file, func() []byte { return []byte(fmt.Sprint("secret ", i)) })
			if err != nil {
				t.Error(err)
			}
			texts[i] = string(text)
		})
	}
	all.Wait()
	for _, text := range texts {
		if text == "" || text != texts[0] {
			t.Fatalf("they have %q", texts)
		}
	}
	if left, _ := os.ReadDir(filepath.Dir(file)); len(left) != 1 {
		t.Errorf("there are %v", left)
	}
}
