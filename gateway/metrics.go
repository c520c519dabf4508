package gateway

import (
	"maps"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"realdocd/gateway/exposition"
)

// metrics are what /metrics says. The counters of a site are looked up when the
// configuration is put to work, so that a request does not look them up. What others
// count anyway, the collector reads when somebody asks for it (families.go).
type metrics struct {
	registry *prometheus.Registry

	refusals   *prometheus.CounterVec // cause
	suppressed *prometheus.CounterVec // kind
	crowded    prometheus.Counter
	dropped    *prometheus.CounterVec // site, pool, method
	trials     *prometheus.CounterVec // site, kind, ended

	queue     *prometheus.HistogramVec // pool, as all of these
	connect   *prometheus.HistogramVec
	firstByte *prometheus.HistogramVec
	duration  *prometheus.HistogramVec

	byCause map[*cause]prometheus.Counter
	nobody  *siteMetrics // of requests that belong to no site

	mu    sync.Mutex // guards the following
	pools map[string]*poolMetrics
	sites map[siteInPool]*siteMetrics
}

// siteInPool is a site that may have been in another pool before.
type siteInPool struct{ site, pool string }

func newMetrics() *metrics {
	spans := func(name, help string) *prometheus.HistogramVec {
		return prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Namespace: "realdocd", Name: name, Help: help, Buckets: exposition.Bounds[:],
			// For a Prometheus that takes native histograms; the buckets above are for all others.
			NativeHistogramBucketFactor: 1.1, NativeHistogramMaxBucketNumber: 100, NativeHistogramMinResetDuration: time.Hour,
		}, []string{"pool"})
	}
	m := &metrics{
		registry: prometheus.NewRegistry(),
		refusals: prometheus.NewCounterVec(prometheus.CounterOpts{
			Namespace: "realdocd", Name: "refusals_total", Help: "Requests that realdocd has answered itself or broken off.",
		}, []string{"cause"}),
		suppressed: prometheus.NewCounterVec(prometheus.CounterOpts{
			Namespace: "realdocd", Name: "log_events_suppressed_total", Help: "Events that were not written because there were too many like them.",
		}, []string{"kind"}),
		crowded: prometheus.NewCounter(prometheus.CounterOpts{
			Namespace: "realdocd", Name: "web_connections_refused_total", Help: "Connections of web servers that were closed because there were max_connections.",
		}),
		dropped: prometheus.NewCounterVec(prometheus.CounterOpts{
			Namespace: "realdocd", Name: "dropped_total", Help: "Requests whose web server left before PHP-FPM had them, and that never ran.",
		}, []string{"site", "pool", "method"}),
		trials: prometheus.NewCounterVec(prometheus.CounterOpts{
			Namespace: "realdocd", Name: "trials_total", Help: "Canaries and bakes that have ended, by what ended them.",
		}, []string{"site", "kind", "ended"}),
		queue:     spans("queue_duration_seconds", "From the whole request to its place in the pool."),
		connect:   spans("connect_duration_seconds", "From the place to the connection to FPM."),
		firstByte: spans("first_byte_duration_seconds", "From the connection to the first byte of the response."),
		duration:  spans("request_duration_seconds", "From BEGIN_REQUEST to the end of the response."),
		byCause:   map[*cause]prometheus.Counter{},
		pools:     map[string]*poolMetrics{},
		sites:     map[siteInPool]*siteMetrics{},
	}
	m.registry.MustRegister(m.refusals, m.suppressed, m.crowded, m.dropped, m.trials, m.queue, m.connect, m.firstByte, m.duration,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	for _, c := range causes {
		m.byCause[c] = m.refusals.WithLabelValues(c.name)
	}
	m.nobody = m.site("", "")
	return m
}

// siteMetrics count the requests of one site in one pool.
type siteMetrics struct {
	byClass         classCounts
	resolveFailures atomic.Uint64
	lost            atomic.Uint64              // releases that were removed while they were in use
	lostRequests    atomic.Uint64              // who was inside
	docroots        map[string]*docrootMetrics // of a pattern; guarded by metrics.mu
	pins            [pinResults]atomic.Uint64
	told            atomic.Uint64 // web servers that have asked for the release
	pool            *poolMetrics
}

// poolMetrics are the times of the requests in one pool.
type poolMetrics struct{ queue, connect, firstByte, duration prometheus.Observer }

// classes of statuses; the first is that of a client that left before one was known.
var classes = [...]string{"499", "1xx", "2xx", "3xx", "4xx", "5xx"}

// classCounts count requests by class.
type classCounts [len(classes)]atomic.Uint64

func class(status int) int {
	if c := status / 100; status != statusClientGone && c >= 1 && c <= 5 {
		return c
	}
	return 0
}

func (m *metrics) site(name, pool string) *siteMetrics {
	pm := m.pool(pool)
	m.mu.Lock()
	defer m.mu.Unlock()
	key := siteInPool{name, pool}
	sm := m.sites[key]
	if sm == nil {
		sm = &siteMetrics{pool: pm}
		m.sites[key] = sm
	}
	return sm
}

func (m *metrics) pool(name string) *poolMetrics {
	m.mu.Lock()
	defer m.mu.Unlock()
	pm := m.pools[name]
	if pm == nil {
		pm = &poolMetrics{
			m.queue.WithLabelValues(name), m.connect.WithLabelValues(name),
			m.firstByte.WithLabelValues(name), m.duration.WithLabelValues(name),
		}
		m.pools[name] = pm
	}
	return pm
}

// count counts a request that has ended.
func (m *metrics) count(rq *request, err error, now time.Time) {
	sm := m.nobody
	if rq.site != nil {
		sm = rq.site.metrics
	}
	class := class(rq.status())
	sm.byClass[class].Add(1)
	m.countInRelease(rq, class, err, now)
	if err != nil {
		m.byCause[causeOf(err)].Inc()
	}
	if err != nil && !rq.sent && causeOf(err) == causeClientGone {
		m.countDropped(rq)
	}
	observe(sm.pool.queue, rq.place.Queued, rq.place.Entered)
	observe(sm.pool.connect, rq.place.Entered, rq.place.Connected)
	observe(sm.pool.firstByte, rq.place.Connected, rq.firstByte)
	observe(sm.pool.duration, rq.began, now)
}

// countDropped counts a request that never ran, because its web server left before.
func (m *metrics) countDropped(rq *request) {
	site, pool := "", ""
	if rq.site != nil {
		site = rq.site.Name
	}
	if rq.pool != nil {
		pool = rq.pool.Name
	}
	method := string(rq.value(rq.cgi.requestMethod))
	if !slices.Contains(countedMethods, method) {
		method = "other"
	}
	m.dropped.WithLabelValues(site, pool, method).Inc()
}

// countedMethods are those that have a label of their own: a visitor may write any.
var countedMethods = []string{
	http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions,
}

// trialEnded counts a trial that has ended.
func (m *metrics) trialEnded(site, kind, ended string) {
	m.trials.WithLabelValues(site, kind, ended).Inc()
}

func observe(o prometheus.Observer, from, to time.Time) {
	if !from.IsZero() && !to.IsZero() {
		o.Observe(to.Sub(from).Seconds())
	}
}

// forget drops what is counted for sites and pools that a reload has taken away.
func (m *metrics) forget(before, now *setup) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, st := range before.sites.all {
		if now.sites.named(st.Name) == nil {
			maps.DeleteFunc(m.sites, func(key siteInPool, _ *siteMetrics) bool { return key.site == st.Name })
			m.dropped.DeletePartialMatch(prometheus.Labels{"site": st.Name})
			m.trials.DeletePartialMatch(prometheus.Labels{"site": st.Name})
		}
	}
	for name := range before.pools {
		if now.pools[name] != nil {
			continue
		}
		delete(m.pools, name)
		maps.DeleteFunc(m.sites, func(key siteInPool, _ *siteMetrics) bool { return key.pool == name })
		for _, spans := range []*prometheus.HistogramVec{m.queue, m.connect, m.firstByte, m.duration} {
			spans.DeleteLabelValues(name)
		}
	}
}
