package pattern

import (
	"path"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func TestPattern_PartsAreWhatTheWildcardsMatch(t *testing.T) {
	for _, tt := range []struct {
		pattern, docroot string
		want             []string
	}{
		{"/var/www/*/current/public", "/var/www/s1/current/public", []string{"s1"}},
		{"/var/www/*/current/public", "/var/www/a.b-c d/current/public", []string{"a.b-c d"}},
		{"/srv/*/sites/*/current", "/srv/acme/sites/shop/current", []string{"acme", "shop"}},
		{"/srv/site-*/current", "/srv/site-s1/current", []string{"s1"}},
		{"/srv/*-*/x", "/srv/a-b-c/x", []string{"a", "b-c"}},
		{"/srv/?*/x", "/srv/abc/x", []string{"abc"}},
		{"/srv/web[0-9]/x", "/srv/web7/x", []string{"7"}},
		{"/srv/[^a]b/x", "/srv/cb/x", []string{"c"}},
		{`/srv/\*/*`, "/srv/*/y", []string{"y"}},
		{`/srv/[a\]]/x`, "/srv/]/x", []string{"]"}},
		{"/srv/[[]/x", "/srv/[/x", []string{"["}},
		{"/srv/a+b(c)/*", "/srv/a+b(c)/d", []string{"d"}},
		{"/srv/*/x", "/srv/a/y", nil},
		{"/srv/*/x", "/srv/a/b/x", nil},
		{`/srv/a\*b`, "/srv/a*b", []string{}},
	} {
		if diff := cmp.Diff(tt.want, Parse(tt.pattern).Parts(tt.docroot)); diff != "" {
			t.Errorf("%s by %s (-want +got):\n%s", tt.docroot, tt.pattern, diff)
		}
	}
}

// A name leads back to the docroot, and no two docroots have one name.
func TestPattern_NamesAndDocrootsAreOneToOne(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		piece := rapid.SampledFrom([]string{"*", "?", "[ab]", "a", "b", "-", "/", ".", `\*`, "x"})
		text := path.Clean("/" + strings.Join(rapid.SliceOfN(piece, 1, 8).Draw(t, "pattern"), ""))
		docroot := path.Clean("/" + rapid.StringMatching(`[ab\-/.*x]{1,10}`).Draw(t, "docroot"))
		fits, err := path.Match(text, docroot)
		p := Parse(text)
		parts := p.Parts(docroot)
		if err != nil || !fits {
			return
		}
		if parts == nil {
			t.Fatalf("%s fits %s, and has no parts", docroot, text)
		}
		if back, ok := p.Docroot(parts); !ok || back != docroot {
			t.Fatalf("%s by %s has the parts %q, which lead to %q", docroot, text, parts, back)
		}
	})
}
