package trace

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"

	"realdocd/test/stack"
)

func aSpan() Span {
	began := time.Unix(1_800_000_000, 0)
	c := Begin(nil, 1)
	return Span{
		Context: c, Began: began, Ended: began.Add(time.Second), Method: "GET", Path: "/checkout", Status: 200, Site: "shop", Release: "42", Pool: "www",
		RequestID: "5f1d", Receive: time.Millisecond, Queue: 250 * time.Millisecond, Connect: time.Millisecond, FirstByte: -1, PHP: 500 * time.Millisecond,
	}
}

func noFailure(t *testing.T) func(error) {
	return func(err error) { t.Errorf("the exporter says %v", err) }
}

func TestExporter_SendsWhatTheConventionsSay(t *testing.T) {
	t.Setenv("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment.name=pro%20d,service.version=9")
	c := stack.CollectTraces(t)
	e := NewExporter(c.URL, "1.2.3", noFailure(t))
	s := aSpan()
	s.Parent = [8]byte{7: 5}
	e.Take(s)
	e.Close(t.Context())
	span, says := c.Next(t)
	if string(span.TraceId) != string(s.Trace[:]) || string(span.SpanId) != string(s.Span[:]) || string(span.ParentSpanId) != string(s.Parent[:]) ||
		span.Kind != tracepb.Span_SPAN_KIND_SERVER || span.Name != "GET" || span.EndTimeUnixNano-span.StartTimeUnixNano != 1e9 || span.Status != nil {
		t.Errorf("the span is %v", span)
	}
	for key, want := range map[string]any{
		"service.name": "realdocd", "service.version": "9", "deployment.environment.name": "pro d",
		"http.request.method": "GET", "url.path": "/checkout", "http.response.status_code": int64(200),
		"realdocd.site": "shop", "realdocd.release": "42", "realdocd.pool": "www", "realdocd.request_id": "5f1d",
		"realdocd.queue.duration": 0.25, "realdocd.php.duration": 0.5,
	} {
		if says[key] != want {
			t.Errorf("%s is %v, want %v", key, says[key], want)
		}
	}
	if _, there := says["realdocd.first_byte.duration"]; there {
		t.Error("a duration that did not happen is told")
	}
	if n := e.Exported.Load(); n != 1 {
		t.Errorf("%d were exported", n)
	}
}

// What a visitor writes may be no text at all. It must not cost other requests their spans.
func TestExporter_SendsWhatIsNoText(t *testing.T) {
	c := stack.CollectTraces(t)
	e := NewExporter(c.URL, "1.2.3", noFailure(t))
	s := aSpan()
	s.State, s.Method, s.Path, s.Release = "a=\xff", "G\xfeT", "/\xfd", "4\xfc"
	e.Take(s)
	e.Close(t.Context())
	span, says := c.Next(t)
	if span.TraceState != "a=\uFFFD" || says["url.path"] != "/\uFFFD" || says["realdocd.release"] != "4\uFFFD" || says["http.request.method_original"] != "G\uFFFDT" {
		t.Errorf("the span is %v, %v", span, says)
	}
}

func TestSpan_TellsFailuresOfTheServerFromThoseOfOthers(t *testing.T) {
	for _, row := range []struct {
		name, cause string
		status      int
		kind        string
		failed      bool
	}{
		{"all is well", "", 200, "", false},
		{"PHP has failed", "", 500, "500", true},
		{"the queue is full", "queue_full", 503, "queue_full", true},
		{"a response that was broken off", "fpm_failed", 200, "fpm_failed", true},
		{"the visitor has left", "client_gone", 499, "client_gone", false},
		{"no such page", "", 404, "", false},
	} {
		s := aSpan()
		s.Status, s.Cause = row.status, row.cause
		p := s.proto()
		kind := ""
		for _, a := range p.Attributes {
			if a.Key == "error.type" {
				kind = a.Value.GetStringValue()
			}
		}
		if failed := p.Status.GetCode() == tracepb.Status_STATUS_CODE_ERROR; kind != row.kind || failed != row.failed {
			t.Errorf("%s: error.type %q, failed %t", row.name, kind, failed)
		}
	}
	s := aSpan()
	s.Method = "BREW"
	if p := s.proto(); p.Name != "HTTP" {
		t.Errorf("a method of a visitor's own is in the name %q", p.Name)
	}
}

func TestBegin_GoesByTheCallerAndByTheShare(t *testing.T) {
	const trace, span = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
	c := Begin([]byte("00-"+trace+"-"+span+"-01"), 0)
	if !c.Sampled || string(c.Header(nil)[:36]) != "00-"+trace+"-" || c.Parent == [8]byte{} || c.Span == c.Parent {
		t.Errorf("of a caller who is sampled it makes %+v", c)
	}
	if _, child, ok := ParseParent(c.Header(nil)); !ok || string(child) == span {
		t.Errorf("what it passes on is %s", c.Header(nil))
	}
	if c := Begin([]byte("00-"+trace+"-"+span+"-00"), 1); c.Sampled {
		t.Error("a request whose caller is not sampled is")
	}
	if c := Begin([]byte("00-"+trace+"-"+span+"-03"), 0); !c.Sampled {
		t.Error("a flag beside that of a caller who is sampled hides it")
	}
	n := 0
	for range 1000 {
		if c := Begin([]byte("nonsense"), 0.25); c.Sampled {
			n++
			if c.Parent != [8]byte{} || c.Trace == [16]byte{} || c.Span == [8]byte{} {
				t.Fatalf("without a caller it makes %+v", c)
			}
		}
	}
	if n < 150 || n > 350 {
		t.Errorf("%d of 1000 are sampled, with a share of 0.25", n)
	}
	if n := testing.AllocsPerRun(100, func() { Begin([]byte(nil), 0) }); n != 0 {
		t.Errorf("%v allocations of a request that is not sampled", n)
	}
}

// Whatever the collector does, nobody waits for it, and what is lost is counted.
func TestExporter_NeverHoldsAnybodyUp(t *testing.T) {
	hangs := make(chan struct{})
	hung := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-hangs }))
	defer hung.Close()
	defer close(hangs)
	refuses := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "no", http.StatusForbidden) }))
	defer refuses.Close()
	dead, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	dead.Close()
	for name, url := range map[string]string{"it hangs": hung.URL, "it refuses": refuses.URL, "it is dead": "http://" + dead.Addr().String()} {
		t.Run(name, func(t *testing.T) {
			told := make(chan error, 1000)
			e := NewExporter(url, "", func(err error) { told <- err })
			const n = 3 * maxQueued
			began := time.Now()
			s := aSpan()
			for range n {
				e.Take(s)
			}
			if took := time.Since(began); took > sendTimeout/2 {
				t.Errorf("%d spans took %v", n, took)
			}
			ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
			defer cancel()
			began = time.Now()
			e.Close(ctx)
			if took := time.Since(began); took > sendTimeout/2 {
				t.Errorf("to close took %v", took)
			}
			if lost := e.Dropped.Load() + e.Failed.Load(); lost != n || e.Exported.Load() != 0 {
				t.Errorf("of %d spans %d were dropped, %d failed", n, e.Dropped.Load(), e.Failed.Load())
			}
			if err := stack.Receive(t, told, "word of what has failed"); !strings.Contains(err.Error(), url) || errors.Unwrap(err) == nil {
				t.Errorf("it says %v", err)
			}
		})
	}
}
