package pins

import (
	"encoding/base64"
	"maps"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"realdocd/test/stack"
)

// An attack is a pin, or several, that a client sends while release 2 is live.
type attack struct {
	name    string
	cookies []string // the cookies of the name, the first pin of which is also sent by header and by query
	release string   // that answers
	counted string   // as, in realdocd_pins_total
	does    string   // what happens, for the manual
}

// Whatever is sent as a pin, the answer is one of the live release, or of the release that the pin names
// because it is a good one. Never is it an error.
func TestAttacks(t *testing.T) {
	s := openAttacked(t)
	good, other := s.pins(t)
	body, err := base64.RawURLEncoding.DecodeString(good[:64])
	if err != nil {
		t.Fatal(err)
	}
	changed := func(at int, to byte) string {
		forged := append([]byte{}, body...)
		forged[at] ^= to
		return base64.RawURLEncoding.EncodeToString(forged) + good[64:]
	}
	attacks := []attack{
		{"a signature that is wrong", []string{changed(40, 1)}, "2", "forged", live},
		{"the name of another release behind a good signature", []string{good[:65] + "2"}, "2", "forged", live},
		{"the path of another release", []string{changed(15, 1)}, "2", "forged", live},
		{"a later time", []string{changed(24, 1)}, "2", "forged", live},
		{"a kind that leads navigations, too", []string{changed(1, 3)}, "2", "forged", live},
		{"a key that nobody has", []string{changed(2, 0xff)}, "2", "unknown_key", live},
		{"a name alone, unsigned", []string{"1"}, "2", "malformed", live},
		{"64 letters and a name", []string{strings.Repeat("A", 64) + ".1"}, "2", "malformed", live},
		{"a path for a name", []string{good[:65] + "../../etc"}, "2", "malformed", live},
		{"the pin of another site", []string{other}, "2", "other_site", live},
		{"truncated", []string{good[:50]}, "2", "malformed", live},
		{"empty", []string{""}, "2", "", live},
		{"8 KiB", []string{strings.Repeat("A", 7<<10)}, "2", "too_long", live + "; nothing is verified"},
		{"ten cookies of the name, none of them good", repeat("x", 10), "2", "malformed", "four are looked at; " + live},
		{"a good one behind three that are not", append(repeat("x", 3), good), "1", "followed", "the good one is followed"},
		{"a good one behind nine that are not", append(repeat("x", 9), good), "2", "malformed", "four are looked at, and the good one is not found: " + live},
		{"replayed, by somebody else", []string{good}, "1", "followed", "it is followed: a pin is nobody's, and names a release that everybody saw"},
	}
	var rows []attack
	for _, a := range attacks {
		t.Run(a.name, func(t *testing.T) { s.try(t, a) })
		rows = append(rows, a)
	}
	for _, a := range laterAttacks {
		t.Run(a.name, func(t *testing.T) {
			s := openAttacked(t)
			good, _ := s.pins(t)
			a.before(t, s)
			a.cookies = []string{good}
			s.try(t, a.attack)
		})
		rows = append(rows, a.attack)
	}
	t.Run(filling.name, fillUnderAttack)
	compare(t, append(rows, filling))
}

const live = "the live release answers, and a page gets a new pin"

// laterAttacks use a pin that was good, after something has happened.
var laterAttacks = []struct {
	attack
	before func(*testing.T, *attacked)
}{
	{attack{name: "after its time", release: "2", counted: "expired", does: live}, func(t *testing.T, s *attacked) {
		issued := time.Now() // or before
		s.reconfigure(t, stack.Keys{"pin_max_age": "1s"})
		stack.Until(t, "a second is over", func() bool { return time.Since(issued) > time.Second })
	}},
	{attack{name: "to a release that was removed", release: "2", counted: "gone", does: live}, func(t *testing.T, s *attacked) {
		must(t, os.RemoveAll(s.site.Release(1)))
	}},
	{attack{name: "to a release that was removed and made again", release: "2", counted: "gone", does: live + ": it is another directory"}, func(t *testing.T, s *attacked) {
		must(t, os.Rename(s.site.Release(1), s.site.Release(1)+".old"))
		must(t, os.CopyFS(s.site.Release(1), os.DirFS(s.site.Release(1)+".old")))
	}},
	{attack{name: "to a release that was drained", release: "2", counted: "ended", does: live}, func(t *testing.T, s *attacked) {
		s.Command(s.gw, 0, "drain", "shop", "1")
	}},
	{attack{name: "to a release that was drained, and has been live since", release: "2", counted: "ended", does: "only new pins lead there: " + live}, func(t *testing.T, s *attacked) {
		s.Command(s.gw, 0, "drain", "shop", "1")
		for _, n := range []int{1, 2} {
			s.Flip(s.site, n)
			s.says(t, "")
		}
	}},
	{attack{name: "signed by a key that was taken away", release: "2", counted: "unknown_key", does: live}, func(t *testing.T, s *attacked) {
		must(t, os.Remove(filepath.Join(filepath.Dir(s.gw.Config), "state/pin.key")))
		s.Reload(s.gw, s.config)
	}},
}

// attacked is a shop on release 2, with a pin to release 1, and another site beside it.
type attacked struct {
	*shop
	good, other string
}

func openAttacked(t *testing.T) *attacked {
	t.Helper()
	s := &attacked{shop: openShop(t, nil, stack.NginxConfig{})}
	blog := s.Site(stack.SiteConfig{Name: "blog", Pages: pages()})
	s.config.Sites["blog"] = stack.Keys{"docroot": blog.DocRoot(), "pin": "page"}
	s.Reload(s.gw, s.config)
	beside := s.Nginx(stack.NginxConfig{Servers: []stack.NginxServer{{Root: blog.DocRoot(), Backend: s.gw.Addr}}})
	_, s.good = s.page(t, "")
	s.other = ask(t, http.MethodGet, beside.URL(0, "/page.php"), toPage).cookie()
	s.Flip(s.site, 2)
	s.says(t, "")
	return s
}

func (s *attacked) pins(t *testing.T) (good, other string) {
	t.Helper()
	if s.good == "" || s.other == "" {
		t.Fatalf("the pins are %q and %q", s.good, s.other)
	}
	return s.good, s.other
}

// reconfigure changes the site.
func (s *attacked) reconfigure(t *testing.T, keys stack.Keys) {
	t.Helper()
	maps.Copy(s.config.Sites["shop"], keys)
	s.Reload(s.gw, s.config)
}

// try sends an attack in each way: no answer is an error, and each is of the release that is meant.
func (s *attacked) try(t *testing.T, a attack) {
	t.Helper()
	counted := func() (n float64) {
		if a.counted != "" {
			n, _ = s.gw.Metric("realdocd_pins_total", "result", a.counted) // none is there before the first
		}
		return n
	}
	before := counted()
	var cookies []string
	for _, pin := range a.cookies {
		cookies = append(cookies, "release="+pin)
	}
	cookie := strings.Join(cookies, "; ")
	ways := [][]string{{"Cookie", cookie}}
	if len(a.cookies) == 1 {
		ways = append(ways, []string{"X-Release-Pin", a.cookies[0]})
	}
	for _, way := range ways {
		got := ask(t, http.MethodGet, s.web.URL(0, "/says.php"), fromPage, way...)
		if got.status != http.StatusOK || got.Release != a.release {
			t.Errorf("by %s: %d, release %s; want release %s", way[0], got.status, got.Release, a.release)
		}
	}
	if len(a.cookies) == 1 && len(a.cookies[0]) < 4<<10 {
		got := ask(t, http.MethodGet, s.web.URL(0, "/says.php?_release="+url.QueryEscape(a.cookies[0])), fromPage)
		if got.status != http.StatusOK || got.Release != a.release {
			t.Errorf("in the query: %d, release %s; want release %s", got.status, got.Release, a.release)
		}
	}
	got := ask(t, http.MethodGet, s.web.URL(0, "/page.php"), toPage, "Cookie", cookie)
	if got.status != http.StatusOK || got.header.Get("X-Release") != "2" || got.cookie() == "" {
		t.Errorf("a page: %d, release %s, the cookie %q", got.status, got.header.Get("X-Release"), got.cookie())
	}
	if a.counted != "" && counted() <= before {
		t.Errorf("no pin is counted as %s", a.counted)
	}
}

func repeat(pin string, n int) (pins []string) {
	for range n {
		pins = append(pins, pin)
	}
	return pins
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
