package gateway

import (
	"net/http"
	"sync/atomic"
	"time"

	"realdocd/deploy"
	"realdocd/gateway/exposition"
)

// releaseMetrics count the requests in one release of a docroot. The release itself holds
// them, so that a request finds them without a lookup.
type releaseMetrics struct {
	byClass classCounts
	failed  atomic.Uint64        // that PHP itself has answered with 5xx
	took    exposition.Durations // from BEGIN_REQUEST to the end
	php     exposition.Durations // from the connection to PHP-FPM to the end
	live    atomic.Int64         // when it went live last, in Unix nanoseconds; 0 is not known
	docroot *docrootMetrics      // nil unless the site's docroot is a pattern
}

// addTo adds what was counted to a sum.
func (rm *releaseMetrics) addTo(sum *releaseMetrics) {
	for i := range rm.byClass {
		sum.byClass[i].Add(rm.byClass[i].Load())
	}
	sum.failed.Add(rm.failed.Load())
	rm.took.AddTo(&sum.took)
	rm.php.AddTo(&sum.php)
}

// docrootMetrics count the requests of one docroot of a pattern, in all its releases.
type docrootMetrics struct {
	byClass classCounts
	took    exposition.Durations
}

const (
	// maxDocroots is how many docroots of a pattern have metrics of their own: those that
	// had the first requests. All others are counted together, as otherDocroot.
	maxDocroots  = 100
	otherDocroot = "other"
)

// release gives the metrics of a release, and makes them with its first request.
func (m *metrics) release(st *site, r *deploy.Release) *releaseMetrics {
	if rm, known := r.Notes.Load().(*releaseMetrics); known {
		return rm
	}
	rm := &releaseMetrics{}
	if st.IsGlob() {
		rm.docroot = m.docroot(st.metrics, r.Of)
	}
	if !r.Notes.CompareAndSwap(nil, rm) {
		return r.Notes.Load().(*releaseMetrics)
	}
	return rm
}

// docroot gives the metrics of a docroot of a pattern.
func (m *metrics) docroot(sm *siteMetrics, path string) *docrootMetrics {
	m.mu.Lock()
	defer m.mu.Unlock()
	if dm := sm.docroots[path]; dm != nil {
		return dm
	}
	if len(sm.docroots) >= maxDocroots {
		path = otherDocroot
		if dm := sm.docroots[path]; dm != nil {
			return dm
		}
	}
	if sm.docroots == nil {
		sm.docroots = map[string]*docrootMetrics{}
	}
	dm := &docrootMetrics{}
	sm.docroots[path] = dm
	return dm
}

// countInRelease counts a request that has ended for its release and its docroot.
func (m *metrics) countInRelease(rq *request, class int, err error, now time.Time) {
	if rq.visit.Release == nil {
		return
	}
	rm := m.release(rq.site, rq.visit.Release)
	rm.byClass[class].Add(1)
	if err == nil && rq.reply.status >= http.StatusInternalServerError {
		rm.failed.Add(1)
	}
	rm.took.Observe(now.Sub(rq.began))
	if !rq.place.Connected.IsZero() {
		rm.php.Observe(now.Sub(rq.place.Connected))
	}
	if d := rm.docroot; d != nil {
		d.byClass[class].Add(1)
		d.took.Observe(now.Sub(rq.began))
	}
}

// noteLive notes when a release went live: now, or of the one that was live when this process
// looked first, when the history has it.
func (s *Server) noteLive(st *site, f *deploy.Flipped) {
	if st.IsGlob() {
		return
	}
	rm := s.metrics.release(st, f.Live)
	now := time.Now()
	if f.Before != nil || s.history.dir == "" {
		rm.live.Store(now.UnixNano())
		return
	}
	link, release := f.Live.Link, f.Live.Path
	go func() { // it reads a file, and a request may be here
		if at := s.history.wentLive(st.Name, link, release); !at.IsZero() {
			now = at
		}
		rm.live.CompareAndSwap(0, now.UnixNano())
	}()
}
