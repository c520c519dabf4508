package pins

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"realdocd/test/browser"
	"realdocd/test/stack"
)

// sample is a sample of the manual.
func sample(t *testing.T, language string) string {
	t.Helper()
	text, err := os.ReadFile(stack.InModule(t, "etc/man/realdocd-pins.7"))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, has := strings.Cut(string(text), `.\" sample in `+language+", run by test/pins\n")
	code, _, ends := strings.Cut(rest, `.\" end of the sample in `+language+"\n")
	if !has || !ends {
		t.Fatalf("the manual has no sample in %s", language)
	}
	return code
}

// withAskingPages adds two pages to each release: one has its pin as the samples of the manual put it there,
// and the other counts on the cookie alone.
func (s *shop) withAskingPages(t *testing.T) *shop {
	t.Helper()
	asking, err := embedded.ReadFile("pages/asking.html")
	if err != nil {
		t.Fatal(err)
	}
	const head = "<!DOCTYPE html><meta charset=utf-8><title><?= $_SERVER['REALDOC_RELEASE'] ?></title><body>\n"
	for name, text := range map[string]string{
		"carries.php": head + sample(t, "PHP") + "</form><script>\n" + sample(t, "JavaScript") + "</script>\n",
		"cookie.php":  head + `<img src="/image.php?x"><form method="post" action="/form.php"></form>` + "\n",
	} {
		for _, n := range s.site.Releases {
			file := filepath.Join(s.site.Release(n), "public", name)
			if err := os.WriteFile(file, append([]byte(text), asking...), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	return s
}

// seen is what a page has counted: by the way in which it asked, the releases of the answers.
type seen map[string]map[string]int

// of counts the answers of a release, and all others.
func (s seen) of(release string) (its, others int) {
	for _, releases := range s {
		for got, n := range releases {
			if got == release {
				its += n
			} else {
				others += n
			}
		}
	}
	return its, others
}

// A page is a tab with a page that goes on asking.
type page struct {
	*browser.Tab
	release string
}

func (s *shop) open(b *browser.Browser, path string) *page {
	p := &page{Tab: b.Open(s.web.URL(0, path))}
	p.Eval("release", &p.release)
	return p
}

func (p *page) seen() (s seen) {
	p.Eval("seen", &s)
	return s
}

// asks waits until the page has got so many more answers in each way.
func (p *page) asks(t *testing.T, n int) {
	t.Helper()
	before := p.seen()
	stack.Until(t, "the page goes on asking in each way", func() bool {
		now := p.seen()
		for _, way := range []string{"fetch", "image", "form"} {
			sum := 0
			for got, k := range now[way] {
				sum += k - before[way][got]
			}
			if sum < n {
				return false
			}
		}
		return true
	})
}

// flip flips so often, and lets the pages ask in between.
func (s *shop) flip(t *testing.T, n int, pages ...*page) {
	t.Helper()
	for i := range n {
		s.Flip(s.site, s.site.Releases[(i+1)%2])
		for _, p := range pages {
			p.asks(t, 1)
		}
	}
}

// A page that goes on asking every 50 ms, by fetch, by images and by a form, gets all answers from its own
// release; without pins, many are of another.
func TestBrowser_APageKeepsItsRelease(t *testing.T) {
	for _, row := range []struct{ pin, page string }{{"page", "/cookie.php"}, {"page", "/carries.php"}, {"visit", "/cookie.php"}, {"off", "/cookie.php"}} {
		t.Run(row.pin+row.page, func(t *testing.T) {
			flips := number(t, "FLIPS", 20)
			s := openShop(t, stack.Keys{"pin": row.pin}, stack.NginxConfig{}).withAskingPages(t)
			p := s.open(browser.Start(t), row.page)
			if p.release != "1" {
				t.Fatalf("the page is of release %s", p.release)
			}
			began := time.Now()
			s.flip(t, flips, p)
			its, others := p.seen().of(p.release)
			t.Logf("%d flips in %v: %d answers of the page's release, %d of others: %v", flips, time.Since(began).Round(time.Second), its, others, p.seen())
			if row.pin != "off" && others > 0 {
				t.Error("not all answers are of the page's release")
			}
			if row.pin == "off" && others == 0 {
				t.Error("without pins all answers are of the page's release: this test proves nothing")
			}
		})
	}
}

// Two tabs on two releases each stay on their own if the pages carry their pins. The cookie alone, which they
// share, does not do that.
func TestBrowser_TwoTabsStayOnTheirReleases(t *testing.T) {
	for _, path := range []string{"/carries.php", "/cookie.php"} {
		t.Run(path, func(t *testing.T) {
			s := openShop(t, nil, stack.NginxConfig{}).withAskingPages(t)
			b := browser.Start(t)
			old := s.open(b, path)
			s.Flip(s.site, 2)
			now := s.open(b, path)
			if old.release != "1" || now.release != "2" {
				t.Fatalf("the tabs are on releases %s and %s", old.release, now.release)
			}
			s.flip(t, number(t, "FLIPS", 20)/2, old, now)
			foreign := 0
			for _, p := range []*page{old, now} {
				its, others := p.seen().of(p.release)
				t.Logf("the tab on release %s: %d answers of its release, %d of others", p.release, its, others)
				foreign += others
			}
			if path == "/carries.php" && foreign > 0 {
				t.Error("not all answers are of the tab's release")
			}
			if path == "/cookie.php" && foreign == 0 {
				t.Error("with the cookie alone they are: the manual says otherwise")
			}
			// A tab that is loaded again is on the live release.
			s.Flip(s.site, 1)
			now.Load(s.web.URL(0, path))
			if now.Eval("release", &now.release); now.release != "1" {
				t.Errorf("the page that is loaded again is of release %s", now.release)
			}
		})
	}
}

func (s seen) String() string {
	var ways []string
	for _, way := range slices.Sorted(maps.Keys(s)) {
		ways = append(ways, fmt.Sprintf("%s %v", way, s[way]))
	}
	return strings.Join(ways, ", ")
}
