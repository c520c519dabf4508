package conf

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"realdocd/gateway"
)

const hosting = `
[pool.fpm-s1]
server = ["/run/php/s1.sock"]
[pool.fpm-s2]
server = ["/run/php/s2.sock"]
[site.all]
docroot  = "/var/www/*/current/public"
pool     = "fpm-{1}"
releases = "/var/www/{1}/releases"
shared   = ["storage"]
keep     = 3
resolve  = "readlink"
`

func TestADocrootOfAPatternHasItsSettingsAndItsOwn(t *testing.T) {
	c, err := Parse("r.toml", hosting+`
[site."all/s2"]
keep = 9
[site."all/s3"]
pool = "fpm-s1"
slots = ["/var/www/{1}/A", "/var/www/{1}/B"]
`)
	if err != nil {
		t.Fatal(err)
	}
	all, s2, s3 := c.Gateway.Sites[0], c.Gateway.Sites[1], c.Gateway.Sites[2]
	if all.Pool != "fpm-{1}" || all.SharedDir != "/var/www/{1}/shared" || all.Of != "" {
		t.Errorf("all: %+v", all)
	}
	want := all
	want.Name, want.Of, want.Docroot = "all/s2", "all", "/var/www/s2/current/public"
	want.Pool, want.Releases, want.SharedDir, want.Keep = "fpm-s2", "/var/www/s2/releases", "/var/www/s2/shared", 9
	if diff := cmp.Diff(want, s2); diff != "" {
		t.Errorf("all/s2 (-want +got):\n%s", diff)
	}
	want.Name, want.Docroot, want.Pool, want.Keep = "all/s3", "/var/www/s3/current/public", "fpm-s1", 3
	want.Releases, want.Slots = "", []string{"/var/www/s3/A", "/var/www/s3/B"}
	want.SharedDir = "/var/www/s3/shared"
	if diff := cmp.Diff(want, s3); diff != "" {
		t.Errorf("all/s3 (-want +got):\n%s", diff)
	}
	// What At gives of the pattern is what is written out.
	at := all.At("/var/www/s2/current/public")
	at.Keep = 9
	if diff := cmp.Diff(at, s2); diff != "" {
		t.Errorf("(-At +written out):\n%s", diff)
	}
}

func TestASiteWithADocrootOfItsOwnInheritsNothing(t *testing.T) {
	c, err := Parse("r.toml", hosting+`
[site.shop]
docroot = "/var/www/shop/current/public"
pool = "fpm-s1"
releases = "/var/www/shop/releases"
`)
	if err != nil {
		t.Fatal(err)
	}
	if got := c.Gateway.Sites[1]; got.Keep != 5 || got.Of != "" || got.Shared != nil {
		t.Errorf("%+v", got)
	}
}

func TestFaultsOfTenants(t *testing.T) {
	for _, tt := range []struct{ text, want string }{
		{hosting + "[site.\"all/s2\"]\nkepp = 1", `r.toml:14: unknown key "kepp" in [site."all/s2"]; did you mean "keep"?`},
		{hosting + "[site.\"all/s2\"]\ndocroot = '/x'", `r.toml:14: docroot in [site."all/s2"]: by its name this site is the docroot /var/www/s2/current/public of [site.all]: leave docroot out, or take another name`},
		{hosting + "[site.\"al/s2\"]\nkeep = 1", `r.toml:13: [site."al/s2"] has no docroot: name it, or give it the name of a site with a pattern and, behind a /, what the wildcard stands for: there is no such [site.al]; did you mean "all"?`},
		{hosting + "[site.\"all/a/b\"]\nkeep = 1", `r.toml:13: docroot in [site."all/a/b"]: the docroot of site all, /var/www/*/current/public, has 1 wildcards, and "a/b" names 2 of them: write all, with / between them`},
		{hosting + "[site.\"all/..\"]\nkeep = 1", `r.toml:13: docroot in [site."all/.."]: ".." cannot be in the docroot of site all, /var/www/*/current/public`},
		{hosting + "[site.\"all/s3\"]\nkeep = 1", `r.toml:13: pool in [site."all/s3"]: there is no [pool.fpm-s3]; did you mean "fpm-s1"?`},
		{strings.Replace(hosting, "fpm-{1}", "php-{1}", 1), `r.toml:8: pool in [site.all]: there is no pool of the form "php-{1}", such as [pool.php-NAME]`},
		{strings.Replace(hosting, "fpm-{1}", "fpm-{2}", 1), `r.toml:8: pool in [site.all]: "fpm-{2}" has {2}, and the docroot /var/www/*/current/public has 1 wildcard`},
		{strings.Replace(hosting, "{1}/releases", "releases", 1), `r.toml:9: releases in [site.all]: the docroot "/var/www/*/current/public" is a pattern, and its sites would share "/var/www/releases", which is for one: write {1} where the name stands, or give the one that is deployed a [site."all/NAME"] of its own` +
			"\n" + `r.toml:6: shared_dir in [site.all]: the docroot`},
		{hosting + "include_path = '/var/www/{1}/current/lib'", `r.toml:13: include_path in [site.all]: "/var/www/{1}/current/lib": {1} and its like are replaced in pool, slots, releases and shared_dir alone`},
		{hosting + "[site.x]\ndocroot = '/x'\npool = 'fpm-{1}'", `r.toml:15: pool in [site.x]: "fpm-{1}" has {1}, which stands for what a wildcard of the docroot matches, and /x has none`},
		// A site with a docroot of its own must not take what others of the pattern have.
		{
			hosting + "[site.shop]\ndocroot = '/var/www/shop/current/public'\npool = 'fpm-s1'\nreleases = '/var/www/s1/releases'",
			`r.toml:16: releases in [site.shop]: "/var/www/s1/releases" is releases in [site.all], "/var/www/*/releases" (line 9)`,
		},
		{
			hosting + "[site.shop]\ndocroot = '/var/www/shop/current/public'\npool = 'fpm-s1'\nreleases = '/var/www'",
			`r.toml:16: releases in [site.shop]: "/var/www" holds `,
		},
		{hosting + "[site.\"all/s2\"]\nreleases = '/var/www/s1/releases'", `r.toml:14: releases in [site."all/s2"]: "/var/www/s1/releases" is releases in [site.all]`},
	} {
		_, err := Parse("r.toml", tt.text)
		if err == nil {
			t.Errorf("taken, want %s\n%s", tt.want, tt.text)
			continue
		}
		wants := strings.Split(tt.want, "\n")
		for _, want := range wants {
			if !strings.Contains("\n"+err.Error(), "\n"+want) {
				t.Errorf("got\n\t%s\nwant\n\t%s", err, want)
			}
		}
	}
}

func TestAFaultOfAPatternIsToldOnce(t *testing.T) {
	_, err := Parse("r.toml", hosting+"max_conns = -1\nkepp = 1\n[site.\"all/s2\"]\nkeep = 8\n")
	want := "r.toml:13: max_conns in [site.all]: want a whole number from 0 to 1000000, not -1" +
		"\nr.toml:14: unknown key \"kepp\" in [site.all]; did you mean \"keep\"?"
	if err == nil || err.Error() != want {
		t.Errorf("got\n%v\nwant\n%s", err, want)
	}
}

func TestUsesPool(t *testing.T) {
	for form, names := range map[string]map[string]bool{
		"fpm-{1}":     {"fpm-s1": true, "fpm-": true, "php-s1": false, "fpm": false},
		"www":         {"www": true, "www2": false},
		"{1}":         {"anything": true},
		"a*-{1}-{2}b": {"a*-x-yb": true, "ax-x-yb": false},
	} {
		for name, want := range names {
			if got := (gateway.SiteConfig{Pool: form}).UsesPool(name); got != want {
				t.Errorf("%s by %s: %v", name, form, got)
			}
		}
	}
}
