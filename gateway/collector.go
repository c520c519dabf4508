package gateway

import (
	"maps"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"realdocd/deploy"
)

// watch registers what is read from the Server when it is asked for.
func (m *metrics) watch(s *Server) { m.registry.MustRegister(collector{s}) }

// A collector turns what is counted by site, and Status, into metrics.
type collector struct{ s *Server }

var (
	siteRequests    = desc("requests_total", `Requests that have ended; class is that of the status, "499" a client that left.`, "site", "pool", "class")
	siteFailures    = desc("resolve_failures_total", "Requests whose link could not be looked at.", "site", "pool")
	siteLost        = desc("releases_lost_total", "Releases that were removed, or removed and made again, while they were in use.", "site", "pool")
	siteLostInside  = desc("releases_lost_requests_total", "Requests and commands that were in them.", "site", "pool")
	inRelease       = desc("release_running", "Requests and commands inside a release; of patterns, releases with nobody inside are left out.", "site", "release")
	releaseRequests = desc("release_requests_total", "Requests and commands that have entered a release that is live or has somebody inside.", "site", "release")
	releaseFailed   = desc("release_failed_total", "Those of them that have failed.", "site", "release")
	releasePinned   = desc("release_pinned_total", "Requests that a pin has brought into a release that is live, has somebody inside, or to which a pin leads.", "site", "release")
	releasePinsEnd  = desc("release_pins_end_timestamp_seconds", "When the youngest pin to the release ends; 0 if no pin leads there.", "site", "release")
	sitePins        = desc("pins_total", `Pins that requests of sites with pins have had; result is "followed", or why not.`, "site", "pool", "result")
	siteMaintained  = desc("site_maintenance", "1 while visitors of the site, or of some docroot of it, get a page of maintenance.", "site")
	siteHeld        = desc("site_held", "Requests of the site that a flip with a command holds back.", "site")
	webConns        = desc("web_connections", "Connections of web servers, idle ones included.")
	poolRunning     = desc("pool_running", "Requests that have a place in FPM.", "pool")
	poolWaiting     = desc("pool_waiting", "Requests in the queue.", "pool")
	poolAbandoned   = desc("pool_abandoned", "Of them, those that nobody waits for any more.", "pool")
	poolMaxConns    = desc("pool_max_conns", "The bound of realdocd_pool_running; 0 is none.", "pool")
	poolPaused      = desc("pool_paused", "1 from pause to resume.", "pool")
	serverUp        = desc("fpm_listener_up", "0 while the listener is passed over.", "pool", "server")
	serverRuns      = desc("fpm_listener_running", "Requests in the listener.", "pool", "server")
	serverKept      = desc("fpm_connections_kept", "Idle kept connections.", "pool", "server")
	serverOpened    = desc("fpm_connections_opened_total", "Connections made.", "pool", "server")
	serverReused    = desc("fpm_connections_reused_total", "Requests over a kept connection.", "pool", "server")
)

func desc(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("realdocd_"+name, help, labels, nil)
}

// Describe sends what Collect will; for prometheus.Collector.
func (c collector) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{
		siteRequests, siteFailures, siteLost, siteLostInside, siteMaintained, siteHeld, inRelease, releaseRequests, releaseFailed, releasePinned, releasePinsEnd, sitePins, webConns, poolRunning, poolAbandoned, poolWaiting, poolMaxConns, poolPaused,
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
		for i := range sm.pins {
			if n := sm.pins[i].Load(); n > 0 {
				value(sitePins, counter, float64(n), key.site, key.pool, pinResultNames[i])
			}
		}
		value(siteFailures, counter, float64(sm.resolveFailures.Load()), key.site, key.pool)
		value(siteLost, counter, float64(sm.lost.Load()), key.site, key.pool)
		value(siteLostInside, counter, float64(sm.lostRequests.Load()), key.site, key.pool)
	})
	c.s.eachRelease(func(site string, r deploy.ReleaseState) {
		value(inRelease, gauge, float64(r.Inside), site, r.Path)
		value(releaseRequests, counter, float64(r.Total), site, r.Path)
		value(releaseFailed, counter, float64(r.Failed), site, r.Path)
		if !r.PinsLast.IsZero() { // else the site has no pins
			value(releasePinned, counter, float64(r.Brought), site, r.Path)
			value(releasePinsEnd, gauge, float64(max(r.PinsEnd.Unix(), 0)), site, r.Path)
		}
	})
	st := c.s.Status()
	for _, site := range st.Sites {
		if n := len(site.Maintenance); n > 0 {
			value(siteMaintained, gauge, 1, site.Name)
		}
		if site.Holds > 0 {
			value(siteHeld, gauge, float64(site.Held), site.Name)
		}
	}
	value(webConns, gauge, float64(st.Connections))
	for _, p := range st.Pools {
		value(poolRunning, gauge, float64(p.Running), p.Name)
		value(poolAbandoned, gauge, float64(p.Abandoned), p.Name)
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
	sites := maps.Clone(m.sites)
	m.mu.Unlock()
	for key, sm := range sites { // do waits for whoever collects
		do(key, sm)
	}
}

// eachRelease gives the releases that are live, have somebody inside, or have pins that lead
// there. A pattern may stand for thousands of docroots; of those only the busy ones count. A
// release that several docroots share is given once, with the sum.
func (s *Server) eachRelease(do func(site string, r deploy.ReleaseState)) {
	now := time.Now()
	for _, st := range s.setup.Load().sites.all {
		sums := map[string]deploy.ReleaseState{}
		for _, docroot := range st.releases.Docroots() {
			for _, r := range st.releases.Releases(docroot) {
				if r.Inside == 0 && (!r.Live || st.IsGlob()) && (st.IsGlob() || !r.PinsEnd.After(now)) {
					continue
				}
				sum := sums[r.Path]
				r.Inside, r.Total, r.Failed = r.Inside+sum.Inside, r.Total+sum.Total, r.Failed+sum.Failed
				r.Brought, r.PinsEnd = r.Brought+sum.Brought, later(r.PinsEnd, sum.PinsEnd)
				sums[r.Path] = r
			}
		}
		for _, r := range sums {
			do(st.Name, r)
		}
	}
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

func flag(set bool) float64 {
	if set {
		return 1
	}
	return 0
}
