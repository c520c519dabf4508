package gateway

import (
	"slices"
	"strings"
	"time"

	"realdocd/gateway/control"
	"realdocd/gateway/sample"
	"realdocd/gateway/webpage"
)

// A pageSource is what the page shows of a Server.
type pageSource struct{ s *Server }

// Watch has FPM asked once a second.
func (p pageSource) Watch() (stop func()) { return p.s.sampler.Watch() }

// Site is a site with who is inside.
func (p pageSource) Site(name, docroot string) (control.SiteDetail, error) {
	return p.s.Site(name, docroot)
}

// Checked takes what realdocd check has found, for the page.
func (s *Server) Checked(found control.Checked) { s.page.Checked(found) }

// Snapshot is what is known now.
func (p pageSource) Snapshot() webpage.Snapshot {
	s := p.s
	snap := webpage.Snapshot{Time: time.Now(), Status: s.Status(), FPM: map[string]webpage.FPM{}}
	if b := s.build.Load(); b != nil {
		snap.Version = b.version
	}
	for _, st := range s.setup.Load().sites.all {
		docroots := st.releases.Docroots()
		slices.Sort(docroots)
		for _, docroot := range docroots {
			snap.Docroots = append(snap.Docroots, st.forPage(docroot))
		}
	}
	for pool, known := range s.sampler.Known() {
		snap.FPM[pool] = fpmForPage(known)
	}
	return snap
}

// forPage is one docroot with what its releases have counted.
func (st *site) forPage(docroot string) webpage.Docroot {
	d := webpage.Docroot{Name: st.Name, Site: st.Name, Docroot: docroot}
	if p, err := st.poolOf(docroot); err == nil {
		d.Pool = p.Name
	}
	if tenant := st.Tenant(docroot); tenant != "" {
		d.Name += "/" + tenant
	}
	for _, r := range st.releases.Releases(docroot) {
		rel := webpage.Release{Path: r.Path, Name: r.Name, Live: r.Live, Running: r.Inside}
		if rm, _ := r.Notes.(*releaseMetrics); rm != nil {
			for i := range rm.byClass {
				rel.Requests += rm.byClass[i].Load()
			}
			rel.Failed = rm.byClass[class(500)].Load()
			_, rel.InPHP = rm.php.Totals()
		}
		d.Releases = append(d.Releases, rel)
	}
	return d
}

func fpmForPage(known sample.Pool) webpage.FPM {
	f := webpage.FPM{}
	if known.Err != nil {
		f.Err = known.Err.Error()
	}
	if st := known.Status; st != nil {
		f.At, f.Queue, f.Reached, f.Slow = st.At, st.Queue, st.Reached, st.Slow
		for _, state := range workerStates {
			n := 0
			for _, w := range st.Workers {
				if workerState(w) == state {
					n++
				}
			}
			f.Workers = append(f.Workers, webpage.Workers{State: strings.ReplaceAll(state, "_", " "), N: n})
		}
	}
	for addr, o := range known.Opcaches {
		cache := webpage.Opcache{
			Server: string(addr), At: o.At, Used: o.Used, Free: o.Free, Wasted: o.Wasted, Scripts: o.Scripts, Full: o.Full,
			Releases: map[string]webpage.Share{},
		}
		for dir, has := range o.Dirs {
			cache.Releases[dir] = webpage.Share{Bytes: has[0], Scripts: has[1]}
		}
		f.Opcaches = append(f.Opcaches, cache)
	}
	slices.SortFunc(f.Opcaches, func(a, b webpage.Opcache) int { return strings.Compare(a.Server, b.Server) })
	return f
}
