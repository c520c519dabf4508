// Package trace tells a collector of OpenTelemetry of requests: a span for each that is
// sampled.
//
// [Begin] decides, when a request comes, whether it is sampled: if the caller's header
// traceparent says so, and without a caller for a share of requests, drawn at random. The
// [Context] has the ids; [Context.Header] is what the next in line gets, so that its spans
// hang below this one. Nothing is allocated for that.
//
// An [Exporter] takes the [Span] of a request that has ended, and sends it over HTTP with
// others. It never holds anybody up: what its queue has no room for is dropped, and
// counted. One goroutine sends; it ends with Close.
//
// Names of attributes are those of OpenTelemetry's semantic conventions 1.37
// (https://opentelemetry.io/docs/specs/semconv/http/http-spans/), and begin with
// "realdocd." where these have none.
package trace
