package gateway

import (
	"slices"
	"testing"

	"realdocd/incpath"
)

func TestPathsBelowTheLinkBecomePathsOfTheRelease(t *testing.T) {
	b := newBench(t)
	b.cfg.Sites[0].ExtraRoots = []string{b.link("shop") + "/admin", "/opt/tools"}
	b.start()
	c := b.connect()
	for _, row := range []struct{ name, sent, got string }{
		{"DOCUMENT_ROOT", "LINK/public", "RELEASE/public"},
		{"DOCUMENT_ROOT", "LINK/public/", "RELEASE/public"},
		{"DOCUMENT_ROOT", "LINK//./public", "RELEASE/public"},
		{"SCRIPT_FILENAME", "LINK/public/a/b.php", "RELEASE/public/a/b.php"},
		{"SCRIPT_FILENAME", "RELEASE/public/a.php", "RELEASE/public/a.php"},
		{"SCRIPT_FILENAME", "LINK/admin/a.php", "RELEASE/admin/a.php"},
		{"SCRIPT_FILENAME", "/opt/tools/a.php", "/opt/tools/a.php"},
		{"SCRIPT_FILENAME", "proxy:fcgi://localhost/LINK/public/a.php", "proxy:fcgi://localhostRELEASE/public/a.php"},
		{"SCRIPT_FILENAME", "proxy:fcgi://127.0.0.1:9000LINK/public/a.php", "proxy:fcgi://127.0.0.1:9000RELEASE/public/a.php"},
		{"SCRIPT_FILENAME", "proxy:balancer://phpLINK/public/a.php", "proxy:balancer://phpRELEASE/public/a.php"},
		{"PATH_TRANSLATED", "LINK/public/a.php/info", "RELEASE/public/a.php/info"},
		{"PATH_TRANSLATED", "proxy:fcgi://localhostLINK/public/info", "proxy:fcgi://localhostRELEASE/public/info"},
		{"PATH_TRANSLATED", "LINK2/info", "LINK2/info"},
		{"CONTEXT_DOCUMENT_ROOT", "LINK/public", "RELEASE/public"},
		{"CONTEXT_DOCUMENT_ROOT", "/usr/share/phpmyadmin", "/usr/share/phpmyadmin"},
		{"HTTP_X_ROOT", "LINK/public", "LINK/public"},
		{"HTTP_DOCUMENT_ROOT", "LINK/public", "LINK/public"},
		{"REQUEST_URI", "LINK/public", "LINK/public"},
	} {
		t.Run(row.name+" "+row.sent, func(t *testing.T) {
			q := b.served(c, "", b.params(row.name, b.paths(row.sent))...)
			if got, _ := q.Value(row.name); got != b.paths(row.got) {
				t.Errorf("FPM got %q, want %q", got, b.paths(row.got))
			}
		})
	}
}

func TestOtherPairsGoOnByteForByteAndInOrder(t *testing.T) {
	b := newBench(t).start()
	sent := []string{
		"", "no name", "EMPTY", "", "REMOTE_ADDR", "::1", "BYTES", "\x00\xff\r\n%", "SCRIPT_FILENAME", "LINK/public/a.php",
		"TWICE", "first", "HTTP_COOKIE", "LINK", "TWICE", "second", "DOCUMENT_ROOT", "LINK/public", "PHP_VALUE", "memory_limit=LINK",
		"LONG", string(make([]byte, 300)), "REALDOC_RELEASE", "claimed by the web server",
		"REQUEST_ID", "4bf92f35",
	}
	want := slices.Clone(sent)
	for i := range sent {
		sent[i] = b.paths(sent[i])
		want[i] = sent[i]
		if want[i] == b.docroot("shop") || want[i] == b.docroot("shop")+"/a.php" {
			want[i] = b.release("shop", "1") + want[i][len(b.link("shop")):]
		}
	}
	want = append(want, "REALDOC_RELEASE", "1", "REALDOC_QUEUE_US", "0000000000") // it had a place at once
	if got := b.served(b.connect(), "", sent...).Pairs; !slices.Equal(got, want) {
		t.Errorf("FPM got\n%q, want\n%q", got, want)
	}
}

func TestTheLastOfTwoPairsDecides(t *testing.T) {
	b := newBench(t).start()
	q := b.served(b.connect(), "", b.params("DOCUMENT_ROOT", b.docroot("blog"), "SCRIPT_FILENAME", b.docroot("blog")+"/a.php")...)
	if got, _ := q.Value("DOCUMENT_ROOT"); got != b.release("blog", "1")+"/public" {
		t.Errorf("FPM got DOCUMENT_ROOT %q", got)
	}
}

func TestADeployIsSeenByTheNextRequest(t *testing.T) {
	b := newBench(t).start()
	c := b.connect()
	for _, n := range []string{"1", "2", "1"} {
		b.flip(n)
		q := b.served(c, "", b.params()...)
		root, _ := q.Value("DOCUMENT_ROOT")
		release, _ := q.Value("REALDOC_RELEASE")
		if root != b.release("shop", n)+"/public" || release != n {
			t.Errorf("with release %s live FPM got DOCUMENT_ROOT %q, REALDOC_RELEASE %q", n, root, release)
		}
	}
}

// A web server that follows links by itself may send a release which is live no more.
func TestADocrootThatIsAKnownReleaseIsTakenAsThatRelease(t *testing.T) {
	b := newBench(t).start()
	c := b.connect()
	b.served(c, "", b.params()...)
	b.flip("2")
	b.served(c, "", b.params()...)
	for _, n := range []string{"1", "2"} {
		root := b.release("shop", n) + "/public"
		q := b.served(c, "", "DOCUMENT_ROOT", root, "SCRIPT_FILENAME", root+"/a.php")
		if release, _ := q.Value("REALDOC_RELEASE"); release != n {
			t.Errorf("sent %s, FPM got REALDOC_RELEASE %q", root, release)
		}
	}
}

func TestIncludePathFollowsTheRelease(t *testing.T) {
	for _, row := range []struct{ name, site, pair, sent, want string }{
		{"the site's", ".:LINK/lib:/usr/share/php", "", "", ".:RELEASE/lib:/usr/share/php"},
		{"the web server's", "", "PHP_VALUE", `include_path="LINK/lib"`, "RELEASE/lib"},
		{"the web server's, unquoted among others", "", "PHP_VALUE", "memory_limit=1G\ninclude_path=.:LINK/lib\n", ".:RELEASE/lib"},
		{"the web server's before the site's", "LINK/lib", "PHP_VALUE", "include_path=LINK/own", "RELEASE/own"},
		{"as admin value", "", "PHP_ADMIN_VALUE", `include_path="LINK/lib"`, "RELEASE/lib"},
		{"beside another setting", "LINK/lib", "PHP_VALUE", "memory_limit=1G", "RELEASE/lib"},
		{"one that only begins like the link", "LINK2/lib", "", "", "LINK2/lib"},
	} {
		t.Run(row.name, func(t *testing.T) {
			b := newBench(t)
			b.cfg.Sites[0].IncludePath = b.paths(row.site)
			b.start()
			pairs, pair := b.params(), "PHP_VALUE"
			if row.pair != "" {
				pairs, pair = b.params(row.pair, b.paths(row.sent)), row.pair
			}
			c := b.connect()
			for range 2 { // the second comes from the cache
				value, _ := b.served(c, "", pairs...).Value(pair)
				got, _, err := incpath.Read(value)
				if err != nil || got != b.paths(row.want) {
					t.Errorf("FPM got %s %q, include_path %q (%v), want %q", pair, value, got, err, b.paths(row.want))
				}
			}
		})
	}
}

func TestOnAPoolWhereOneSiteSetsIncludePathEveryRequestCarriesOne(t *testing.T) {
	b := newBench(t)
	b.cfg.ForwardUnmatched = true
	b.start()
	c := b.connect()
	blog := []string{"DOCUMENT_ROOT", b.docroot("blog"), "SCRIPT_FILENAME", b.docroot("blog") + "/a.php"}
	unmatched := []string{"DOCUMENT_ROOT", "/srv/other", "SCRIPT_FILENAME", "/srv/other/a.php"}
	if value, has := b.served(c, "", blog...).Value("PHP_VALUE"); has {
		t.Errorf("before anybody sets include_path FPM got PHP_VALUE %q", value)
	}
	b.served(c, "", b.params("PHP_VALUE", "include_path="+b.link("shop"))...)
	for _, pairs := range [][]string{blog, unmatched} {
		value, _ := b.served(c, "", pairs...).Value("PHP_VALUE")
		if got, _, err := incpath.Read(value); err != nil || got != ".:/usr/share/php" {
			t.Errorf("%q reached FPM with PHP_VALUE %q (%v)", pairs, value, err)
		}
	}
}

func TestAnUnmatchedRequestIsForwardedAsItCame(t *testing.T) {
	b := newBench(t)
	b.cfg.ForwardUnmatched = true
	b.start()
	sent := []string{"DOCUMENT_ROOT", "/srv/other/", "SCRIPT_FILENAME", "/etc/a.php"}
	if got := b.served(b.connect(), "", sent...).Pairs; !slices.Equal(got, sent) {
		t.Errorf("FPM got %q", got)
	}
}
