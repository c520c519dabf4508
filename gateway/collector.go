package gateway

import (
	"maps"
	"net/http"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	dto "github.com/prometheus/client_model/go"

	"realdocd/gateway/control"
	"realdocd/gateway/exposition"
)

// metricsHandler answers with all metrics.
func (s *Server) metricsHandler() http.Handler {
	// To compress some megabytes would take longer than all else, and they stay on the host
	// or in its network.
	return promhttp.HandlerFor(prometheus.GathererFunc(s.gather), promhttp.HandlerOpts{DisableCompression: true})
}

// gather gives what is counted as it happens, and what is read now. It waits for nobody for
// longer than a moment: what FPM and a predecessor have to be asked for is what they said
// last.
func (s *Server) gather() ([]*dto.MetricFamily, error) {
	counted, err := s.metrics.registry.Gather()
	set := exposition.NewSet()
	s.collectOwn(set)
	s.collectSites(set)
	s.collectReleases(set)
	s.collectFleet(set)
	s.collectPools(set)
	s.collectFPM(set)
	return set.With(counted), err
}

// collectOwn has what is of the process as a whole.
func (s *Server) collectOwn(set *exposition.Set) {
	if b := s.build.Load(); b != nil {
		set.Add(buildInfo, 1, b.version, b.commit, b.goVersion)
	}
	s.reloads.collect(set)
	s.tracer.collect(set)
	set.Add(startedAt, seconds(s.started))
	set.Add(serves, flag(s.serves() == nil))
	set.Add(drainsWaiting, float64(s.drains.Load()))
	set.Add(deploysNow, float64(s.deploys.Load()))
	s.mu.Lock()
	conns, commands := len(s.conns), len(s.commands)
	s.mu.Unlock()
	set.Add(webConns, float64(conns+s.predecessor.connections()))
	set.Add(commandsNow, float64(commands))
	set.Add(bodyMemory, float64(s.memory.used.Load()))
	set.Add(spoolBytes, float64(s.spool.taken()))
}

// collectSites has what is counted by site, and by docroot of a pattern.
func (s *Server) collectSites(set *exposition.Set) {
	s.metrics.eachSite(func(key siteInPool, sm *siteMetrics, docroots map[string]*docrootMetrics) {
		collectClasses(set, siteRequests, &sm.byClass, key.site, key.pool)
		if n := sm.told.Load(); n > 0 {
			set.Add(siteTold, float64(n), key.site, key.pool)
		}
		for i := range sm.pins {
			if n := sm.pins[i].Load(); n > 0 {
				set.Add(sitePins, float64(n), key.site, key.pool, pinResultNames[i])
			}
		}
		set.Add(siteFailures, float64(sm.resolveFailures.Load()), key.site, key.pool)
		set.Add(siteLost, float64(sm.lost.Load()), key.site, key.pool)
		set.Add(siteLostInside, float64(sm.lostRequests.Load()), key.site, key.pool)
		for path, dm := range docroots {
			collectClasses(set, docrootRequests, &dm.byClass, key.site, path)
			set.AddDurations(docrootTook, &dm.took, key.site, path)
		}
	})
}

// collectPools has what is known of the pools without asking anybody.
func (s *Server) collectPools(set *exposition.Set) {
	now := s.setup.Load()
	for _, c := range now.cfg.Pools {
		p := poolStatus(now.pools[c.Name])
		set.Add(poolRunning, float64(p.Running), p.Name)
		set.Add(poolAbandoned, float64(p.Abandoned), p.Name)
		set.Add(poolWaiting, float64(p.Waiting), p.Name)
		set.Add(poolMaxConns, float64(p.MaxConns), p.Name)
		set.Add(poolQueue, float64(p.Queue), p.Name)
		set.Add(poolTimeout, c.QueueTimeout.Seconds(), p.Name)
		set.Add(poolLongest, p.LongestWait, p.Name)
		set.Add(poolPlaces, float64(p.Requests), p.Name)
		set.Add(poolRefused, float64(p.Refused), p.Name)
		set.Add(poolPaused, flag(p.Paused), p.Name)
		if places := placesOf(p); places > 0 {
			set.Add(poolSaturated, float64(p.Running+p.Waiting)/float64(places), p.Name)
		}
		for _, l := range p.Servers {
			set.Add(serverUp, flag(l.Up), p.Name, l.Address)
			set.Add(serverRuns, float64(l.Running), p.Name, l.Address)
			set.Add(serverKept, float64(l.Kept), p.Name, l.Address)
			set.Add(serverOpened, float64(l.Opened), p.Name, l.Address)
			set.Add(serverReused, float64(l.Reused), p.Name, l.Address)
			if l.Workers > 0 {
				set.Add(serverWorkers, float64(l.Workers), p.Name, l.Address)
			}
			if l.Version != "" {
				set.Add(serverInfo, 1, p.Name, l.Address, l.Version)
			}
		}
	}
}

// placesOf is how many requests can run in a pool at once: its bound, or if there is none
// its workers; 0 if that is not known.
func placesOf(p control.PoolStatus) (places int) {
	if p.MaxConns > 0 {
		return p.MaxConns
	}
	for _, l := range p.Servers {
		places += l.Workers
	}
	return places
}

// collectClasses has those classes that have been seen: of the sites of a large host, most
// are never.
func collectClasses(set *exposition.Set, f *exposition.Family, byClass *classCounts, labels ...string) {
	for i := range byClass {
		if n := byClass[i].Load(); n > 0 {
			set.Add(f, float64(n), append(slices.Clip(labels), classes[i])...)
		}
	}
}

// eachSite gives the sites, each with its docroots if it is a pattern.
func (m *metrics) eachSite(do func(siteInPool, *siteMetrics, map[string]*docrootMetrics)) {
	type one struct {
		key      siteInPool
		sm       *siteMetrics
		docroots map[string]*docrootMetrics
	}
	m.mu.Lock()
	all := make([]one, 0, len(m.sites))
	for key, sm := range m.sites {
		all = append(all, one{key, sm, maps.Clone(sm.docroots)})
	}
	m.mu.Unlock()
	for _, o := range all {
		do(o.key, o.sm, o.docroots)
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

// seconds is a time as Prometheus wants it.
func seconds(t time.Time) float64 { return float64(t.UnixMilli()) / 1000 }
