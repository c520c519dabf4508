package trace

import (
	"strconv"
	"strings"
	"time"

	commonpb "go.opentelemetry.io/proto/otlp/common/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
)

// A Span is a request that has ended. Texts that are "" and durations that did not happen
// (negative) are left out.
type Span struct {
	Context
	State string // the header tracestate, as it came

	Began, Ended time.Time
	Method, Path string
	Status       int
	// Cause is why realdocd has answered or broken off itself, "" if it has not.
	Cause string

	Site, Release, Pool, RequestID string
	// Receive is the time until the request was whole, Queue in the queue, Connect to a
	// connection to FPM, FirstByte from there to the first byte of the response, and PHP
	// from there to its end.
	Receive, Queue, Connect, FirstByte, PHP time.Duration
}

// methods are those that a span has by their names; a visitor may write any.
var methods = map[string]bool{
	"GET": true, "HEAD": true, "POST": true, "PUT": true, "PATCH": true, "DELETE": true, "OPTIONS": true, "CONNECT": true, "TRACE": true,
}

// proto is the span on the wire.
func (s *Span) proto() *tracepb.Span {
	p := &tracepb.Span{
		TraceId: s.Trace[:], SpanId: s.Context.Span[:], TraceState: valid(s.State), Kind: tracepb.Span_SPAN_KIND_SERVER,
		Name: s.Method, StartTimeUnixNano: uint64(s.Began.UnixNano()), EndTimeUnixNano: uint64(s.Ended.UnixNano()),
		Flags: sampledFlag,
	}
	if s.Parent != [8]byte{} {
		p.ParentSpanId = s.Parent[:]
	}
	text := func(key, value string) {
		if value != "" {
			p.Attributes = append(p.Attributes, textAttribute(key, value))
		}
	}
	if methods[s.Method] {
		text("http.request.method", s.Method)
	} else {
		p.Name = "HTTP"
		text("http.request.method", "_OTHER")
		text("http.request.method_original", s.Method)
	}
	text("url.path", s.Path)
	if s.Status != 0 {
		p.Attributes = append(p.Attributes, &commonpb.KeyValue{
			Key: "http.response.status_code", Value: &commonpb.AnyValue{Value: &commonpb.AnyValue_IntValue{IntValue: int64(s.Status)}},
		})
	}
	text("realdocd.site", s.Site)
	text("realdocd.release", s.Release)
	text("realdocd.pool", s.Pool)
	text("realdocd.request_id", s.RequestID)
	for _, d := range []struct {
		key  string
		took time.Duration
	}{
		{"realdocd.receive.duration", s.Receive},
		{"realdocd.queue.duration", s.Queue},
		{"realdocd.connect.duration", s.Connect},
		{"realdocd.first_byte.duration", s.FirstByte},
		{"realdocd.php.duration", s.PHP},
	} {
		if d.took >= 0 {
			p.Attributes = append(p.Attributes, &commonpb.KeyValue{
				Key: d.key, Value: &commonpb.AnyValue{Value: &commonpb.AnyValue_DoubleValue{DoubleValue: d.took.Seconds()}},
			})
		}
	}
	s.addFailure(p)
	return p
}

// addFailure says that a request has failed: for the server that is one of 5xx, and one
// that realdocd has broken off. That a visitor has left is no failure of a server.
func (s *Span) addFailure(p *tracepb.Span) {
	kind := s.Cause
	if kind == "" && s.Status >= 500 {
		kind = strconv.Itoa(s.Status)
	}
	if kind == "" {
		return
	}
	p.Attributes = append(p.Attributes, textAttribute("error.type", kind))
	if s.Status >= 500 || s.Status < 400 {
		p.Status = &tracepb.Status{Code: tracepb.Status_STATUS_CODE_ERROR}
	}
}

func textAttribute(key, value string) *commonpb.KeyValue {
	return &commonpb.KeyValue{Key: key, Value: &commonpb.AnyValue{Value: &commonpb.AnyValue_StringValue{StringValue: valid(value)}}}
}

// valid is a text as the wire takes it. One that is not, such as a header of a visitor or the
// name of a directory, would cost all spans of its batch.
func valid(text string) string { return strings.ToValidUTF8(text, "\uFFFD") }
