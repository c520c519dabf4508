package deploy

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"testing"
	"time"
)

// enterBy enters a release by its path, as for a web server that follows links itself.
func enterBy(r *Resolver, s shop, name string) (Visit, error) {
	return r.EnterNamed(s.docroot(), s.path(name), time.Now())
}

func TestAReleaseThatIsClosedIsEnteredByNoPathUntilItIsLiveAgain(t *testing.T) {
	s := newShop(t)
	r := NewResolver(Options{})
	enter(t, r, s.docroot()).Leave(time.Now(), false)
	r.Close(s.path("1"))
	r.Open(s.path("1"))
	s.flip("releases/2")
	enter(t, r, s.docroot()).Leave(time.Now(), false)
	v, err := enterBy(r, s, "1")
	if err != nil {
		t.Fatal(err)
	}
	v.Leave(time.Now(), false)

	r.Close(s.path("1"))
	if _, err := enterBy(r, s, "1"); !errors.Is(err, ErrClosed) {
		t.Errorf("a closed release: %v", err)
	}
	if !r.InClosed(s.path("1")+"/lib/tool.php") || r.InClosed(s.path("2")+"/lib/tool.php") {
		t.Error("which path is in a closed release?")
	}
	if got := r.Closed(); !slices.Equal(got, []string{s.path("1")}) {
		t.Errorf("closed is %q", got)
	}
	if n, err := r.Occupants(s.docroot(), s.path("1")); n != 0 || err != nil {
		t.Errorf("%d inside, %v: a refused request is counted", n, err)
	}
	// An operator's command and warm-up enter it, and open it for nobody else.
	warm, err := r.EnterRelease(s.docroot(), s.path("1"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := enterBy(r, s, "1"); !errors.Is(err, ErrClosed) {
		t.Errorf("beside a warm-up: %v", err)
	}
	warm.Withdraw()

	// The process that takes over keeps it closed.
	next := NewResolver(Options{})
	for _, state := range r.State() {
		next.Restore(state)
	}
	if _, err := enterBy(next, s, "1"); !errors.Is(err, ErrClosed) {
		t.Errorf("after a handover: %v", err)
	}

	s.flip("releases/1")
	v, err = enterBy(next, s, "1") // the link is looked at before it is refused
	if err != nil {
		t.Fatalf("live again: %v", err)
	}
	v.Leave(time.Now(), false)
	s.flip("releases/2")
	enter(t, next, s.docroot()).Leave(time.Now(), false)
	if v, err = enterBy(next, s, "1"); err != nil {
		t.Errorf("it was live since: %v", err)
	} else {
		v.Leave(time.Now(), false)
	}
}

// Nobody has seen it here: it is closed all the same.
func TestAReleaseThatIsNotRememberedIsClosedAsWell(t *testing.T) {
	s := newShop(t)
	r := NewResolver(Options{})
	r.Close(s.path("2"))
	if _, err := enterBy(r, s, "2"); !errors.Is(err, ErrClosed) {
		t.Errorf("got %v", err)
	}
	if n, err := r.Occupants(s.docroot(), s.path("2")); n != 0 || err != nil {
		t.Errorf("%d inside, %v", n, err)
	}
}

func TestClosedReleasesAreBounded(t *testing.T) {
	r := NewResolver(Options{})
	for i := range maxClosed + 10 {
		r.Close(fmt.Sprint("/", i))
	}
	if got := r.Closed(); len(got) != maxClosed || got[0] != "/10" {
		t.Errorf("%d are closed, the first is %s", len(got), got[0])
	}
}

func TestAReleaseThatIsRemovedOrMadeAgainWhileSomebodyIsInsideIsNoticedOnce(t *testing.T) {
	for _, again := range []bool{false, true} {
		s := newShop(t)
		r := NewResolver(Options{})
		inside := enter(t, r, s.docroot())
		s.flip("releases/2")
		enter(t, r, s.docroot()).Leave(time.Now(), false)
		if lost := r.Lost(nil); len(lost) > 0 {
			t.Fatalf("lost before anything was removed: %+v", lost)
		}
		if err := os.RemoveAll(s.path("1")); err != nil {
			t.Fatal(err)
		}
		if again {
			mkdirs(t, s.path("1")+"/public")
		}
		lost := r.Lost(nil)
		if len(lost) != 1 || lost[0].Path != s.path("1") || lost[0].Inside != 1 || lost[0].Again != again {
			t.Errorf("again %v: got %+v", again, lost)
		}
		if lost := r.Lost(nil); len(lost) > 0 {
			t.Errorf("again %v: told twice: %+v", again, lost)
		}
		if v, err := enterBy(r, s, "1"); (err == nil) != again || err == nil && v.Release == inside.Release {
			t.Errorf("again %v: it is entered still: %v", again, err)
		} else if err == nil {
			v.Withdraw()
		}
		inside.Leave(time.Now(), false)
		for _, state := range r.Releases(s.docroot()) {
			if state.Gone != (state.Identity == inside.id) {
				t.Errorf("again %v: %+v", again, state)
			}
		}
	}
}

// The directory that has the name of the live release is another release.
func TestALiveReleaseThatIsMadeAgainIsAnotherOne(t *testing.T) {
	s := newShop(t)
	r := NewResolver(Options{})
	inside := enter(t, r, s.docroot())
	if err := os.RemoveAll(s.path("1")); err != nil {
		t.Fatal(err)
	}
	mkdirs(t, s.path("1")+"/public")
	if lost := r.Lost([]string{s.docroot()}); len(lost) != 1 || !lost[0].Again {
		t.Errorf("got %+v", lost)
	}
	var fresh Visit
	for deadline := time.Now().Add(5 * checkEvery); ; time.Sleep(10 * time.Millisecond) {
		fresh = enter(t, r, s.docroot())
		if fresh.Release != inside.Release {
			break
		}
		fresh.Withdraw()
		if time.Now().After(deadline) {
			t.Fatal("requests enter the directory that is gone")
		}
	}
	if fresh.Gone() || !inside.Gone() {
		t.Error("which of the two is gone?")
	}
	if n := fresh.Inside(); n != 1 {
		t.Errorf("%d are inside the new one", n)
	}
}
