package pattern

import (
	"path"
	"testing"

	"pgregory.net/rapid"
)

func TestQuote_AsAPatternItIsOnlyItself(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		name := rapid.StringMatching(`[a*?\[\]\\^-]{1,6}`).Draw(t, "name")
		other := rapid.StringMatching(`[a*?\[\]\\^-]{1,6}`).Draw(t, "other")
		for _, n := range []string{name, other} {
			if ok, err := path.Match(Quote(name), n); err != nil || ok != (n == name) {
				t.Fatalf("%q by %q: %v, %v", n, Quote(name), ok, err)
			}
		}
		if p := Parse(Quote(name)); p.Wildcards() != 0 {
			t.Fatalf("%q has wildcards", Quote(name))
		}
	})
}

func TestNarrow_NamesComeInThePlaceOfTheFirstWildcards(t *testing.T) {
	for _, row := range []struct{ pattern, sent, want string }{
		{"/srv/*/current", "/srv/s1/releases/4", "/srv/s1/current"},
		{"/srv/*/*/current", "/srv/a*/b/current", `/srv/a\*/b/current`},
		{"/srv/*/x/*/current", "/srv/a/y/b", "/srv/a/x/*/current"},
		{"/srv/*/current", "/data/s1/current", ""},
		{"/srv/x", "/srv/x", ""},
	} {
		if got := Narrow(row.pattern, row.sent); got != row.want {
			t.Errorf("%s by %s: %q, want %q", row.pattern, row.sent, got, row.want)
		}
	}
}
