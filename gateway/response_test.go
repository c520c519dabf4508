package gateway

import (
	"bufio"
	"slices"
	"strings"
	"testing"

	"realdocd/fcgi"
	"realdocd/test/stack"
)

func TestTheStatusOfAResponseIsReadFromItsHeaders(t *testing.T) {
	for _, row := range []struct {
		head string
		want int
	}{
		{"Content-Type: text/html\r\n\r\n", 200},
		{"Status: 404 Not Found\r\nContent-Type: text/html\r\n\r\n", 404},
		{"Content-Type: text/html\r\nStatus: 500\r\n\r\n", 500},
		{"status:503\n\n", 503},
		{"Location: /there\r\n\r\n", 302},
		{"Location: /there\r\nStatus: 301 Moved Permanently\r\n\r\n", 301},
		{"Status: none\r\n\r\n", 200},
		{"Status:\r\n\r\n", 200},
		{"Status: 2", 2}, // the rest is in the next record
		{"Content-Type: text/html\r\n\r\nStatus: 404\r\n", 200},
		{"X-Status: 404\r\n\r\n", 200},
		{"", 200},
		{"no header", 200},
	} {
		if got := statusOf([]byte(row.head)); got != row.want {
			t.Errorf("statusOf(%q) = %d, want %d", row.head, got, row.want)
		}
	}
}

func TestReleaseHeaderNamesTheRelease(t *testing.T) {
	b := newBench(t)
	b.cfg.Sites[0].ReleaseHeader = "X-Release"
	b.start()
	for site, want := range map[string][]string{"shop": {"1"}, "blog": nil} {
		c, q := b.running(stack.ParamsFor(b.docroot(site), "GET", "/a.php")...)
		b.must(q.Stderr("a notice"))
		q.Answer(page)
		reply := b.reply(c)
		if got := reply.Header.Values("X-Release"); !slices.Equal(got, want) || string(reply.Body) != "the page" {
			t.Errorf("%s: X-Release %q, want %q; body %q", site, got, want, reply.Body)
		}
	}
	if got := headerValue("a\r\nSet-Cookie: b\x7fé"); got != "a??Set-Cookie: b?é" {
		t.Errorf("a release name became the header value %q", got)
	}
}

func TestStdoutAndStderrReachTheWebServerAndStderrTheLog(t *testing.T) {
	b := newBench(t).start()
	c, q := b.running(b.params()...)
	b.must(q.Stderr("PHP message: oh\n"))
	b.must(q.Stdout("Status: 418 Teapot\r\n\r\n"))
	b.must(q.Stderr("and oh"))
	q.Answer("short and stout")
	reply := b.reply(c)
	if reply.Status != 418 || string(reply.Body) != "short and stout" || string(reply.Stderr) != "PHP message: oh\nand oh" {
		t.Errorf("got %d %q, stderr %q", reply.Status, reply.Body, reply.Stderr)
	}
	event := b.logged("PHP message: oh")
	if event.String("stderr") != "PHP message: oh" || event.String("release") != "1" || event.String("site") != "shop" {
		t.Errorf("the log has %v", event)
	}
}

func TestTheLogTellsWhatBecameOfARequest(t *testing.T) {
	b := newBench(t).start()
	b.served(b.connect(), "", b.params("REQUEST_URI", "/index.php?q=\"1\"")...)
	event := b.logged(`"message":"request"`)
	for field, want := range map[string]string{
		"level": "info", "site": "shop", "release": "1", "method": "GET", "path": `/index.php?q="1"`, "status": "200", "bytes": "36",
	} {
		if got := event.String(field); got != want {
			t.Errorf("%s is %q, want %q", field, got, want)
		}
	}
	for _, span := range []string{"queue", "connect", "first_byte", "total"} {
		if ms, is := event[span].(float64); !is || ms < 0 || ms > float64(patience.Milliseconds()) {
			t.Errorf("%s is %v, want milliseconds", span, event[span])
		}
	}
}

func TestWhatNeverHappenedIsNotInTheLog(t *testing.T) {
	b := newBench(t).start()
	c := b.connect()
	b.send(c, "", stack.ParamsFor("/none", "GET", "/a.php")...)
	b.wantRefused(c, 404)
	event := b.logged(`"message":"request"`)
	for _, field := range []string{"site", "release", "queue", "connect", "first_byte"} {
		if _, has := event[field]; has {
			t.Errorf("%s is %v for a request that no site took", field, event[field])
		}
	}
}

// ask sends records as they are and reads one back.
func ask(b *bench, c *stack.Client, records ...stack.Record) stack.Record {
	b.t.Helper()
	for _, record := range records {
		_, err := record.WriteTo(c)
		b.must(err)
	}
	record, err := stack.ReadRecord(bufio.NewReader(c))
	b.must(err)
	return record
}

func TestWhatIsNoRequestIsAnswered(t *testing.T) {
	b := newBench(t).start()
	begin := func(id uint16, role byte) stack.Record {
		return stack.Record{Type: stack.BeginRequest, ID: id, Content: []byte{0, role, 1, 0, 0, 0, 0, 0}}
	}
	for _, row := range []struct {
		name   string
		sent   []stack.Record
		want   stack.Record
		goesOn bool // request 1 has begun and is still to be served
	}{
		{
			"values",
			[]stack.Record{{Type: byte(fcgi.GetValues), Content: stack.Pairs("FCGI_MPXS_CONNS", "", "FCGI_MAX_CONNS", "", "OTHER", "")}},
			stack.Record{Type: byte(fcgi.GetValuesResult), Content: stack.Pairs("FCGI_MPXS_CONNS", "0")},
			false,
		},
		{
			"an unknown management type",
			[]stack.Record{{Type: 42, Content: []byte("what")}},
			stack.Record{Type: byte(fcgi.UnknownType), Content: []byte{42, 0, 0, 0, 0, 0, 0, 0}},
			false,
		},
		{
			"a second request",
			[]stack.Record{begin(1, 1), begin(2, 1)},
			stack.Record{Type: stack.EndRequest, ID: 2, Content: []byte{0, 0, 0, 0, byte(fcgi.CantMpxConn), 0, 0, 0}},
			true,
		},
		{
			"an abort",
			[]stack.Record{begin(3, 1), {Type: stack.AbortRequest, ID: 3}},
			stack.Record{Type: stack.EndRequest, ID: 3, Content: make([]byte, 8)},
			false,
		},
		{
			"records of no request",
			[]stack.Record{{Type: stack.ParamsType, ID: 9, Content: []byte("x")}, {Type: stack.StdinType, ID: 9}, {Type: 42}},
			stack.Record{Type: byte(fcgi.UnknownType), Content: []byte{42, 0, 0, 0, 0, 0, 0, 0}},
			false,
		},
	} {
		t.Run(row.name, func(t *testing.T) {
			c := b.connect()
			got := ask(b, c, row.sent...)
			if got.Type != row.want.Type || got.ID != row.want.ID || !slices.Equal(got.Content, row.want.Content) {
				t.Errorf("got %v, want %v", got, row.want)
			}
			if row.goesOn {
				b.must(c.Params(b.params()...))
				b.must(c.Stdin(nil))
				b.fpm.Next().Answer(page)
				if reply := b.reply(c); string(reply.Body) != "the page" {
					t.Errorf("the first request got %d %q", reply.Status, reply.Body)
				}
			}
			b.served(c, "", b.params()...)
		})
	}
}

// lighttpd takes an authorizer's END_REQUEST without a response for its consent.
func TestAnotherRoleThanResponderIsRefusedWithACompleteResponse(t *testing.T) {
	b := newBench(t).start()
	c := b.connect()
	for _, row := range []struct {
		role byte
		ends fcgi.Status
	}{{2, fcgi.RequestComplete}, {3, fcgi.UnknownRole}, {3, fcgi.UnknownRole}} {
		_, err := stack.Record{Type: stack.BeginRequest, ID: 1, Content: []byte{0, row.role, 1, 0, 0, 0, 0, 0}}.WriteTo(c)
		b.must(err)
		b.must(c.Params(b.params()...)) // of a filter, that has not begun: ignored
		reply := b.reply(c)
		if reply.Status != 403 || !reply.Ended || reply.ProtocolStatus != byte(row.ends) || len(reply.Body) == 0 {
			t.Errorf("role %d got %d %q, ended %v with %d", row.role, reply.Status, reply.Body, reply.Ended, reply.ProtocolStatus)
		}
		b.served(c, "", b.params()...)
	}
	b.logged("a FastCGI role that is not the responder's")
	lines, _ := b.log.now()
	if n := strings.Count(strings.Join(lines, "\n"), "a FastCGI role that is not the responder's"); n != 1 {
		t.Errorf("it is logged %d times", n)
	}
	b.logged("which realdocd never gives")
}

func TestPagesOfFPMsOwnAreAskedForWithoutAScript(t *testing.T) {
	b := newBench(t)
	b.cfg.Pools[0].StatusPath = "/fpm-status"
	b.start()
	c := b.connect()
	for name, pairs := range map[string][]string{
		"cgi-fcgi":                      {"REQUEST_METHOD", "GET", "SCRIPT_NAME", "/fpm-status", "SCRIPT_FILENAME", "/fpm-status"},
		"an exporter, with no script":   {"REQUEST_METHOD", "GET", "SCRIPT_NAME", "/any-name"},
		"a virtual host without a root": stack.ParamsFor("/usr/share/nginx/html", "GET", "/ping"),
		"a site's virtual host":         {"REQUEST_METHOD", "GET", "SCRIPT_NAME", "/health", "SCRIPT_FILENAME", "/health", "DOCUMENT_ROOT", b.docroot("shop")},
		"the same without a script":     {"REQUEST_METHOD", "GET", "SCRIPT_NAME", "/health", "DOCUMENT_ROOT", b.docroot("shop")},
	} {
		t.Run(name, func(t *testing.T) {
			q := b.served(c, "", pairs...)
			if script, has := q.Value("SCRIPT_FILENAME"); has {
				t.Errorf("FPM could run %s", script)
			}
		})
	}
	b.send(c, "", stack.ParamsFor("/usr/share/nginx/html", "GET", "/other")...)
	b.wantRefused(c, 404)
	b.send(c, "", "SCRIPT_NAME", "/index.php", "SCRIPT_FILENAME", "/index.php")
	b.wantRefused(c, 404)
}
