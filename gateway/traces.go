package gateway

import (
	"bytes"
	"context"
	"sync/atomic"
	"time"

	"realdocd/gateway/exposition"
	"realdocd/gateway/trace"
)

// A TraceConfig says which requests a collector of OpenTelemetry is told of.
type TraceConfig struct {
	// Endpoint is the collector's URL; "" traces nothing.
	Endpoint string
	// Ratio is the share of requests without a caller's span that are traced, from 0 to 1.
	// One with a caller's span is traced if that is.
	Ratio float64
}

// tracer sends spans, while the configuration has an endpoint.
type tracer struct {
	exporter atomic.Pointer[trace.Exporter] // nil for none
	told     atomic.Int64                   // when the log was told last that the collector fails, since epoch
}

const (
	traceFlush = 2 * time.Second // for the last spans of a process, or of another endpoint
	traceTells = time.Minute     // between two events about a collector that fails
)

// traceTo has spans go to the endpoint of a configuration.
func (s *Server) traceTo(cfg *TraceConfig) {
	was := s.tracer.exporter.Load()
	if was != nil && was.Endpoint() == cfg.Endpoint {
		return
	}
	var next *trace.Exporter
	if cfg.Endpoint != "" {
		version := ""
		if b := s.build.Load(); b != nil {
			version = b.version
		}
		next = trace.NewExporter(cfg.Endpoint, version, s.traceFailed)
	}
	s.tracer.exporter.Store(next)
	if was != nil {
		go closeExporter(was)
	}
}

// closeExporter sends what waits, for as long as that may take.
func closeExporter(e *trace.Exporter) {
	ctx, cancel := context.WithTimeout(context.Background(), traceFlush)
	defer cancel()
	e.Close(ctx)
}

// traceFailed tells of a collector that does not take spans: now and then, since it may be
// out for days.
func (s *Server) traceFailed(err error) {
	now := int64(time.Since(epoch))
	if last := s.tracer.told.Load(); last != 0 && now-last < int64(traceTells) || s.life.now() >= finishing {
		return
	}
	s.tracer.told.Store(now)
	s.log.Warn().Err(err).Msg("spans were not sent to the collector, and are lost: see endpoint in [trace], and RestrictAddressFamilies= and IPAddressAllow= of the unit; requests are not held up")
}

// beginSpan decides whether the request is traced.
func (rq *request) beginSpan() {
	if c := &rq.setup.cfg.Trace; c.Endpoint != "" {
		rq.span = trace.Begin(rq.value(rq.cgi.traceparent), c.Ratio)
	}
}

// sendTraceparent has PHP's own spans hang below the request's.
func (rq *request) sendTraceparent() {
	if rq.span.Sampled {
		rq.set(rq.cgi.traceparent, "HTTP_TRACEPARENT", rq.span.Header(rq.ownTrace[:0]))
	}
}

// endSpan sends the span of a request that has ended.
func (s *Server) endSpan(rq *request, err error, now time.Time) {
	e := s.tracer.exporter.Load()
	if !rq.span.Sampled || e == nil {
		return
	}
	uri := cut(rq.value(rq.cgi.requestURI))
	if at := bytes.IndexByte(uri, '?'); at >= 0 {
		uri = uri[:at] // what is behind may be secret
	}
	pl := &rq.place
	span := trace.Span{
		Context: rq.span, State: string(cut(rq.tracestate())), Began: rq.began, Ended: now,
		Method: string(cutMethod(rq.value(rq.cgi.requestMethod))), Path: string(uri),
		Status: rq.status(), RequestID: string(rq.requestID),
		Receive: between(rq.began, pl.Queued), Queue: between(pl.Queued, pl.Entered), Connect: between(pl.Entered, pl.Connected),
		FirstByte: between(pl.Connected, rq.firstByte), PHP: between(pl.Connected, now),
	}
	if rq.site != nil {
		span.Site = rq.site.Name
	}
	if rq.visit.Release != nil {
		span.Release = rq.visit.Name
	}
	if rq.pool != nil {
		span.Pool = rq.pool.Name
	}
	if err != nil {
		span.Cause = causeOf(err).name
	}
	e.Take(span)
}

// tracestate is the header, which goes with the span.
func (rq *request) tracestate() []byte {
	for _, p := range rq.pairs {
		if string(p.Name) == "HTTP_TRACESTATE" {
			return p.Value
		}
	}
	return nil
}

// between is how long something took; less than 0 if it did not begin or end.
func between(from, to time.Time) time.Duration {
	if from.IsZero() || to.IsZero() {
		return -1
	}
	return to.Sub(from)
}

// collect has what became of spans, while there is an endpoint.
func (t *tracer) collect(set *exposition.Set) {
	e := t.exporter.Load()
	if e == nil {
		return
	}
	set.Add(traceSpans, float64(e.Exported.Load()), "exported")
	set.Add(traceSpans, float64(e.Dropped.Load()), "dropped")
	set.Add(traceSpans, float64(e.Failed.Load()), "failed")
}
