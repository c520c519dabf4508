package pins

import (
	"net/http"
	"testing"

	"realdocd/test/stack"
)

// cached makes a shop behind nginx's cache, with a key, and with these lines.
func cached(t *testing.T, key string, lines ...string) *shop {
	t.Helper()
	maps := stack.InModule(t, "etc/nginx/conf.d/realdocd-pins.conf")
	lines = append([]string{
		"fastcgi_cache micro;", "fastcgi_cache_valid 200 10m;", `fastcgi_cache_key "` + key + `";`, "add_header X-Cache $upstream_cache_status;",
	}, lines...)
	return openShop(t, nil, stack.NginxConfig{
		HTTP:    []string{"fastcgi_cache_path cache keys_zone=micro:1m;", "include " + maps + ";"},
		Servers: []stack.NginxServer{{Lines: lines}},
	})
}

const (
	plainKey  = "$scheme$host$request_uri"
	pinnedKey = plainKey + " $release_of_pin"
)

// ignoring is a microcache as it is often set up, which keeps what it should not.
var ignoring = []string{"fastcgi_ignore_headers Cache-Control Expires Set-Cookie;", "fastcgi_hide_header Set-Cookie;"}

// Behind a cache of nginx nothing of one visitor's pin reaches another, whatever the key is.
func TestCache_NothingOfAPinReachesAnotherVisitor(t *testing.T) {
	for name, row := range map[string]struct {
		key   string
		lines []string
	}{
		"a plain key": {plainKey, nil}, "the release in the key": {pinnedKey, nil}, "headers ignored": {plainKey, ignoring},
	} {
		t.Run(name, func(t *testing.T) {
			s := cached(t, row.key, row.lines...)
			first := s.pinPastCache(t)
			if second := ask(t, http.MethodGet, s.web.URL(0, "/page.php?first"), toPage); row.lines == nil && second.header.Get("X-Cache") != "MISS" {
				t.Errorf("a page with the cookie of a visitor is kept: %q", second.header)
			}
			s.Flip(s.site, 2)
			for i, query := range []string{"?a", "?b&cache=public,max-age=600", "?c&cache=s-maxage=600", "?d"} {
				old := s.says(t, query, "Cookie", "release="+first)
				if old.Release != "1" || old.header.Get("X-Cache") == "HIT" {
					t.Errorf("%s: the pinned visitor gets release %s, cache %s", query, old.Release, old.header.Get("X-Cache"))
				}
				fresh := s.says(t, query)
				if fresh.Release != "2" || fresh.header.Get("X-Cache") != "MISS" || fresh.cookie() != "" {
					t.Errorf("%s: another visitor gets release %s, cache %s, %q", query, fresh.Release, fresh.header.Get("X-Cache"), fresh.cookie())
				}
				if i == 0 { // that the cache keeps something at all
					if again := s.says(t, query); again.header.Get("X-Cache") != "HIT" || again.Release != "2" {
						t.Errorf("%s: again it is release %s, cache %s", query, again.Release, again.header.Get("X-Cache"))
					}
				}
			}
			a := ask(t, http.MethodGet, s.web.URL(0, "/page.php?new"), toPage)
			if a.header.Get("X-Release") != "2" {
				t.Errorf("a new visitor gets a page of release %s", a.header.Get("X-Release"))
			}
		})
	}
}

// pinPastCache is a visitor's pin. It is for a cache, too, that hides cookies: the page has it in its text then.
func (s *shop) pinPastCache(t *testing.T) string {
	t.Helper()
	a := ask(t, http.MethodGet, s.web.URL(0, "/page.php?first"), toPage)
	if pin := a.cookie(); pin != "" {
		return pin
	}
	return pinIn(t, a.body)
}

// With the release in the key a page gets what was kept of its own release, and nothing else.
func TestCache_WithTheReleaseInItsKeyServesEachPageItsOwn(t *testing.T) {
	s := cached(t, pinnedKey)
	_, old := s.page(t, "")
	s.says(t, "?a", "X-Release-Pin", old)
	s.Flip(s.site, 2)
	_, now := s.page(t, "")
	for i := range 3 {
		for _, row := range []struct{ pin, release string }{{old, "1"}, {now, "2"}} {
			for _, more := range [][]string{{"X-Release-Pin", row.pin}, {"Cookie", "release=" + row.pin}} {
				a := s.says(t, "?a", more...)
				if a.Release != row.release {
					t.Errorf("round %d, %s: a page of release %s gets release %s, cache %s", i, more[0], row.release, a.Release, a.header.Get("X-Cache"))
				}
				if i > 0 && a.header.Get("X-Cache") != "HIT" {
					t.Errorf("round %d: release %s is not kept: %s", i, row.release, a.header.Get("X-Cache"))
				}
			}
		}
	}
}
