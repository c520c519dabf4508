package gateway

import (
	"io"
	"net"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"realdocd/fcgi"
	"realdocd/gateway/sock"
	"realdocd/test/stack"
)

func TestARefusalIsCompleteAndTheConnectionGoesOn(t *testing.T) {
	b := newBench(t)
	b.cfg.Sites = append(b.cfg.Sites, SiteConfig{Name: "gone", Docroot: b.docroot("gone"), Pool: "www"})
	b.start()
	c := b.connect()
	script := func(name string) []string { return b.params("SCRIPT_FILENAME", name) }
	for _, row := range []struct {
		name   string
		pairs  []string
		body   string
		status int
		cause  string
	}{
		{"a docroot of no site", stack.ParamsFor(b.dir+"/other", "GET", "/a.php"), "", 404, "add a [site.NAME]"},
		{"a docroot that only begins like one", stack.ParamsFor(b.docroot("shop")+"2", "GET", "/b.php"), "", 404, "no site has the docroot"},
		{"no docroot", []string{"SCRIPT_FILENAME", b.docroot("shop") + "/a.php"}, "", 404, "sent no DOCUMENT_ROOT"},
		{"no pairs at all", nil, "", 404, "sent no DOCUMENT_ROOT"},
		{"no script", []string{"DOCUMENT_ROOT", b.docroot("shop")}, "", 403, "sent no SCRIPT_FILENAME"},
		{"a script outside", script("/etc/passwd"), "", 403, `"/etc/passwd" is not inside`},
		{"a relative script", script("index.php"), "", 403, `"index.php" is not inside`},
		{"a script in a directory that is no release", script(b.dir + "/shop/shared/public/a.php"), "", 403, "/shop/shared/public/a.php"},
		{"a relative PATH_TRANSLATED and no script", b.params("SCRIPT_FILENAME", "", "PATH_TRANSLATED", "a.php"), "", 403, `PATH_TRANSLATED "a.php" is not inside`},
		{"a PATH_TRANSLATED outside and a REDIRECT_URL", b.params("PATH_TRANSLATED", "/etc/passwd", "REDIRECT_URL", ""), "", 403, `PATH_TRANSLATED "/etc/passwd", which PHP-FPM runs`},
		{"a relative PATH_TRANSLATED and a REDIRECT_URL", b.params("PATH_TRANSLATED", "a.php", "REDIRECT_URL", "/a"), "", 403, `PATH_TRANSLATED "a.php", which`},
		{"a PATH_TRANSLATED outside and no script", b.params("SCRIPT_FILENAME", "", "PATH_TRANSLATED", "/etc/passwd"), "", 403, `PATH_TRANSLATED "/etc/passwd" is not inside`},
		{"a script outside by dots", script(b.docroot("shop") + "/../a.php"), "", 403, "/../a.php"},
		{"a script beside the docroot", script(b.docroot("shop") + "2/a.php"), "", 403, "public2/a.php"},
		{"a script outside behind a prefix", script("proxy:fcgi://localhost/etc/passwd"), "", 403, "localhost/etc/passwd"},
		{"a link that cannot be resolved", stack.ParamsFor(b.docroot("gone"), "GET", "/c.php"), "", 503, "site gone: resolve docroot"},
		{"a length in words", b.params("CONTENT_LENGTH", "ten"), "", 400, `CONTENT_LENGTH "ten"`},
		{"a length below zero", b.params("CONTENT_LENGTH", "-2"), "", 400, `CONTENT_LENGTH "-2"`},
		{"a length with a sign", b.params("CONTENT_LENGTH", "+1"), "x", 400, `CONTENT_LENGTH "+1"`},
		{"a length above all numbers", b.params("CONTENT_LENGTH", "9223372036854775808"), "", 400, `"9223372036854775808"`},
		{"a body too short", b.params("CONTENT_LENGTH", "5"), "four", 400, "has 4 bytes, CONTENT_LENGTH says 5"},
		{"a body too long", b.params("CONTENT_LENGTH", "3"), "four", 400, "has 4 bytes or more, CONTENT_LENGTH says 3"},
		{"too many params", b.params("HTTP_X", strings.Repeat("x", fcgi.MaxParams)), "", 431, "above 524288 bytes"},
		{"a param that no record holds", b.params("HTTP_BIG", strings.Repeat("x", 1<<16)), "", 431, `"HTTP_BIG"`},
		{"a PHP_VALUE that cannot be read", b.params("PHP_VALUE", "include_path=${HOME}"), "", 500, "map include_path in PHP_VALUE"},
	} {
		t.Run(row.name, func(t *testing.T) {
			b.send(c, row.body, row.pairs...)
			reply := b.wantRefused(c, row.status)
			if retry := reply.Header.Get("Retry-After"); (retry != "") != (row.status == 503) {
				t.Errorf("a %d has Retry-After %q", row.status, retry)
			}
			if event := b.logged(row.cause); event.String("level") != "error" || event.String("status") != strconv.Itoa(row.status) {
				t.Errorf("the log has %v", event)
			}
			b.served(c, "", b.params()...)
		})
	}
}

func TestParamsThatEndInsideAPairAreRefused(t *testing.T) {
	b := newBench(t).start()
	c := b.connect()
	b.must(c.Begin(true))
	for _, record := range []stack.Record{{Type: stack.ParamsType, ID: 1, Content: []byte("\x09\x09DOC")}, {Type: stack.ParamsType, ID: 1}, {Type: stack.StdinType, ID: 1}} {
		_, err := record.WriteTo(c)
		b.must(err)
	}
	b.wantRefused(c, 400)
	b.served(c, "", b.params()...)
}

func TestTheLastGoodReleaseServesOnWhenTheLinkIsGone(t *testing.T) {
	b := newBench(t).start()
	c := b.connect()
	b.served(c, "", b.params()...)
	began := time.Now()
	b.must(os.Remove(b.link("shop")))
	for range 5 {
		if release, _ := b.served(c, "", b.params()...).Value("REALDOC_RELEASE"); release != "1" {
			t.Errorf("served by release %q", release)
		}
	}
	event := b.logged("the last good release goes on serving")
	lines, _ := b.log.now()
	n := strings.Count(strings.Join(lines, "\n"), "the last good release goes on serving")
	if event.String("level") != "error" || n > 1+int(time.Since(began)/logEvery) {
		t.Errorf("%d events in %v, the first: %v", n, time.Since(began), event)
	}
	b.flip("2")
	if release, _ := b.served(c, "", b.params()...).Value("REALDOC_RELEASE"); release != "2" {
		t.Errorf("when the link is back, served by release %q", release)
	}
}

func TestABodyIsSpooledAndReachesFPMWhole(t *testing.T) {
	b := newBench(t)
	b.cfg.SpoolDir = b.dir
	b.cfg.Sites[1].RequestBuffering = false
	b.start()
	c := b.connect()
	for _, site := range []string{"shop", "blog"} {
		for _, size := range []string{"1", "8000", "65535", "65536", "300000"} {
			body := strings.Repeat("0123456789", 30000)
			n, _ := strconv.Atoi(size)
			for _, pairs := range [][]string{{"CONTENT_LENGTH", size}, nil} {
				q := b.served(c, body[:n], stack.ParamsFor(b.docroot(site), "POST", "/a.php", pairs...)...)
				got, _ := q.Body()
				if length, _ := q.Value("CONTENT_LENGTH"); string(got) != body[:n] || length != size {
					t.Errorf("of %s bytes with %q to %s FPM got %d, CONTENT_LENGTH %q", size, pairs, site, len(got), length)
				}
			}
		}
	}
	if left, _ := os.ReadDir(b.dir); len(left) != 4 { // the sockets and the sites
		t.Errorf("the spool directory has %v", left)
	}
}

func TestASpoolDirThatCannotBeWrittenIsAClearError(t *testing.T) {
	b := newBench(t)
	b.cfg.SpoolDir = b.dir + "/none"
	b.start()
	c := b.connect()
	b.send(c, strings.Repeat("x", 300_000), b.params("CONTENT_LENGTH", "300000")...)
	b.wantRefused(c, 500)
	event := b.logged("spool request body")
	if cause := event.String("error"); !strings.Contains(cause, b.cfg.SpoolDir) || !strings.Contains(cause, "set spool_dir") {
		t.Errorf("the log has %q", cause)
	}
	b.served(c, "small", b.params("CONTENT_LENGTH", "5")...)
}

func TestAnFPMThatDiesDuringAStreamedUploadIsACompleteError(t *testing.T) {
	b := newBench(t)
	b.cfg.Sites[0].RequestBuffering = false
	dying, err := net.Listen("unix", b.dir+"/dying")
	b.must(err)
	defer dying.Close()
	b.cfg.Pools[0].Servers = []sock.Addr{sock.Addr(dying.Addr().String())}
	go func() {
		for {
			conn, err := dying.Accept()
			if err != nil {
				return
			}
			io.ReadFull(conn, make([]byte, 1000))
			conn.Close()
		}
	}()
	b.start()
	c := b.connect()
	b.must(c.Begin(true))
	b.must(c.Params(b.params("CONTENT_LENGTH", "1000000")...))
	c.Stdin(make([]byte, 100_000)) // the answer may come, and the connection end, before it is out
	b.wantRefused(c, 502)
}
