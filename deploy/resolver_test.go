package deploy

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"realdocd/test/stack"
)

// shop is a site on disk with releases 1 and 2, of which 1 is live.
type shop struct {
	t    testing.TB
	root string
}

func newShop(t testing.TB) shop {
	t.Helper()
	root, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	s := shop{t, root}
	s.release("1")
	s.release("2")
	s.flip("releases/1")
	return s
}

func (s shop) docroot() string            { return s.root + "/current/public" }
func (s shop) path(release string) string { return s.root + "/releases/" + release }

func (s shop) release(name string) {
	s.t.Helper()
	if err := os.MkdirAll(s.path(name)+"/public", 0o755); err != nil {
		s.t.Fatal(err)
	}
}

// flip points current to target in one rename, as deploy tools do.
func (s shop) flip(target string) {
	s.t.Helper()
	next := s.root + "/next"
	if err := os.Symlink(target, next); err != nil {
		s.t.Fatal(err)
	}
	if err := os.Rename(next, s.root+"/current"); err != nil {
		s.t.Fatal(err)
	}
}

func enter(t testing.TB, r *Resolver, docroot string) Visit {
	t.Helper()
	v, err := r.Enter(docroot, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func wantRelease(t testing.TB, v Visit, path string) {
	t.Helper()
	if v.Path != path {
		t.Errorf("release is %s, want %s", v.Path, path)
	}
}

func TestAFlipIsSeenByTheNextRequest(t *testing.T) {
	s := newShop(t)
	r := NewResolver(Options{})
	for i := range 200 {
		name := fmt.Sprint(i%2 + 1)
		s.flip("releases/" + name)
		v := enter(t, r, s.docroot())
		wantRelease(t, v, s.path(name))
		if v.Name != name || v.Docroot != s.path(name)+"/public" || v.Link != s.root+"/current" {
			t.Fatalf("%+v", v.Release)
		}
		v.Leave(time.Now(), false)
	}
}

func TestAFlipIsSeenWithinEvery(t *testing.T) {
	s := newShop(t)
	r := NewResolver(Options{Every: 2 * time.Second})
	began := time.Now()
	look := func(after time.Duration) string {
		v, err := r.Enter(s.docroot(), began.Add(after))
		if err != nil {
			t.Fatal(err)
		}
		defer v.Leave(time.Now(), false)
		return v.Name
	}
	look(0)
	s.flip("releases/2")
	if got := look(1999 * time.Millisecond); got != "1" {
		t.Errorf("looked again after less than Every: release %s", got)
	}
	if got := look(2 * time.Second); got != "2" {
		t.Errorf("release %s after Every", got)
	}
}

// What lies behind the link may be pointed elsewhere, and PHP would not notice.
func TestReadlinkFollowsOneLinkUnlessAnotherOneIsBehindIt(t *testing.T) {
	s := newShop(t)
	alias := t.TempDir() + "/www"
	for link, text := range map[string]string{s.root + "/A": "releases/1", alias: s.root} {
		if err := os.Symlink(text, link); err != nil {
			t.Fatal(err)
		}
	}
	for _, tt := range []struct {
		text string
		mode Mode
		want string
	}{
		{alias + "/releases/1", Readlink, alias + "/releases/1"},
		{alias + "/releases/1", Realpath, s.path("1")},
		{"A", Readlink, s.path("1")},
		{"A", Realpath, s.path("1")},
	} {
		s.flip(tt.text)
		t.Run(tt.mode.String()+" "+tt.text, func(t *testing.T) {
			v := enter(t, NewResolver(Options{Mode: tt.mode}), s.docroot())
			wantRelease(t, v, tt.want)
			if v.Docroot != tt.want+"/public" {
				t.Errorf("resolved docroot is %s", v.Docroot)
			}
		})
	}
}

func TestALinkBehindTheLinkIsSeenToo(t *testing.T) {
	s := newShop(t)
	if err := os.Symlink("releases/1", s.root+"/A"); err != nil {
		t.Fatal(err)
	}
	s.flip("A")
	r := NewResolver(Options{})
	wantRelease(t, enter(t, r, s.docroot()), s.path("1"))
	if err := errors.Join(os.Symlink("releases/2", s.root+"/next"), os.Rename(s.root+"/next", s.root+"/A")); err != nil {
		t.Fatal(err)
	}
	wantRelease(t, enter(t, r, s.docroot()), s.path("2"))
}

func TestADocrootWithoutALinkIsItsOwnRelease(t *testing.T) {
	s := newShop(t)
	docroot := s.path("1") + "/public"
	v := enter(t, NewResolver(Options{}), docroot)
	wantRelease(t, v, docroot)
}

func TestTheLastGoodReleaseGoesOnServing(t *testing.T) {
	s := newShop(t)
	r := NewResolver(Options{})
	enter(t, r, s.docroot()).Leave(time.Now(), false)
	for _, target := range []string{"releases/missing", "current"} {
		s.flip(target)
		v := enter(t, r, s.docroot())
		wantRelease(t, v, s.path("1"))
		if v.Stale == nil || !strings.Contains(v.Stale.Error(), s.root) {
			t.Errorf("link to %s: stale because of %v", target, v.Stale)
		}
	}
	s.flip("releases/2")
	v := enter(t, r, s.docroot())
	wantRelease(t, v, s.path("2"))
	if v.Stale != nil || v.Flip == nil {
		t.Errorf("stale %v, flipped %v", v.Stale, v.Flip)
	}
}

func TestADocrootThatNeverResolvedIsAnErrorAndNotRemembered(t *testing.T) {
	s := newShop(t)
	r := NewResolver(Options{})
	_, err := r.Enter(s.root+"/other/public", time.Now())
	if err == nil || !strings.Contains(err.Error(), s.root+"/other") {
		t.Errorf("error %v", err)
	}
	if len(r.docroots) != 0 {
		t.Errorf("%d docroots are remembered", len(r.docroots))
	}
}

func TestDocrootsAreForgottenTheOldestFirstAndNoneWithSomebodyInside(t *testing.T) {
	s := newShop(t)
	for _, name := range []string{"a", "b", "c"} {
		if err := os.MkdirAll(filepath.Join(s.root, name), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	r := NewResolver(Options{maxDocroots: 2})
	now := time.Now()
	at := func(name string, after int) Visit {
		v, err := r.Enter(s.root+"/"+name, now.Add(time.Duration(after)*time.Second))
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	at("a", 0)
	at("b", 1).Leave(time.Now(), false)
	at("c", 2).Leave(time.Now(), false)
	if r.docroots[s.root+"/a"] == nil || r.docroots[s.root+"/b"] != nil {
		t.Errorf("remembered: %v", r.docroots)
	}
}

func TestEveryVisitIsCounted(t *testing.T) {
	s := newShop(t)
	r := NewResolver(Options{})
	var wg sync.WaitGroup
	visits := make(chan Visit, 800)
	for range 8 {
		wg.Go(func() {
			for range 100 {
				v, err := r.Enter(s.docroot(), time.Now())
				if err != nil {
					t.Error(err)
					return
				}
				visits <- v
			}
		})
	}
	wg.Wait()
	close(visits)
	var live *Release
	for v := range visits {
		if live == nil {
			live = v.Release
			if n := live.Inside(); n != 800 {
				t.Errorf("%d inside, want 800", n)
			}
		}
		v.Leave(time.Now(), false)
	}
	if live.Inside() != 0 || live.Total() != 800 {
		t.Errorf("%d inside, %d in all", live.Inside(), live.Total())
	}
}

func TestALookAllocatesNothing(t *testing.T) {
	s := newShop(t)
	r := NewResolver(Options{})
	docroot := s.docroot()
	enter(t, r, docroot).Leave(time.Now(), false)
	if !r.docroots[docroot].local {
		stack.Unproven(t, "the directory for tests is not on a local file system")
	}
	allocs := testing.AllocsPerRun(100, func() {
		v, err := r.Enter(docroot, time.Now())
		if err != nil {
			t.Fatal(err)
		}
		v.Leave(time.Now(), false)
	})
	// One is the path that the system call wants with a NUL behind it.
	if allocs > 1 {
		t.Errorf("%v allocations", allocs)
	}
}

func TestAPathIsWalkedOnceAMinuteWhileNothingChanges(t *testing.T) {
	s := newShop(t)
	walks := 0
	r := NewResolver(Options{inspect: func(docroot string, opts Options) (Resolved, error) {
		walks++
		return Inspect(docroot, opts)
	}})
	now := time.Now()
	at := func(after time.Duration) Visit {
		t.Helper()
		v, err := r.Enter(s.docroot(), now.Add(after))
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	for i := range 20 {
		at(time.Duration(i) * 2 * checkEvery)
	}
	if walks != 1 {
		t.Errorf("walked %d times in %v", walks, 40*checkEvery)
	}
	if at(walkEvery + checkEvery); walks != 2 {
		t.Errorf("walked %d times in %v, want 2", walks, walkEvery+checkEvery)
	}
	// The link's text stays, and what it leads to does not.
	if err := os.RemoveAll(s.path("1")); err != nil {
		t.Fatal(err)
	}
	if v := at(walkEvery + 3*checkEvery); v.Stale == nil {
		t.Error("a release that has gone was not noticed")
	}
	s.release("1")
	if err := os.Mkdir(s.path("1")+"/public.new", 0o755); err != nil {
		t.Fatal(err)
	}
	at(walkEvery + 5*checkEvery)
	before := walks
	if err := os.Rename(s.path("1")+"/public", s.path("1")+"/public.old"); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(s.path("1")+"/public.new", s.path("1")+"/public"); err != nil {
		t.Fatal(err)
	}
	if v := at(walkEvery + 7*checkEvery); v.Stale != nil || walks != before+1 {
		t.Errorf("walked %d times for a directory that was replaced, stale: %v", walks-before, v.Stale)
	}
}

func TestAnotherModeIsTakenByTheNextLook(t *testing.T) {
	s := newShop(t)
	alias := t.TempDir() + "/www"
	if err := os.Symlink(s.root, alias); err != nil {
		t.Fatal(err)
	}
	s.flip(alias + "/releases/1")
	r := NewResolver(Options{Mode: Readlink})
	wantRelease(t, enter(t, r, s.docroot()), alias+"/releases/1")
	r.Configure(Options{Mode: Realpath})
	wantRelease(t, enter(t, r, s.docroot()), s.path("1"))
	r.Configure(Options{Mode: Readlink})
	wantRelease(t, enter(t, r, s.docroot()), alias+"/releases/1")
}

func TestManyMoreDocrootsThanAreRememberedAreServed(t *testing.T) {
	s := newShop(t)
	const kept = 3 * evictAmong
	r := NewResolver(Options{maxDocroots: kept})
	now := time.Now()
	for round := range 2 {
		for i := range 2 * kept {
			dir := fmt.Sprintf("%s/%d", s.root, i)
			if err := os.MkdirAll(dir, 0o755); err != nil {
				t.Fatal(err)
			}
			v, err := r.Enter(dir, now.Add(time.Duration(round*2*kept+i)*time.Millisecond))
			if err != nil {
				t.Fatal(err)
			}
			v.Leave(now, false)
		}
	}
	if n := len(r.docroots); n != kept {
		t.Errorf("%d docroots are remembered, want %d", n, kept)
	}
}

func TestAFlipIsToldThoughAnotherReleaseIsEnteredFirst(t *testing.T) {
	s := newShop(t)
	r := NewResolver(Options{})
	enter(t, r, s.docroot()).Leave(time.Now(), false)
	s.flip("releases/2")
	v, err := r.EnterRelease(s.docroot(), s.path("1"))
	if err != nil {
		t.Fatal(err)
	}
	v.Withdraw()
	if f, err := r.Look(s.docroot()); err != nil || f == nil || f.Live.Path != s.path("2") {
		t.Errorf("the next look tells of %+v, %v", f, err)
	}
}
