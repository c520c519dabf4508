package gateway

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"io"
	"net"
	"slices"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"realdocd/fcgi"
	"realdocd/gateway/fpm"
	"realdocd/gateway/sock"
	"realdocd/test/stack"
)

// BenchmarkRequest is a small request with all of its log, from the web server's bytes to the response's,
// with an FPM that has the answer ready. In the rows with a new connection to it, the allocations are those
// of the connection, at both of its ends.
func BenchmarkRequest(b *testing.B) {
	for _, row := range []struct {
		name  string
		reuse bool
		pairs []string
	}{
		{"over a kept connection", true, nil},
		{"over a kept connection, with an id and a trace", true, traced},
		{"over a new connection", false, nil},
		{"over a new connection, with an id and a trace", false, traced},
	} {
		b.Run(row.name, func(b *testing.B) { benchmarkRequest(b, row.reuse, row.pairs, func(*Config) {}) })
	}
	b.Run("over a kept connection, one in a hundred traced", func(b *testing.B) {
		collector := stack.CollectTraces(b)
		go func() {
			for range collector.Spans {
			}
		}()
		benchmarkRequest(b, true, nil, func(c *Config) { c.Trace = TraceConfig{Endpoint: collector.URL, Ratio: .01} })
	})
}

func benchmarkRequest(b *testing.B, reuse bool, pairs []string, change func(*Config)) {
	ask := newCost(b, reuse, pairs, change)
	b.ReportAllocs()
	for b.Loop() {
		ask()
	}
}

var traced = []string{
	"REQUEST_ID", "4bf92f3577b34da6a3ce929d0e0e4736",
	"HTTP_TRACEPARENT", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
}

func TestARequestOverAKeptConnectionAllocatesNothing(t *testing.T) {
	if underRace {
		t.Skip("the race detector has pools forget at random, and what they forget is allocated anew")
	}
	ask := newCost(t, true, traced, func(*Config) {})
	if n := testing.AllocsPerRun(2000, ask); n > 0 {
		t.Errorf("%v allocations", n)
	}
}

// newCost makes a gateway, whose configuration change may change, and an FPM. ask sends a
// request, and reads the response.
func newCost(t testing.TB, reuse bool, pairs []string, change func(*Config)) (ask func()) {
	bench := newBench(t)
	bench.fpm.Close()
	ready, err := net.ListenUnix("unix", &net.UnixAddr{Name: bench.dir + "/ready", Net: "unix"})
	bench.must(err)
	t.Cleanup(func() { ready.Close() })
	go answerAll(ready)
	pool := &bench.cfg.Pools[0]
	pool.Servers, pool.Reuse = []sock.Addr{sock.Addr(bench.dir + "/ready")}, reuse
	bench.facts = fpm.Answer{Version: "8.2.36", Workers: 12}
	if !reuse {
		bench.logger = zerolog.New(io.Discard)
	} else {
		bench.logger = zerolog.New(firstWrites{bench.log})
	}
	change(&bench.cfg)
	bench.start()
	if reuse {
		bench.logged("connections to FPM are kept")
	}

	var request []byte
	request = fcgi.AppendBegin(request, 1, fcgi.Begin{Role: fcgi.RoleResponder, KeepConn: true})
	request = fcgi.AppendStream(request, fcgi.Params, 1, stack.Pairs(bench.params(pairs...)...))
	request = fcgi.AppendHeader(request, fcgi.Params, 1, 0)
	request = fcgi.AppendHeader(request, fcgi.Stdin, 1, 0)
	web := bench.connect().Conn
	answer := make([]byte, len(readyAnswer()))
	return func() {
		if _, err := web.Write(request); err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadFull(web, answer); err != nil {
			t.Fatal(err)
		}
		if !bytes.Contains(answer, []byte("the page")) {
			t.Fatalf("the answer is %q", answer)
		}
	}
}

// firstWrites keeps the daemon's own events, and none of requests.
type firstWrites struct{ log *logBuffer }

var aRequestsEvent = []byte(`"message":"request"`)

func (w firstWrites) Write(line []byte) (int, error) {
	if bytes.Contains(line, aRequestsEvent) {
		return len(line), nil
	}
	return w.log.Write(line)
}

func readyAnswer() []byte {
	return fcgi.AppendEnd(fcgi.AppendStream(nil, fcgi.Stdout, 1, []byte(page)), 1, 0, fcgi.RequestComplete)
}

// answerAll answers what fits one read, until the listener is closed.
func answerAll(listener *net.UnixListener) {
	for {
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		go answerOn(conn)
	}
}

// answerOn answers requests on one connection, as PHP-FPM does, if they are to be kept.
func answerOn(conn net.Conn) {
	defer conn.Close()
	answer, request := readyAnswer(), make([]byte, 4<<10)
	for keep := true; keep; {
		n, _ := conn.Read(request)
		if n < 2*fcgi.HeaderLen {
			return
		}
		keep = request[fcgi.HeaderLen+2]&1 != 0
		fcgi.SetID(answer, binary.BigEndian.Uint16(request[2:]))
		conn.Write(answer)
	}
}

// plainParams are what nginx sends, with the names of its fastcgi_params.
func (b *bench) plainParams() []string {
	return b.params(
		"QUERY_STRING", "a=b&c=d", "CONTENT_TYPE", "", "CONTENT_LENGTH", "", "DOCUMENT_URI", "/index.php", "REQUEST_SCHEME", "http",
		"SERVER_SOFTWARE", "nginx/1.22.1", "REMOTE_PORT", "51234", "REMOTE_USER", "", "SERVER_ADDR", "::1", "SERVER_PORT", "80",
		"SERVER_NAME", "shop.example.com", "REDIRECT_STATUS", "200", "PATH_INFO", "", "HTTP_HOST", "shop.example.com",
		"HTTP_USER_AGENT", "Mozilla/5.0 (X11; Linux x86_64; rv:128.0)", "HTTP_ACCEPT", "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8",
		"HTTP_COOKIE", "session=0123456789abcdef; theme=dark", "HTTP_REFERER", "http://shop.example.com/list",
		"PHP_VALUE", `include_path=".:`+b.link("shop")+`/lib"`,
	)
}

// What is written as the configuration has it costs no allocation to map, nor does what a web server has
// resolved itself.
func TestMappingAPlainRequestAllocatesNothing(t *testing.T) {
	b := newBench(t).start()
	b.served(b.connect(), "", b.params()...)
	resolved := b.plainParams()
	resolved[slices.Index(resolved, "SCRIPT_FILENAME")+1] = b.release("shop", "1") + "/public/index.php"
	for name, pairs := range map[string][]string{
		"plain":                    b.plainParams(),
		"with the script resolved": resolved,
	} {
		rq := &request{conn: &webConn{s: b.server}, setup: b.server.setup.Load()}
		if err := rq.params.Add(stack.Pairs(pairs...)); err != nil {
			t.Fatal(err)
		}
		run := func() {
			rq.text, rq.cgi, rq.began = rq.text[:0], cgi{}, time.Now()
			for _, step := range []func() error{rq.readParams, rq.findSite, rq.enter, rq.rewrite} {
				if err := step(); err != nil {
					t.Fatal(err)
				}
			}
			rq.visit.Leave(rq.began, false)
		}
		run()
		if got := sent(rq, "SCRIPT_FILENAME"); got != b.release("shop", "1")+"/public/index.php" {
			t.Errorf("%s: SCRIPT_FILENAME is %s", name, got)
		}
		if n := testing.AllocsPerRun(200, run); n > 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}

// A pin costs no allocation either, whether it is followed, of the page, or none of ours.
func TestAPinnedRequestAllocatesNothing(t *testing.T) {
	if underRace {
		t.Skip("the race detector has pools forget at random, and what they forget is allocated anew")
	}
	for name, run := range pinnedRequests(t) {
		if n := testing.AllocsPerRun(200, run); n >= 1 { // below it is the pin of each second
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}

func BenchmarkPins(b *testing.B) {
	for name, run := range pinnedRequests(b) {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				run()
			}
		})
	}
}

// pinnedRequests go the way from the params to what FPM gets, each time that they are called.
func pinnedRequests(t testing.TB) map[string]func() {
	b := pinned(t, nil)
	old := b.page()
	b.flip("2")
	now := b.page()
	forged := base64.RawURLEncoding.EncodeToString(make([]byte, 48)) + ".1"
	runs := map[string]func(){}
	for name, more := range map[string][]string{
		"off":                  fetch,
		"a page without a pin": toPage,
		"a page with its pin":  with(toPage, "HTTP_COOKIE", "a=b; release="+now),
		"the live release":     with(fetch, "HTTP_COOKIE", "release="+now),
		"an old release":       with(fetch, "HTTP_X_RELEASE_PIN", old),
		"a forged one":         with(fetch, "HTTP_X_RELEASE_PIN", forged, "HTTP_COOKIE", "release="+forged),
	} {
		rq := &request{conn: &webConn{s: b.server}, setup: b.server.setup.Load()}
		if err := rq.params.Add(stack.Pairs(append(b.plainParams(), more...)...)); err != nil {
			t.Fatal(err)
		}
		runs[name] = func() {
			b.server.setup.Load().sites.all[0].readsPins.Store(name != "off")
			rq.text, rq.cgi, rq.began, rq.pins = rq.text[:0], cgi{}, time.Now(), pinning{}
			for _, step := range []func() error{rq.readParams, rq.findSite, rq.enter, rq.rewrite} {
				if err := step(); err != nil {
					t.Fatal(err)
				}
			}
			rq.visit.Leave(rq.began, false)
		}
		runs[name]()
	}
	return runs
}

// sent is a variable as it goes to FPM.
func sent(rq *request, name string) (last string) {
	for _, p := range rq.pairs {
		if string(p.Name) == name {
			last = string(p.Value)
		}
	}
	return last
}
