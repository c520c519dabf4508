package gateway

import (
	"context"
	"io"
	"regexp"
	"strings"
	"testing"

	"realdocd/fcgi"
	"realdocd/gateway/trace"
	"realdocd/test/stack"
)

var made = regexp.MustCompile(`^[0-9a-f]{32}$`)

func TestAnIDIsTakenWhereItCanStandAnywhere(t *testing.T) {
	for id, want := range map[string]bool{
		"4bf92f3577b34da6a3ce929d0e0e4736":         true, // nginx's $request_id
		"aSTGBn8AAQEAAFOKrQ0AAAAA":                 true, // Apache's mod_unique_id
		"ZTbGB@8AAQEAAFOKrQ-AAAAA":                 true,
		"7f3b6c1e-0a5c-4a39-9d3e-5d2f6d0c9a11":     true,
		"01ARZ3NDEKTSV4RRFFQ69G5FAV":               true,
		"Root=1-67891233-abcdef012345678912345678": true, // AWS's X-Amzn-Trace-Id
		"edge:a/b+c.d_e=":                          true,
		"x":                                        true,
		strings.Repeat("x", 128):                   true,
		strings.Repeat("x", 129):                   false,
		"":                                         false,
		"a b":                                      false,
		"a\r\nSet-Cookie: b":                       false,
		`a"b`:                                      false,
		"a;b":                                      false,
		"a\x00":                                    false,
		"é":                                        false,
		"-":                                        true,
	} {
		if got := isRequestID([]byte(id)); got != want {
			t.Errorf("%q: %v, want %v", id, got, want)
		}
	}
}

// What the log has is what PHP gets, whoever made it.
func TestARequestHasTheIDOfTheWebServerOrANewOne(t *testing.T) {
	b := newBench(t).start()
	c := b.connect()
	for _, row := range []struct {
		name  string
		pairs []string
		want  string // "" is a new one
	}{
		{"none", nil, ""},
		{"nginx's", []string{"REQUEST_ID", "of-nginx"}, "of-nginx"},
		{"Apache's", []string{"UNIQUE_ID", "of-apache"}, "of-apache"},
		{"both", []string{"UNIQUE_ID", "of-apache", "REQUEST_ID", "of-nginx"}, "of-nginx"},
		{"twice", []string{"REQUEST_ID", "first", "REQUEST_ID", "second"}, "second"},
		{"an empty one", []string{"REQUEST_ID", ""}, ""},
		{"an empty one beside another", []string{"REQUEST_ID", "", "UNIQUE_ID", "of-apache"}, "of-apache"},
		{"one that would end a header", []string{"REQUEST_ID", "a\r\nSet-Cookie: b"}, ""},
		{"one too long", []string{"REQUEST_ID", strings.Repeat("x", 129)}, ""},
		{"the visitor's", []string{"HTTP_X_REQUEST_ID", "of-a-visitor", "HTTP_REQUEST_ID", "of-a-visitor", "HTTP_UNIQUE_ID", "of-a-visitor"}, ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			uri := "/" + strings.ReplaceAll(row.name, " ", "-")
			q := b.served(c, "", b.params(append(row.pairs, "REQUEST_URI", uri)...)...)
			got, _ := q.Value("REQUEST_ID")
			if row.want != "" && got != row.want || row.want == "" && !made.MatchString(got) {
				t.Errorf("PHP got the id %q, want %q", got, row.want)
			}
			if logged := b.logged(`"path":"` + uri + `"`).String("request_id"); logged != got {
				t.Errorf("the log has the id %q, PHP %q", logged, got)
			}
		})
	}
}

func TestNewIDsDiffer(t *testing.T) {
	seen := map[string]bool{}
	for range 10_000 {
		id := string(appendRequestID(nil))
		if !made.MatchString(id) || seen[id] {
			t.Fatalf("%q is no id, or has been there", id)
		}
		seen[id] = true
	}
}

func TestAnIDCostsNoAllocation(t *testing.T) {
	rq := &request{pairs: []fcgi.Pair{{}, {Value: []byte("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")}}}
	rq.cgi.traceparent = 2
	if n := testing.AllocsPerRun(1000, func() {
		rq.identify()
		trace.ParseParent(rq.value(rq.cgi.traceparent))
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestTheIDIsInTheHeaderThatTheSiteNames(t *testing.T) {
	b := newBench(t)
	b.cfg.Sites[0].RequestIDHeader, b.cfg.Sites[0].ReleaseHeader = "X-Request-Id", "X-Release"
	b.start()
	for _, row := range []struct{ site, id, release string }{{"shop", "an-id", "1"}, {"blog", "", ""}} {
		c, q := b.running(stack.ParamsFor(b.docroot(row.site), "GET", "/a.php", "REQUEST_ID", "an-id")...)
		q.Answer(page)
		reply := b.reply(c)
		if id, release := reply.Header.Get("X-Request-Id"), reply.Header.Get("X-Release"); id != row.id || release != row.release || string(reply.Body) != "the page" {
			t.Errorf("%s: X-Request-Id %q, want %q; X-Release %q; body %q", row.site, id, row.id, release, reply.Body)
		}
	}
}

// The visitor of a request that realdocd answers itself can name it to the operator.
func TestErrorsTellTheID(t *testing.T) {
	b := newBench(t)
	b.cfg.Sites[0].RequestIDHeader = "X-Request-Id"
	b.start()
	c := b.connect()
	for _, row := range []struct {
		name   string
		pairs  []string
		body   string
		header string
		made   bool
	}{
		{"of a site", b.params("REQUEST_ID", "an-id", "SCRIPT_FILENAME", "/etc/passwd"), "403 Forbidden\nrequest id an-id\n", "an-id", false},
		{"of no site", stack.ParamsFor("/none", "GET", "/a.php", "REQUEST_ID", "another"), "404 Not Found\nrequest id another\n", "", false},
		{"of params that are not read", b.params("REQUEST_ID", "unread", "HTTP_X", strings.Repeat("x", fcgi.MaxParams)), "431 Request Header Fields Too Large\nrequest id ", "", true},
	} {
		t.Run(row.name, func(t *testing.T) {
			b.send(c, "", row.pairs...)
			reply := b.reply(c)
			id := strings.TrimPrefix(string(reply.Body), row.body)
			if row.made && !made.MatchString(strings.TrimSuffix(id, "\n")) || !row.made && id != "" {
				t.Errorf("the body is %q, want %q", reply.Body, row.body)
			}
			if got := reply.Header.Get("X-Request-Id"); got != row.header {
				t.Errorf("the header is %q, want %q", got, row.header)
			}
		})
	}
}

func TestEveryEventOfARequestHasItsIDAndTrace(t *testing.T) {
	b := newBench(t)
	b.cfg.AccessLog = LogNone
	b.start()
	const trace, span = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
	traced := func(id string) []string {
		return b.params("REQUEST_ID", id, "HTTP_TRACEPARENT", "00-"+trace+"-"+span+"-01", "HTTP_TRACESTATE", "a=b")
	}
	want := func(event stack.Event, id string) {
		t.Helper()
		if event.String("request_id") != id || event.String("trace_id") != trace || event.String("span_id") != span {
			t.Errorf("the event of %s is %v", id, event)
		}
	}
	c, q := b.running(traced("speaks")...)
	for name, want := range map[string]string{"HTTP_TRACEPARENT": "00-" + trace + "-" + span + "-01", "HTTP_TRACESTATE": "a=b"} {
		if got, _ := q.Value(name); got != want {
			t.Errorf("PHP got %s %q, want %q", name, got, want)
		}
	}
	b.must(q.Stderr("PHP message: oh"))
	q.Answer(page)
	b.wantPage(c)
	want(b.logged("FPM wrote to stderr"), "speaks")

	c, q = b.running(traced("fails")...)
	q.Close()
	b.wantRefused(c, 502)
	want(b.logged("without END_REQUEST"), "fails")

	c, q = b.running(traced("is-cut")...)
	ctx, cancel := context.WithCancel(t.Context())
	cut := shutDown(b, ctx)
	cancel()
	b.wantRefused(c, 503)
	q.Gone()
	wantCut(b, cut, CutOff{"GET /index.php", "is-cut"})
	want(b.logged("did not end within shutdown_timeout"), "is-cut")
}

func TestATraceThatIsNoneIsPassedOnAndNotLogged(t *testing.T) {
	b := newBench(t).start()
	const none = "00-00000000000000000000000000000000-00f067aa0ba902b7-01"
	q := b.served(b.connect(), "", b.params("HTTP_TRACEPARENT", none)...)
	if got, _ := q.Value("HTTP_TRACEPARENT"); got != none {
		t.Errorf("PHP got %q", got)
	}
	if event := b.logged(`"message":"request"`); event.String("trace_id") != "" || event.String("span_id") != "" {
		t.Errorf("the event is %v", event)
	}
}

func BenchmarkRequestID(b *testing.B) {
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		var own [ownIDLen]byte
		for pb.Next() {
			io.Discard.Write(appendRequestID(own[:0]))
		}
	})
}
