package gateway

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"realdocd/deploy"
	"realdocd/test/stack"
)

// However its path is written, a release that was drained stays closed, over a reload
// too, until it is live again: what a web server sends there runs on the live one.
func TestADrainedReleaseIsEnteredByNoPathUntilItIsLive(t *testing.T) {
	b := newBench(t).start()
	b.served(b.connect(), "", b.params()...)
	b.flip("2")
	b.served(b.connect(), "", b.params()...)
	resolved := stack.ParamsFor(b.release("shop", "1")+"/public", "GET", "/index.php")
	want := func(n string) {
		t.Helper()
		q := b.served(b.connect(), "", resolved...)
		if got, _ := q.Value("SCRIPT_FILENAME"); got != b.release("shop", n)+"/public/index.php" {
			t.Errorf("it ran %s, want release %s", got, n)
		}
	}
	want("1")
	if _, err := b.drainShop(t.Context(), "1"); err != nil {
		t.Fatal(err)
	}
	want("2")
	b.reload(func(c *Config) { c.Sites[0].ReleaseHeader = "X-Release" })
	want("2")
	b.flip("1")
	want("1")
	b.flip("2")
	b.served(b.connect(), "", b.params()...)
	want("1")
}

// rm -r may come after a restart.
func TestADrainedReleaseStaysClosedOverARestart(t *testing.T) {
	b := newBench(t)
	b.cfg.StateDir = b.dir + "/state"
	b.start()
	b.served(b.connect(), "", b.params()...)
	b.flip("2")
	b.served(b.connect(), "", b.params()...)
	if _, err := b.drainShop(t.Context(), "1"); err != nil {
		t.Fatal(err)
	}
	next := b.newServer()
	st := next.setup.Load().sites.named("shop")
	if _, err := st.releases.EnterNamed(b.docroot("shop"), b.release("shop", "1"), time.Now()); !errors.Is(err, deploy.ErrClosed) {
		t.Errorf("it is entered: %v", err)
	}
}

// A docroot of a pattern may lead there that no request has shown yet.
func TestADrainKnowsEveryDocrootOnDiskThatIsLiveThere(t *testing.T) {
	b := newBench(t)
	b.cfg.Sites = append(b.cfg.Sites, SiteConfig{Name: "many", Docroot: filepath.Join(b.dir, "many", "*", "current", "public"), Pool: "www"})
	b.must(os.MkdirAll(b.dir+"/many/a", 0o755))
	b.must(os.Symlink(b.release("shop", "1"), b.dir+"/many/a/current"))
	b.start()
	b.served(b.connect(), "", b.params()...)
	b.flip("2")
	if _, err := b.drainShop(t.Context(), "1"); !errors.Is(err, deploy.ErrLive) {
		t.Errorf("drain: %v", err)
	}
	b.must(os.Remove(b.dir + "/many/a/current"))
	if _, err := b.drainShop(t.Context(), "1"); err != nil {
		t.Errorf("drain: %v", err)
	}
}

func TestAReleaseThatIsRemovedWhileARequestIsInsideIsToldOfOnce(t *testing.T) {
	b := newBench(t).start()
	c, q := b.running(b.params()...)
	b.flip("2")
	b.served(b.connect(), "", b.params()...)
	b.must(os.RemoveAll(b.release("shop", "1")))
	event := b.logged("release was removed while it was in use: next time, realdocd drain shop 1 first")
	if event.String("inside") != "1" || event.String("release") != b.release("shop", "1") || event.String("level") != "error" {
		t.Errorf("the log has %v", event)
	}
	if r := b.shop()[0]; r.Name != "1" || !r.Gone || r.Running != 1 {
		t.Errorf("release 1 is %+v", r)
	}
	q.Answer(page)
	b.wantPage(c)
	for metric, want := range map[string]uint64{"releases": 1, "requests": 1} {
		sm := b.server.setup.Load().sites.named("shop").metrics
		got := sm.lost.Load()
		if metric == "requests" {
			got = sm.lostRequests.Load()
		}
		if got != want {
			t.Errorf("%d %s are counted", got, metric)
		}
	}
}

func TestALinkThatPointsNowhereIsNotSaidToServeAReleaseThatIsGone(t *testing.T) {
	b := newBench(t).start()
	b.served(b.connect(), "", b.params()...)
	b.must(os.RemoveAll(b.release("shop", "1")))
	const told = "and the last good release is gone"
	for deadline := time.Now().Add(patience); ; { // a look may do with the link's text for a while
		b.served(b.connect(), "", b.params()...)
		if lines, _ := b.log.now(); strings.Contains(strings.Join(lines, ""), told) {
			return
		}
		if time.Now().After(deadline) {
			b.logged(told)
		}
	}
}

// The flips of a pattern's docroots are told of though nobody asks for a page.
func TestAFlipOfADocrootOfAPatternIsSeenWithoutARequest(t *testing.T) {
	b := newBench(t)
	b.cfg.Sites = []SiteConfig{{Name: "all", Docroot: b.docroot("*"), Pool: "www"}}
	b.cfg.StateDir = b.dir + "/state"
	b.start()
	b.logged(`shop/releases/1","message":"release is live"`)
	b.flip("2")
	b.logged(`shop/releases/2","message":"release is live"`)
	d, err := b.server.Site("all", b.docroot("shop"))
	b.must(err)
	if n := len(d.History); n != 2 || d.History[0].Release != b.release("shop", "1") {
		t.Errorf("the history is %+v", d.History)
	}
}

// Of very many docroots, some have their turn each time, and all of them in the end.
func TestDocrootsOfAPatternTakeTurns(t *testing.T) {
	b := newBench(t)
	st := &site{SiteConfig: SiteConfig{Name: "all", Docroot: b.dir + "/many/*"}, releases: deploy.NewResolver(deploy.Options{})}
	for _, name := range []string{"a", "b", "c", "d", "e"} {
		b.must(os.MkdirAll(b.dir+"/many/"+name, 0o755))
	}
	turn := &turn{st: st}
	seen := map[string]int{}
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); {
		next := turn.next(2)
		if len(next) > 2 {
			t.Fatalf("%d at once", len(next))
		}
		for _, docroot := range next {
			st.releases.Look(docroot)
			seen[docroot]++
		}
		if len(seen) == 5 {
			return
		}
	}
	t.Errorf("seen are %v", seen)
}
