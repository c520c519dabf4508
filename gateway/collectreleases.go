package gateway

import (
	"cmp"
	"slices"
	"time"

	"realdocd/deploy"
	"realdocd/gateway/control"
	"realdocd/gateway/exposition"
)

// maxDetailed is how many releases have more than their sums told: classes, durations,
// and when they were seen.
const maxDetailed = 500

// collectReleases has the releases: the sums of each that is live or busy, and more of those
// that were used last.
func (s *Server) collectReleases(set *exposition.Set) {
	detailed, now := []siteRelease{}, time.Now()
	for _, st := range s.setup.Load().sites.all {
		if len(st.maintenances.all()) > 0 {
			set.Add(siteMaintained, 1, st.Name)
		}
		for _, t := range st.trials.All() {
			if t.Plan.Kind == control.KindCanary {
				set.Add(canaryPercent, t.Percent(), st.Name)
				break
			}
		}
		if st.holds.count.Load() > 0 {
			set.Add(siteHeld, float64(st.holds.waiting.Load()), st.Name)
		}
		for _, r := range s.releasesOf(st) {
			if r.Inside > 0 || !st.IsGlob() && (r.Live || r.PinsEnd.After(now)) {
				set.Add(inRelease, float64(r.Inside), st.Name, r.Path)
				set.Add(releaseRequests, float64(r.Total), st.Name, r.Path)
				set.Add(releaseFailed, float64(r.Failed), st.Name, r.Path)
				if !r.PinsLast.IsZero() { // else the site has no pins
					set.Add(releasePinned, float64(r.Brought), st.Name, r.Path)
					set.Add(releasePinsEnd, float64(max(r.PinsEnd.Unix(), 0)), st.Name, r.Path)
				}
			}
			if at := r.live; r.Live && !st.IsGlob() && !at.IsZero() {
				set.Add(siteLive, seconds(at), st.Name, r.Path)
			}
			if !r.LastSeen.IsZero() && !st.IsGlob() {
				detailed = append(detailed, r)
			}
		}
	}
	slices.SortFunc(detailed, func(a, b siteRelease) int { return b.LastSeen.Compare(a.LastSeen) })
	for _, r := range detailed[:min(len(detailed), maxDetailed)] {
		set.Add(releaseFirst, seconds(r.FirstSeen), r.site, r.Path)
		set.Add(releaseLast, seconds(r.LastSeen), r.site, r.Path)
		if len(r.metrics) == 0 {
			continue
		}
		sum := r.metrics[0]
		if len(r.metrics) > 1 {
			sum = &releaseMetrics{}
			for _, rm := range r.metrics {
				rm.addTo(sum)
			}
		}
		collectClasses(set, releaseResponses, &sum.byClass, r.site, r.Path)
		set.Add(releaseErrors, float64(sum.failed.Load()), r.site, r.Path)
		set.AddDurations(releaseTook, &sum.took, r.site, r.Path)
		set.AddDurations(releasePHP, &sum.php, r.site, r.Path)
	}
}

// A siteRelease is a release of a site, with the sum of what all docroots have of it.
type siteRelease struct {
	deploy.ReleaseState
	site    string
	live    time.Time         // when it went live last, zero for not known
	metrics []*releaseMetrics // one a docroot
}

// releasesOf are the releases of a site that are remembered, each once.
func (s *Server) releasesOf(st *site) (all []siteRelease) {
	at := map[string]int{}
	for _, docroot := range st.releases.Docroots() {
		for _, r := range st.releases.Releases(docroot) {
			if st.IsGlob() && r.Inside == 0 {
				continue // it may stand for thousands of docroots
			}
			i, known := at[r.Path]
			if !known {
				i = len(all)
				at[r.Path] = i
				all = append(all, siteRelease{ReleaseState: r, site: st.Name})
			} else {
				all[i].add(r)
			}
			if rm, _ := r.Notes.(*releaseMetrics); rm != nil {
				all[i].metrics = append(all[i].metrics, rm)
				if t := rm.live.Load(); t != 0 {
					all[i].live = time.Unix(0, t)
				}
			}
		}
	}
	return all
}

// add adds what another docroot has of the release.
func (r *siteRelease) add(other deploy.ReleaseState) {
	r.Inside, r.Total, r.Failed = r.Inside+other.Inside, r.Total+other.Total, r.Failed+other.Failed
	r.Live = r.Live || other.Live
	r.Brought, r.PinsEnd, r.PinsLast = r.Brought+other.Brought, later(r.PinsEnd, other.PinsEnd), later(r.PinsLast, other.PinsLast)
	r.LastSeen = later(r.LastSeen, other.LastSeen)
	if other.FirstSeen.Before(r.FirstSeen) {
		r.FirstSeen = other.FirstSeen
	}
}

// liveReleases are the releases of a pool that may be in its opcache: the live ones, and then
// those that were used last.
func (s *Server) liveReleases(pool string) (dirs []string) {
	var past []siteRelease
	for _, st := range s.setup.Load().sites.all {
		if !st.UsesPool(pool) || len(dirs) >= maxDetailed {
			continue
		}
		for _, r := range s.releasesOf(st) {
			if r.Live {
				dirs = append(dirs, r.Path)
			} else if !r.Gone {
				past = append(past, r)
			}
		}
	}
	slices.SortFunc(past, func(a, b siteRelease) int { return cmp.Or(b.LastSeen.Compare(a.LastSeen), cmp.Compare(a.Path, b.Path)) })
	for _, r := range past {
		dirs = append(dirs, r.Path)
	}
	return dirs
}
