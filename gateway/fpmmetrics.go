package gateway

import (
	"strings"
	"time"

	"realdocd/gateway/exposition"
	"realdocd/gateway/fpm"
	"realdocd/gateway/sample"
)

// sampled are the pools that the sampler asks about.
func (s *Server) sampled() (targets []sample.Target) {
	now := s.setup.Load()
	for _, c := range now.cfg.Pools {
		targets = append(targets, sample.Target{Pool: now.pools[c.Name], Dirs: func() []string { return s.liveReleases(c.Name) }})
	}
	return targets
}

// collectFPM has what PHP-FPM has told of itself and of its opcache.
func (s *Server) collectFPM(set *exposition.Set) {
	looked := s.sampler.Look()
	now := s.setup.Load()
	for _, c := range now.cfg.Pools {
		known := looked[c.Name]
		if c.StatusServer != "" && (known.Status != nil || known.Err != nil) {
			set.Add(fpmUp, flag(known.Err == nil), c.Name)
		}
		if known.Status != nil {
			collectStatus(set, known.Status, c.Name)
		}
		for addr, o := range known.Opcaches {
			collectOpcache(set, o, c.Name, string(addr))
			s.collectScripts(set, o, c.Name, string(addr))
		}
	}
}

func collectStatus(set *exposition.Set, st *sample.Status, pool string) {
	set.Add(fpmAt, seconds(st.At), pool)
	set.Add(fpmQueue, float64(st.Queue), pool)
	set.Add(fpmQueueMax, float64(st.MaxQueue), pool)
	set.Add(fpmQueueLen, float64(st.QueueLen), pool)
	set.Add(fpmActiveMax, float64(st.MaxActive), pool)
	set.Add(fpmReached, float64(st.Reached), pool)
	set.Add(fpmAccepted, float64(st.Accepted), pool)
	set.Add(fpmSlow, float64(st.Slow), pool)
	set.Add(fpmStart, float64(st.Start), pool)
	states := map[string]int{}
	for _, state := range workerStates {
		states[state] = 0
	}
	var memory, most int64
	var longest time.Duration
	for _, w := range st.Workers {
		states[workerState(w)]++
		memory, most = memory+w.Memory, max(most, w.Memory)
		if w.State == "Running" {
			longest = max(longest, w.Duration)
		}
	}
	for state, n := range states {
		set.Add(fpmWorkers, float64(n), pool, state)
	}
	set.Add(fpmMemory, float64(memory), pool)
	set.Add(fpmMemoryMost, float64(most), pool)
	set.Add(fpmLongest, longest.Seconds(), pool)
}

// workerStates are those of FPM (php-src fpm_request.c), as labels.
var workerStates = []string{"idle", "reading_headers", "getting_request_informations", "running", "ending", "finishing"}

func workerState(w fpm.Worker) string {
	return strings.ReplaceAll(strings.ToLower(w.State), " ", "_")
}

func collectOpcache(set *exposition.Set, o *sample.Opcache, pool, server string) {
	set.Add(opcacheAt, seconds(o.At), pool, server)
	set.Add(opcacheMemory, float64(o.Used), pool, server, "used")
	set.Add(opcacheMemory, float64(o.Free), pool, server, "free")
	set.Add(opcacheMemory, float64(o.Wasted), pool, server, "wasted")
	set.Add(opcacheStrings, float64(o.Strings-o.FreeStrings), pool, server, "used")
	set.Add(opcacheStrings, float64(o.FreeStrings), pool, server, "free")
	set.Add(opcacheKeys, float64(o.Keys), pool, server)
	set.Add(opcacheMaxKeys, float64(o.MaxKeys), pool, server)
	set.Add(opcacheScripts, float64(o.Scripts), pool, server)
	set.Add(opcacheFull, flag(o.Full), pool, server)
	set.Add(opcacheHits, float64(o.Hits), pool, server)
	set.Add(opcacheMisses, float64(o.Misses), pool, server)
	for cause, n := range o.RestartsBy {
		set.Add(opcacheRestarts, float64(n), pool, server, cause)
	}
	if o.JIT != nil {
		set.Add(opcacheJIT, float64(o.JIT.Size-o.JIT.Free), pool, server, "used")
		set.Add(opcacheJIT, float64(o.JIT.Free), pool, server, "free")
	}
}

// collectScripts has what opcache has of the releases of the pool's sites.
func (s *Server) collectScripts(set *exposition.Set, o *sample.Opcache, pool, server string) {
	if len(o.Dirs) == 0 {
		return
	}
	for _, st := range s.setup.Load().sites.all {
		if !st.UsesPool(pool) {
			continue
		}
		for _, r := range s.releasesOf(st) {
			if has, asked := o.Dirs[r.Path]; asked {
				set.Add(releaseBytes, float64(has[0]), st.Name, r.Path, server)
				set.Add(releaseScripts, float64(has[1]), st.Name, r.Path, server)
			}
		}
	}
}
