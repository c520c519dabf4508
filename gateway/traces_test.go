package gateway

import (
	"encoding/hex"
	"net"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"realdocd/test/stack"
)

const (
	callersTrace = "0af7651916cd43dd8448eb211c80319c"
	callersSpan  = "b7ad6b7169203331"
)

func TestTrace_HangsBelowTheCallersSpanAndPHPsBelowIt(t *testing.T) {
	c := stack.CollectTraces(t)
	b := newBench(t)
	b.cfg.Trace = TraceConfig{Endpoint: c.URL}
	b.start()
	conn := b.connect()
	b.send(conn, "", b.params("HTTP_TRACEPARENT", "00-"+callersTrace+"-"+callersSpan+"-01", "HTTP_TRACESTATE", "a=b", "REQUEST_URI", "/pay?card=secret", "REQUEST_ID", "one")...)
	q := b.fpm.Next()
	passed, _ := q.Value("HTTP_TRACEPARENT")
	q.Answer(failedPage)
	b.reply(conn)
	span, says := c.Next(t)
	if want := "00-" + callersTrace + "-" + hex.EncodeToString(span.SpanId) + "-01"; passed != want {
		t.Errorf("PHP has %s, want %s", passed, want)
	}
	if hex.EncodeToString(span.TraceId) != callersTrace || hex.EncodeToString(span.ParentSpanId) != callersSpan || span.TraceState != "a=b" {
		t.Errorf("the span is %v", span)
	}
	for key, want := range map[string]any{
		"url.path": "/pay", "http.response.status_code": int64(500), "error.type": "500", "realdocd.site": "shop", "realdocd.release": "1",
		"realdocd.pool": "www", "realdocd.request_id": "one",
	} {
		if says[key] != want {
			t.Errorf("%s is %v, want %v", key, says[key], want)
		}
	}
	if strings.Contains(span.String(), "secret") {
		t.Errorf("the query is in the span: %v", span)
	}
	if e := b.logged(`"message":"request"`); e.String("trace_id") != callersTrace || e.String("span_id") != hex.EncodeToString(span.SpanId) {
		t.Errorf("the log has %v", e)
	}
	b.wantValue(`realdocd_trace_spans_total{result="exported"}`, 1)
}

func TestTrace_IsDrawnWithoutACaller(t *testing.T) {
	c := stack.CollectTraces(t)
	b := newBench(t)
	b.cfg.Trace = TraceConfig{Endpoint: c.URL, Ratio: 1}
	b.start()
	conn := b.connect()
	q := b.served(conn, "", b.params()...)
	passed, _ := q.Value("HTTP_TRACEPARENT")
	if span, _ := c.Next(t); passed != "00-"+hex.EncodeToString(span.TraceId)+"-"+hex.EncodeToString(span.SpanId)+"-01" || len(span.ParentSpanId) > 0 {
		t.Errorf("PHP has %q, and the span is %v", passed, span)
	}
	// A caller who is not sampled is passed on as he came.
	const not = "00-" + callersTrace + "-" + callersSpan + "-00"
	q = b.served(conn, "", b.params("HTTP_TRACEPARENT", not)...)
	if passed, _ = q.Value("HTTP_TRACEPARENT"); passed != not {
		t.Errorf("PHP has %q", passed)
	}
	// With another configuration nothing is traced, and what waits is sent.
	b.reload(func(c *Config) { c.Trace = TraceConfig{} })
	q = b.served(conn, "", b.params()...)
	if passed, there := q.Value("HTTP_TRACEPARENT"); there {
		t.Errorf("PHP has %q", passed)
	}
	if len(c.Spans) != 0 {
		t.Errorf("%d more spans", len(c.Spans))
	}
}

// A collector that is dead, and one that hangs, cost a request nothing, nor the end of the process much.
func TestTrace_HoldsNoRequestUp(t *testing.T) {
	dead, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	dead.Close()
	hung, err := net.Listen("tcp", "127.0.0.1:0") // the kernel takes connections, and nobody answers
	if err != nil {
		t.Fatal(err)
	}
	defer hung.Close()
	for name, addr := range map[string]string{"dead": dead.Addr().String(), "hung": hung.Addr().String()} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			b.cfg.Trace = TraceConfig{Endpoint: "http://" + addr, Ratio: 1}
			b.start()
			conn := b.connect()
			began := time.Now()
			for range 200 {
				b.served(conn, "", b.params()...)
			}
			if took := time.Since(began); took > 10*time.Second {
				t.Errorf("200 requests took %v", took)
			}
			if name == "dead" {
				b.logged("spans were not sent to the collector")
			}
			conn.Close()
			began = time.Now()
			b.server.Shutdown(t.Context())
			if took := time.Since(began); took > traceFlush+5*time.Second {
				t.Errorf("to stop took %v", took)
			}
		})
	}
}

// PHP is told how long the request has waited for it.
func TestQueueTime_IsToldToPHP(t *testing.T) {
	b := newLimited(t, 1).start()
	digits := regexp.MustCompile(`^[0-9]{10}$`)
	conn, q := b.running(b.params("REALDOC_QUEUE_US", "lie")...)
	first, _ := q.Value("REALDOC_QUEUE_US")
	if us, err := strconv.Atoi(first); !digits.MatchString(first) || err != nil || us > 1e6 {
		t.Errorf("one that did not wait has %q", first)
	}
	waits := b.waiting(1, "shop")
	began := time.Now()
	<-time.After(20 * time.Millisecond) // it waits for at least so long
	waited := time.Since(began)
	q.Answer(page)
	b.wantPage(conn)
	second, _ := b.fpm.Next().Value("REALDOC_QUEUE_US")
	if us, err := strconv.Atoi(second); !digits.MatchString(second) || err != nil || time.Duration(us)*time.Microsecond < waited || us > 60e6 {
		t.Errorf("one that has waited for more than %v has %q", waited, second)
	}
	waits.Close()
}

func TestServerTiming_IsThereOnDemand(t *testing.T) {
	b := newBench(t)
	b.cfg.Sites[0].ServerTiming = true
	b.start()
	conn := b.connect()
	b.send(conn, "", b.params()...)
	b.fpm.Next().Answer(page)
	reply := b.reply(conn)
	if got := reply.Header.Get("Server-Timing"); !regexp.MustCompile(`^queue;dur=[0-9.]+, connect;dur=[0-9.]+, php;dur=[0-9.]+, release;desc="1"$`).MatchString(got) {
		t.Errorf("the header is %q", got)
	}
	b.send(conn, "", b.params("DOCUMENT_ROOT", b.docroot("blog"), "SCRIPT_FILENAME", b.docroot("blog")+"/index.php")...)
	b.fpm.Next().Answer(page)
	if got := b.reply(conn).Header.Get("Server-Timing"); got != "" {
		t.Errorf("another site has %q", got)
	}
}
