package gateway

import (
	"net/http"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// metrics are what /metrics says. What a request counts is looked up when the
// configuration is put to work, so that counting costs it no look-up; what is
// kept elsewhere anyway, the collector reads when it is asked.
type metrics struct {
	registry *prometheus.Registry

	requests        *prometheus.CounterVec // site, pool, class
	refusals        *prometheus.CounterVec // cause
	resolveFailures *prometheus.CounterVec // site
	queue           *prometheus.HistogramVec
	connect         *prometheus.HistogramVec
	firstByte       *prometheus.HistogramVec
	duration        *prometheus.HistogramVec

	byCause map[*cause]prometheus.Counter
	nobody  *siteMetrics // of requests that belong to no site

	mu    sync.Mutex
	pools map[string]*poolMetrics
}

// spanBuckets reach from a kept connection's microseconds to a slow script's minute.
var spanBuckets = []float64{.0001, .00025, .001, .0025, .01, .025, .1, .25, 1, 2.5, 10, 30, 60}

func newMetrics() *metrics {
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: "realdocd", Name: name, Help: help}, labels)
	}
	spans := func(name, help string) *prometheus.HistogramVec {
		return prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Namespace: "realdocd", Name: name, Help: help, Buckets: spanBuckets,
		}, []string{"pool"})
	}
	m := &metrics{
		registry:        prometheus.NewRegistry(),
		requests:        counter("requests_total", `Requests that have ended; class is that of the status, "499" a client that left.`, "site", "pool", "class"),
		refusals:        counter("refusals_total", "Requests that realdocd has answered itself or broken off.", "cause"),
		resolveFailures: counter("resolve_failures_total", "Requests whose link could not be looked at.", "site"),
		queue:           spans("queue_duration_seconds", "From the whole request to its place in the pool."),
		connect:         spans("connect_duration_seconds", "From the place to the connection to FPM."),
		firstByte:       spans("first_byte_duration_seconds", "From the connection to the first byte of the response."),
		duration:        spans("request_duration_seconds", "From BEGIN_REQUEST to the end of the response."),
		byCause:         map[*cause]prometheus.Counter{},
		pools:           map[string]*poolMetrics{},
	}
	m.registry.MustRegister(m.requests, m.refusals, m.resolveFailures, m.queue, m.connect, m.firstByte, m.duration,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	for _, c := range causes {
		m.byCause[c] = m.refusals.WithLabelValues(c.name)
	}
	m.nobody = m.site("", "")
	return m
}

func (m *metrics) handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{})
}

// mux serves them at /metrics and nothing else.
func (m *metrics) mux() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", m.handler())
	return mux
}

// siteMetrics count the requests of one site in one pool.
type siteMetrics struct {
	byClass         [len(classes)]prometheus.Counter
	resolveFailures prometheus.Counter
	pool            *poolMetrics
}

// poolMetrics are the times of the requests in one pool.
type poolMetrics struct{ queue, connect, firstByte, duration prometheus.Observer }

// classes of statuses; the first is that of a client that left before one was known.
var classes = [...]string{"499", "1xx", "2xx", "3xx", "4xx", "5xx"}

func class(status int) int {
	if c := status / 100; status != statusClientGone && c >= 1 && c <= 5 {
		return c
	}
	return 0
}

func (m *metrics) site(name, pool string) *siteMetrics {
	sm := &siteMetrics{resolveFailures: m.resolveFailures.WithLabelValues(name), pool: m.pool(pool)}
	for i, c := range classes {
		sm.byClass[i] = m.requests.WithLabelValues(name, pool, c)
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
	sm.byClass[class(rq.status())].Inc()
	if err != nil {
		m.byCause[causeOf(err)].Inc()
	}
	observe(sm.pool.queue, rq.queued, rq.dequeued)
	observe(sm.pool.connect, rq.dequeued, rq.connected)
	observe(sm.pool.firstByte, rq.connected, rq.firstByte)
	observe(sm.pool.duration, rq.began, now)
}

func observe(o prometheus.Observer, from, to time.Time) {
	if !from.IsZero() && !to.IsZero() {
		o.Observe(to.Sub(from).Seconds())
	}
}

// forget drops the series of sites and pools that a reload has taken away.
func (m *metrics) forget(before, now *setup) {
	for _, st := range before.sites.all {
		if now.sites.named(st.Name) == nil {
			m.requests.DeletePartialMatch(prometheus.Labels{"site": st.Name})
			m.resolveFailures.DeleteLabelValues(st.Name)
		}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for name := range before.pools {
		if now.pools[name] == nil {
			delete(m.pools, name)
			for _, spans := range []*prometheus.HistogramVec{m.queue, m.connect, m.firstByte, m.duration} {
				spans.DeleteLabelValues(name)
			}
		}
	}
}

// watch registers what is read from the Server when it is asked for.
func (m *metrics) watch(s *Server) { m.registry.MustRegister(collector{s}) }

// A collector turns Status into metrics.
type collector struct{ s *Server }

var (
	webConns     = gauge("web_connections", "Connections of web servers, idle ones included.")
	poolRunning  = gauge("pool_running", "Requests that have a place in FPM.", "pool")
	poolWaiting  = gauge("pool_waiting", "Requests in the queue.", "pool")
	poolMaxConns = gauge("pool_max_conns", "The bound of realdocd_pool_running; 0 is none.", "pool")
	poolPaused   = gauge("pool_paused", "1 from pause to resume.", "pool")
	serverUp     = gauge("fpm_listener_up", "0 while the listener is passed over.", "pool", "server")
	serverRuns   = gauge("fpm_listener_running", "Requests in the listener.", "pool", "server")
	serverKept   = gauge("fpm_connections_kept", "Idle kept connections.", "pool", "server")
	serverOpened = gauge("fpm_connections_opened_total", "Connections made.", "pool", "server")
	serverReused = gauge("fpm_connections_reused_total", "Requests over a kept connection.", "pool", "server")
)

func gauge(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("realdocd_"+name, help, labels, nil)
}

// Describe sends what Collect will; for prometheus.Collector.
func (c collector) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{
		webConns, poolRunning, poolWaiting, poolMaxConns, poolPaused,
		serverUp, serverRuns, serverKept, serverOpened, serverReused,
	} {
		ch <- d
	}
}

// Collect reads the Server's Status; for prometheus.Collector.
func (c collector) Collect(ch chan<- prometheus.Metric) {
	value := func(d *prometheus.Desc, kind prometheus.ValueType, v float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, kind, v, labels...)
	}
	const gauge, counter = prometheus.GaugeValue, prometheus.CounterValue
	st := c.s.Status()
	value(webConns, gauge, float64(st.Connections))
	for _, p := range st.Pools {
		value(poolRunning, gauge, float64(p.Running), p.Name)
		value(poolWaiting, gauge, float64(p.Waiting), p.Name)
		value(poolMaxConns, gauge, float64(p.MaxConns), p.Name)
		value(poolPaused, gauge, flag(p.Paused), p.Name)
		for _, s := range p.Servers {
			value(serverUp, gauge, flag(s.Up), p.Name, s.Address)
			value(serverRuns, gauge, float64(s.Running), p.Name, s.Address)
			value(serverKept, gauge, float64(s.Kept), p.Name, s.Address)
			value(serverOpened, counter, float64(s.Opened), p.Name, s.Address)
			value(serverReused, counter, float64(s.Reused), p.Name, s.Address)
		}
	}
}

func flag(set bool) float64 {
	if set {
		return 1
	}
	return 0
}
