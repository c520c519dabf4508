package trace

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel/exporters/otlp/otlptrace"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	commonpb "go.opentelemetry.io/proto/otlp/common/v1"
	resourcepb "go.opentelemetry.io/proto/otlp/resource/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
)

const (
	maxQueued   = 4096            // spans that wait; more are dropped
	maxBatch    = 512             // spans in one request to the collector
	batchAfter  = time.Second     // how long the first of them waits for others
	sendTimeout = 5 * time.Second // for one request to the collector
	// schema is of the names of the attributes.
	schema = "https://opentelemetry.io/schemas/1.37.0"
)

// An Exporter sends spans to a collector. Any goroutine may use it.
type Exporter struct {
	endpoint string
	client   otlptrace.Client
	service  *resourcepb.Resource
	version  string
	failed   func(error) // is told of each request to the collector that has failed

	queue chan Span
	stop  chan struct{}
	ended chan struct{}
	once  sync.Once

	// Exported counts spans that the collector has taken, Dropped those that the queue
	// had no room for, Failed those that the collector did not take.
	Exported, Dropped, Failed atomic.Uint64
}

// CheckEndpoint says what is wrong with an endpoint.
func CheckEndpoint(endpoint string) error {
	u, err := url.Parse(endpoint)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return fmt.Errorf(`want the URL of a collector, such as "http://127.0.0.1:4318", not %q`, endpoint)
	}
	return nil
}

// NewExporter makes one for an endpoint that CheckEndpoint has found good. Without a path
// it is that of OTLP, /v1/traces. Further settings, such as headers and certificates, come
// from the environment, by OpenTelemetry's own names (OTEL_EXPORTER_OTLP_HEADERS). failed
// is called by the Exporter's goroutine.
func NewExporter(endpoint, version string, failed func(error)) *Exporter {
	e := &Exporter{
		endpoint: endpoint, version: version, failed: failed, service: service(version, os.Getenv),
		queue: make(chan Span, maxQueued), stop: make(chan struct{}), ended: make(chan struct{}),
	}
	e.client = otlptracehttp.NewClient(
		otlptracehttp.WithEndpointURL(endpoint), otlptracehttp.WithCompression(otlptracehttp.GzipCompression),
		otlptracehttp.WithTimeout(sendTimeout), otlptracehttp.WithRetry(otlptracehttp.RetryConfig{Enabled: false}),
	)
	go e.run()
	return e
}

// Endpoint is what the Exporter was made with.
func (e *Exporter) Endpoint() string { return e.endpoint }

// Take takes the span of a request that has ended, or drops it. It never waits.
func (e *Exporter) Take(s Span) {
	select {
	case e.queue <- s:
	default:
		e.Dropped.Add(1)
	}
}

// Close sends what waits, until ctx ends, and drops the rest. It may be called once more.
func (e *Exporter) Close(ctx context.Context) {
	e.once.Do(func() { close(e.stop) })
	select {
	case <-e.ended:
	case <-ctx.Done():
		e.client.Stop(ctx) // ends what is being sent
		<-e.ended
	}
}

// run sends spans until Close. It does not begin a request to the collector then but for what
// waits.
func (e *Exporter) run() {
	defer close(e.ended)
	e.client.Start(context.Background()) // does nothing but to remember
	for {
		var batch []*tracepb.Span
		select {
		case s := <-e.queue:
			batch = e.gather(s)
		case <-e.stop:
			if batch = e.rest(nil); len(batch) == 0 {
				return
			}
		}
		e.send(batch)
	}
}

// gather waits for others that go with a span.
func (e *Exporter) gather(first Span) []*tracepb.Span {
	batch := []*tracepb.Span{first.proto()}
	full := time.NewTimer(batchAfter)
	defer full.Stop()
	for len(batch) < maxBatch {
		select {
		case s := <-e.queue:
			batch = append(batch, s.proto())
		case <-full.C:
			return batch
		case <-e.stop:
			return e.rest(batch)
		}
	}
	return batch
}

// rest adds what waits.
func (e *Exporter) rest(batch []*tracepb.Span) []*tracepb.Span {
	for len(batch) < maxBatch {
		select {
		case s := <-e.queue:
			batch = append(batch, s.proto())
		default:
			return batch
		}
	}
	return batch
}

func (e *Exporter) send(batch []*tracepb.Span) {
	ctx, cancel := context.WithTimeout(context.Background(), sendTimeout)
	defer cancel()
	err := e.client.UploadTraces(ctx, []*tracepb.ResourceSpans{{
		Resource: e.service, SchemaUrl: schema,
		ScopeSpans: []*tracepb.ScopeSpans{{Scope: &commonpb.InstrumentationScope{Name: "realdocd", Version: e.version}, Spans: batch, SchemaUrl: schema}},
	}})
	if err != nil {
		e.Failed.Add(uint64(len(batch)))
		e.failed(fmt.Errorf("send %d spans to %s: %w", len(batch), e.endpoint, err))
		return
	}
	e.Exported.Add(uint64(len(batch)))
}

// service says whose spans these are: as the environment has it, by OpenTelemetry's own
// names, or realdocd.
func service(version string, getenv func(string) string) *resourcepb.Resource {
	r := &resourcepb.Resource{}
	has := map[string]bool{}
	add := func(key, value string) {
		if value != "" && !has[key] {
			has[key] = true
			r.Attributes = append(r.Attributes, textAttribute(key, value))
		}
	}
	add("service.name", getenv("OTEL_SERVICE_NAME"))
	for _, pair := range strings.Split(getenv("OTEL_RESOURCE_ATTRIBUTES"), ",") {
		key, value, _ := strings.Cut(pair, "=")
		if plain, err := url.PathUnescape(strings.TrimSpace(value)); err == nil {
			add(strings.TrimSpace(key), plain)
		}
	}
	add("service.name", "realdocd")
	add("service.version", version)
	host, _ := os.Hostname()
	add("host.name", host)
	return r
}
