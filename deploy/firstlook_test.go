package deploy

import (
	"errors"
	"os"
	"strings"
	"testing"
	"time"
)

// A tool that does rm and then ln leaves the link out for a moment.
func TestTheFirstRequestWaitsForALinkThatIsMadeAnew(t *testing.T) {
	s := newShop(t)
	for name, missing := range map[string]func() error{
		"the link": func() error { return os.Remove(s.root + "/current") },
		"what it leads to": func() error {
			return errors.Join(os.Remove(s.root+"/current"), os.Symlink("releases/later", s.root+"/current"))
		},
	} {
		t.Run(name, func(t *testing.T) {
			if err := missing(); err != nil {
				t.Fatal(err)
			}
			r := NewResolver(Options{})
			visits := make(chan Visit)
			go func() {
				v, err := r.Enter(s.docroot(), time.Now())
				if err != nil {
					t.Error(err)
				}
				visits <- v
			}()
			for waitForMissing.Load() == 0 {
				time.Sleep(time.Millisecond)
			}
			s.flip("releases/2")
			wantRelease(t, <-visits, s.path("2"))
		})
	}
}

func TestOnlyTheFirstRequestWaitsForALink(t *testing.T) {
	s := newShop(t)
	r := NewResolver(Options{})
	enter(t, r, s.docroot()).Leave(time.Now(), false)
	if err := os.Remove(s.root + "/current"); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	for range 20 {
		wantRelease(t, enter(t, r, s.docroot()), s.path("1"))
	}
	if took := time.Since(began); took > missingFor/2 {
		t.Errorf("20 requests took %v", took)
	}
}

func TestWhatWasLiveServesWhereTheLinkIsMissingAtTheStart(t *testing.T) {
	s := newShop(t)
	asked := ""
	r := NewResolver(Options{WasLive: func(link string) (string, bool) {
		asked = link
		return s.path("2"), true
	}})
	if err := os.Remove(s.root + "/current"); err != nil {
		t.Fatal(err)
	}
	v := enter(t, r, s.docroot())
	wantRelease(t, v, s.path("2"))
	if asked != s.root+"/current" || v.Stale == nil || v.Name != "2" || v.Docroot != s.path("2")+"/public" {
		t.Errorf("asked about %q, stale %v, %s, %s", asked, v.Stale, v.Name, v.Docroot)
	}
	if got := v.Spellings()[0]; got != (Spelling{s.root + "/current", s.path("2")}) {
		t.Errorf("spelled %v", got)
	}
	s.flip("releases/1")
	wantRelease(t, enter(t, r, s.docroot()), s.path("1"))

	for name, was := range map[string]string{"what has gone": s.path("3"), "what has no docroot": s.root} {
		r := NewResolver(Options{WasLive: func(string) (string, bool) { return was, true }})
		if err := os.Remove(s.root + "/current"); err != nil {
			t.Fatal(err)
		}
		if _, err := r.Enter(s.docroot(), time.Now()); err == nil || !strings.Contains(err.Error(), s.root+"/current") {
			t.Errorf("%s: error %v", name, err)
		}
		s.flip("releases/1")
	}
}

func TestADocrootThatCannotFlipSaysSo(t *testing.T) {
	s := newShop(t)
	if v := enter(t, NewResolver(Options{}), s.docroot()); v.Fault() != "" {
		t.Errorf("a link has the fault %s", v.Fault())
	}
	if v := enter(t, NewResolver(Options{}), s.path("1")+"/public"); !strings.Contains(v.Fault(), "no symlink on its path") {
		t.Errorf("a plain docroot has the fault %q", v.Fault())
	}
	if err := os.Symlink("releases/1", s.root+"/A"); err != nil {
		t.Fatal(err)
	}
	s.flip("A")
	if v := enter(t, NewResolver(Options{}), s.docroot()); !strings.Contains(v.Fault(), "link_after") {
		t.Errorf("a chain has the fault %q", v.Fault())
	}
}

func TestEnterNamedEntersTheReleaseThatIsNamed(t *testing.T) {
	s := newShop(t)
	r := NewResolver(Options{})
	for _, name := range []string{"2", "1", "2"} {
		v, err := r.EnterNamed(s.docroot(), s.path(name), time.Now())
		if err != nil {
			t.Fatal(err)
		}
		wantRelease(t, v, s.path(name))
		if got := v.Spellings()[0]; got != (Spelling{s.root + "/current", s.path(name)}) || v.Inside() == 0 {
			t.Errorf("spelled %v, %d inside", got, v.Inside())
		}
	}
	if _, err := r.EnterNamed(s.docroot(), s.path("3"), time.Now()); err == nil {
		t.Error("a release that is not there was entered")
	}
	wantRelease(t, enter(t, r, s.docroot()), s.path("1"))
}
