package gateway

import "github.com/prometheus/client_golang/prometheus"

// watch registers what is read from the Server when it is asked for.
func (m *metrics) watch(s *Server) { m.registry.MustRegister(collector{s}) }

// A collector turns what is counted by site, and Status, into metrics.
type collector struct{ s *Server }

var (
	siteRequests = desc("requests_total", `Requests that have ended; class is that of the status, "499" a client that left.`, "site", "pool", "class")
	siteFailures = desc("resolve_failures_total", "Requests whose link could not be looked at.", "site", "pool")
	webConns     = desc("web_connections", "Connections of web servers, idle ones included.")
	poolRunning  = desc("pool_running", "Requests that have a place in FPM.", "pool")
	poolWaiting  = desc("pool_waiting", "Requests in the queue.", "pool")
	poolMaxConns = desc("pool_max_conns", "The bound of realdocd_pool_running; 0 is none.", "pool")
	poolPaused   = desc("pool_paused", "1 from pause to resume.", "pool")
	serverUp     = desc("fpm_listener_up", "0 while the listener is passed over.", "pool", "server")
	serverRuns   = desc("fpm_listener_running", "Requests in the listener.", "pool", "server")
	serverKept   = desc("fpm_connections_kept", "Idle kept connections.", "pool", "server")
	serverOpened = desc("fpm_connections_opened_total", "Connections made.", "pool", "server")
	serverReused = desc("fpm_connections_reused_total", "Requests over a kept connection.", "pool", "server")
)

func desc(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("realdocd_"+name, help, labels, nil)
}

// Describe sends what Collect will; for prometheus.Collector.
func (c collector) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{
		siteRequests, siteFailures, webConns, poolRunning, poolWaiting, poolMaxConns, poolPaused,
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
	c.s.metrics.eachSite(func(key siteInPool, sm *siteMetrics) {
		for i := range sm.byClass {
			// Of the sites of a large host, most classes are never seen.
			if n := sm.byClass[i].Load(); n > 0 {
				value(siteRequests, counter, float64(n), key.site, key.pool, classes[i])
			}
		}
		value(siteFailures, counter, float64(sm.resolveFailures.Load()), key.site, key.pool)
	})
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

func (m *metrics) eachSite(do func(siteInPool, *siteMetrics)) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for key, sm := range m.sites {
		do(key, sm)
	}
}

func flag(set bool) float64 {
	if set {
		return 1
	}
	return 0
}
