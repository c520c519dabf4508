package stack

import (
	"compress/gzip"
	"io"
	"net/http"
	"net/http/httptest"

	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"
)

// Collector is a collector of OpenTelemetry: it takes spans by OTLP over HTTP.
type Collector struct {
	URL   string
	Spans chan *tracepb.ResourceSpans // in the order that they came, each with one span
}

// CollectTraces starts one, until the test ends.
func CollectTraces(t TB) *Collector {
	t.Helper()
	c := &Collector{Spans: make(chan *tracepb.ResourceSpans, 1000)}
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := c.take(r); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
		}
	}))
	t.Cleanup(srv.Close)
	c.URL = srv.URL
	return c
}

// take reads a request, whose message has the fields of TracesData.
func (c *Collector) take(r *http.Request) error {
	body := io.Reader(r.Body)
	if r.Header.Get("Content-Encoding") == "gzip" {
		unzipped, err := gzip.NewReader(body)
		if err != nil {
			return err
		}
		body = unzipped
	}
	text, err := io.ReadAll(body)
	if err != nil {
		return err
	}
	var data tracepb.TracesData
	if err := proto.Unmarshal(text, &data); err != nil {
		return err
	}
	for _, of := range data.ResourceSpans {
		for _, scope := range of.ScopeSpans {
			for _, span := range scope.Spans {
				c.Spans <- &tracepb.ResourceSpans{Resource: of.Resource, SchemaUrl: r.URL.Path, ScopeSpans: []*tracepb.ScopeSpans{{Spans: []*tracepb.Span{span}}}}
			}
		}
	}
	return nil
}

// Next is the next span, and what it says, by the names of its attributes.
func (c *Collector) Next(t TB) (*tracepb.Span, map[string]any) {
	t.Helper()
	of := Receive(t, c.Spans, "a span")
	span := of.ScopeSpans[0].Spans[0]
	says := map[string]any{}
	for _, a := range append(of.Resource.Attributes, span.Attributes...) {
		switch v := a.Value; {
		case v.GetStringValue() != "":
			says[a.Key] = v.GetStringValue()
		case v.GetIntValue() != 0:
			says[a.Key] = v.GetIntValue()
		default:
			says[a.Key] = v.GetDoubleValue()
		}
	}
	return span, says
}
