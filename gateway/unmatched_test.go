package gateway

import (
	"os"
	"strings"
	"testing"

	"realdocd/test/stack"
)

// No release and no extra root confines a request of no site, so that nothing it names is loaded.
func TestAnUnmatchedRequest_LoadsNoCodeThatASettingNames(t *testing.T) {
	b := newBench(t)
	b.cfg.ForwardUnmatched = true
	b.start()
	c := b.connect()
	unmatched := []string{"DOCUMENT_ROOT", "/srv/other", "SCRIPT_FILENAME", "/srv/other/a.php"}
	for _, name := range []string{"PHP_VALUE", "PHP_ADMIN_VALUE"} {
		for value, why := range map[string]string{
			`auto_prepend_file="/srv/other/a.php"`:        "belongs to no site here, so that nothing confines it",
			`auto_append_file=${HOME}/a.php`:              "cannot be known outside PHP: write a path, in quotes",
			`auto_prepend_file="http://evil.example/a"`:   "is no absolute path of a file: write one",
			`extension=/tmp/evil.so`:                      "loads native code into PHP: only PHP-FPM's own configuration may",
			"memory_limit=1G\nopcache.preload=/tmp/a.php": "loads native code into PHP: only PHP-FPM's own configuration may",
		} {
			t.Run(name+" "+value, func(t *testing.T) {
				b.send(c, "", with(unmatched, name, value)...)
				b.wantRefused(c, 403)
				b.logged(why)
			})
		}
		b.served(c, "", with(unmatched, name, `auto_prepend_file=""`)...)
		b.served(c, "", with(unmatched, name, "memory_limit=1G")...)
	}
}

func TestAnUnmatchedRequest_HasNoReleaseThatCouldBeTold(t *testing.T) {
	b := newBench(t)
	b.cfg.ForwardUnmatched = true
	b.start()
	c := b.connect()
	b.send(c, "", "DOCUMENT_ROOT", "/srv/other", "SCRIPT_FILENAME", "/srv/other/a.php", "REALDOC_TELL", "release")
	b.wantRefused(c, 404)
	b.logged("the request belongs to no site")
}

// A ":" would make two entries of the release in include_path, of which the second is anything.
func TestAReleaseThatCannotStandInAnIncludePathIsRefusedWhereOneIsSent(t *testing.T) {
	b := newBench(t)
	b.must(os.MkdirAll(b.release("shop", "2:3")+"/public", 0o755))
	b.start()
	b.flip("2:3")
	c := b.connect()
	if release := value(b.served(c, "", b.params()...), "REALDOC_RELEASE"); release != "2:3" {
		t.Errorf("without an include_path it is served by %q", release)
	}
	for name, pairs := range map[string][]string{
		"of the web server": b.params("PHP_VALUE", "include_path="+b.link("shop")+"/lib"),
		"of the site":       b.params(),
	} {
		t.Run(name, func(t *testing.T) {
			if name == "of the site" {
				b.cfg.Sites[0].IncludePath = b.link("shop") + "/lib"
				b.must(b.server.Reload(b.cfg))
				b.served(c, "", "DOCUMENT_ROOT", b.docroot("blog"), "SCRIPT_FILENAME", b.docroot("blog")+"/a.php")
			}
			b.send(c, "", pairs...)
			b.wantRefused(c, 500)
			if text := b.logged(`has a \":\"`).String("error"); !strings.Contains(text, "name it without") {
				t.Errorf("the log has %q", text)
			}
		})
	}
}

// A web server that writes headers as they come must not be told one that has a line's end.
func TestADocrootThatCannotStandInAHeaderIsNotTold(t *testing.T) {
	b := newBench(t)
	b.must(os.MkdirAll(b.release("shop", "2\nX-Forged: 1")+"/public", 0o755))
	b.start()
	b.flip("2\nX-Forged: 1")
	c := b.connect()
	b.send(c, "", b.params("REALDOC_TELL", "release")...)
	b.logged("cannot stand in a header")
	if reply := b.wantRefused(c, 503); reply.Header.Get("X-Forged") != "" {
		t.Errorf("the header is %q", reply.Header)
	}
}

// A script may answer, and end, while its worker still holds an upload that it has not read.
func TestAnAnswerBeforeTheSpooledBodyHasBeenReadIsWhole(t *testing.T) {
	b := newBench(t)
	b.cfg.SpoolDir = b.dir
	b.fpm.Early()
	b.start()
	c := b.connect()
	body := strings.Repeat("x", 4<<20) // more than FPM's socket holds
	for range 2 {
		b.send(c, body, b.params()...)
		q := b.fpm.Next()
		defer q.Close()
		b.must(q.Stdout(page))
		b.must(q.Send(stack.Record{Type: stack.EndRequest, ID: q.RequestID(), Content: make([]byte, 8)}))
		if reply := b.reply(c); reply.Status != 200 || !reply.Ended || string(reply.Body) != "the page" {
			t.Errorf("got status %d, complete %v: %q", reply.Status, reply.Ended, reply.Body)
		}
	}
}

// The names of tenants are no patterns.
func TestATenantWhoseNameHasWildcardsIsFoundWhenTheWebServerHasResolvedIt(t *testing.T) {
	b := newBench(t)
	b.cfg.Sites = []SiteConfig{{Name: "all", Docroot: b.dir + "/*/current/public", Pool: "www", RequestBuffering: true}}
	for _, tenant := range []string{"a[b]*", "ab"} {
		b.must(os.MkdirAll(b.release(tenant, "1")+"/public", 0o755))
		b.must(os.Symlink("releases/1", b.link(tenant)))
	}
	b.start()
	for _, tenant := range []string{"a[b]*", "ab"} {
		q := b.served(b.connect(), "", "DOCUMENT_ROOT", b.release(tenant, "1")+"/public", "SCRIPT_FILENAME", b.release(tenant, "1")+"/public/a.php")
		if got := value(q, "SCRIPT_FILENAME"); got != b.release(tenant, "1")+"/public/a.php" || value(q, "REALDOC_RELEASE") != "1" {
			t.Errorf("%s runs %s", tenant, got)
		}
	}
}
