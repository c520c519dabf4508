package code

import (
	"strings"
	"testing"
)

func TestRelativePathsAreFoundFromTheFile(t *testing.T) {
	for _, row := range []struct {
		name, text string
		lang       Language
		found      string
	}{
		{"from __DIR__", `<?php require __DIR__ . '/../../../current/lib/x.php';`, PHP, "/srv/shop/current/lib/x.php"},
		{"from where it runs", `<?php require "../../../current/lib/x.php";`, PHP, "/srv/shop/current/lib/x.php"},
		{"with levels", `<?php require dirname(__DIR__, 3) . "/current/lib/x.php";`, PHP, "/srv/shop/current/lib/x.php"},
		{"by dirname of dirname", `<?php require dirname(dirname(dirname(dirname(__FILE__)))) . '/current/x.php';`, PHP, "/srv/shop/current/x.php"},
		{"of other cases", `<?php require DirName( __dir__ ,3).'/current';`, PHP, "/srv/shop/current"},
		{"in settings", "A=1\nB=../../../current", INI, "/srv/shop/current"},
		{"not high enough", `<?php require __DIR__ . '/../../current/lib/x.php';`, PHP, ""},
		{"behind another path", `<?php require '/other/../../../current/x.php';`, PHP, ""},
		{"another name", `<?php require __DIR__ . '/../../../current2/x.php';`, PHP, ""},
		{"in a comment", "<?php // '../../../current/x.php'\n/* dirname(__DIR__, 3) . '/current' */", PHP, ""},
		{"dirname of something else", `<?php require dirname($x, 3) . '/current/x.php';`, PHP, ""},
		{"too many levels", `<?php require dirname(__DIR__, 999999999999999999999) . '/srv/shop/current';`, PHP, ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			refs := Relative([]byte(row.text), row.lang, "/srv/shop/releases/1/public", func(path string) bool {
				return path == "/srv/shop/current" || strings.HasPrefix(path, "/srv/shop/current/")
			})
			got := ""
			if len(refs) > 0 {
				got = refs[0].Name
			}
			if got != row.found || len(refs) > 1 {
				t.Errorf("found %+v, want %q", refs, row.found)
			}
		})
	}
}

func TestPathsBesideAReleaseAreFound(t *testing.T) {
	other := func(name string) bool { return name != "2" }
	for text, want := range map[string]string{
		`<?php return '/srv/shop/releases/1/lib';`:                          "/srv/shop/releases/1",
		`<?php return '/srv/shop/releases/2/lib';`:                          "",
		`<?php return '/mnt/srv/shop/releases/1';`:                          "",
		`<?php return '/srv/shop/releases/';`:                               "",
		`<?php // /srv/shop/releases/1`:                                     "",
		`<?php ['/srv/shop/releases/2/x:/srv/shop/releases/20160102-1/y'];`: "/srv/shop/releases/20160102-1",
	} {
		refs := Beside([]byte(text), PHP, "/srv/shop/releases", other)
		got := ""
		if len(refs) > 0 {
			got = refs[0].Name
		}
		if got != want {
			t.Errorf("%s: found %q, want %q", text, got, want)
		}
	}
}
