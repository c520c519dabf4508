package gateway

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestTenant_NamesAreRefusedThatLeadElsewhere(t *testing.T) {
	one := SiteConfig{Name: "all", Docroot: "/var/www/*/current"}
	two := SiteConfig{Name: "all", Docroot: "/srv/*/*/current"}
	for _, tt := range []struct {
		site       SiteConfig
		name, want string
	}{
		{one, "s1", "/var/www/s1/current"},
		{two, "acme/shop", "/srv/acme/shop/current"},
		{one, "..", ""},
		{one, ".", ""},
		{one, "", ""},
		{one, "a/b", ""},
		{two, "shop", ""},
		{two, "../x", ""},
		{two, "a/", ""},
		{SiteConfig{Name: "shop", Docroot: "/var/www/shop"}, "s1", ""},
	} {
		got, err := tt.site.TenantDocroot(tt.name)
		if got != tt.want || (err != nil) != (tt.want == "") {
			t.Errorf("%q of %s: %q, %v", tt.name, tt.site.Docroot, got, err)
		}
	}
}

func TestNamed_FindsSitesAndTenants(t *testing.T) {
	sites := []SiteConfig{
		{Name: "all", Docroot: "/var/www/*/current"},
		{Name: "shop", Docroot: "/var/www/shop/current"},
		{Name: "two", Docroot: "/srv/*/*/current"},
		{Name: "all/s9", Docroot: "/var/www/s9/current"},
		{Name: "/home/*/www", Docroot: "/home/*/www"},
	}
	for name, want := range map[string]struct {
		site    int
		docroot string
	}{
		"all": {0, ""}, "shop": {1, ""}, "all/s1": {0, "/var/www/s1/current"}, "two/a/b": {2, "/srv/a/b/current"},
		"all/shop": {1, ""}, "all/s9": {3, ""}, "/home/*/www": {4, ""}, "/home/*/www/bob": {4, "/home/bob/www"},
	} {
		if at, docroot, err := Named(sites, name); err != nil || at != want.site || docroot != want.docroot {
			t.Errorf("%s: site %d, docroot %q, %v", name, at, docroot, err)
		}
	}
	for name, want := range map[string]string{
		"shpo":     `there is no site "shpo"; did you mean "shop"?`,
		"zzzzzzzz": `there is no site "zzzzzzzz": there are "all", "shop", "two", "all/s9", "/home/*/www"`,
		"shop/s1":  `there is no site "shop/s1"`,
		"two/b":    `the docroot of site two, /srv/*/*/current, has 2 wildcards, and "b" names 1 of them: write all, with / between them`,
		"all/..":   `".." cannot be in the docroot of site all, /var/www/*/current`,
	} {
		if _, _, err := Named(sites, name); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%s: got\n%v\nwant\n%s", name, err, want)
		}
	}
}

func TestAt_FillsInThePartsOfTheDocroot(t *testing.T) {
	c := SiteConfig{
		Name: "all", Docroot: "/srv/*/*/current", Pool: "fpm-{1}-{2}", Releases: "/srv/{1}/{2}/releases",
		Slots: []string{"/srv/{1}/A", "/srv/{2}/B"}, SharedDir: "/srv/{1}/{2}/shared",
	}
	got := c.At("/srv/a/b/current")
	want := SiteConfig{
		Name: "all/a/b", Of: "all", Docroot: "/srv/a/b/current", Pool: "fpm-a-b", Releases: "/srv/a/b/releases",
		Slots: []string{"/srv/a/A", "/srv/b/B"}, SharedDir: "/srv/a/b/shared",
	}
	if diff := cmp.Diff(want, got); diff != "" || c.Slots[0] != "/srv/{1}/A" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for text, want := range map[string]string{"{1}": "", "x{2}y": "", "{3}": "{3}", "{0}": "{0}", "{a}": "", "{99999999999999999999}": "{99999999999999999999}"} {
		if got := c.MissingPlaceholder(text); got != want {
			t.Errorf("%s: %q is missing, want %q", text, got, want)
		}
	}
}
