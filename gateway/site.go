package gateway

import (
	"errors"
	"io/fs"
	"os"
	"path"
	"slices"
	"sync/atomic"
	"time"
	"unsafe"

	"realdocd/deploy"
	"realdocd/gateway/control"
	"realdocd/gateway/fpm"
	"realdocd/gateway/pattern"
	"realdocd/gateway/pin"
	"realdocd/gateway/spare"
	"realdocd/gateway/trial"
	"realdocd/incpath"
)

// A site is a SiteConfig at work.
type site struct {
	SiteConfig
	pool     *fpm.Pool            // nil if the docroots have pools of their own
	pools    map[string]*fpm.Pool // of the configuration
	pattern  *pattern.Pattern     // nil unless the docroot is one
	releases *deploy.Resolver
	metrics  *siteMetrics
	mapped   [2]valueCache                // PHP_VALUE and PHP_ADMIN_VALUE, the paths in it mapped
	added    valueCache                   // include_path added to it
	carried  atomic.Pointer[carriedValue] // FPM's own values added to that
	stale    limiter                      // of log events about a link that cannot be looked at
	seen     seenRequests
	since    time.Time // when the site began to wait for requests

	unknown    atomic.Int64 // requests that wait until it is known where they stand in the fleet
	inspecting atomic.Bool  // somebody looks whether the docroot can be resolved

	// What operators have decided of the site outlives a reload.
	maintenances *maintenances
	holds        *holds
	trials       *trial.Set
	recorders    *trial.Recorders // what its live releases came to

	mapParams, keepParams map[string]bool // nil for none
	sweeps                atomic.Bool     // what is gone is going to be dropped from opcache
	readsPins             atomic.Bool     // its requests are looked through for pins
	keepsPins             atomic.Bool     // they are being written down for a later process
	pinSite               pin.Site        // of a docroot that is written out
	pinSites              pinSites        // of those of a pattern
	given                 atomic.Pointer[givenPin]
}

// newSite puts a site to work, with the pools that there are. before is the site of that name in the
// configuration that is replaced, or nil: while the docroot is the same, what is
// known of its releases is kept.
func newSite(c SiteConfig, pools map[string]*fpm.Pool, before *site, srv *Server) *site {
	s := &site{
		SiteConfig: c, pool: pools[c.Pool], pools: pools, metrics: srv.metrics.site(c.Name, poolLabel(c)),
		mapParams: setOf(c.MapParams), keepParams: setOf(c.KeepParams),
	}
	if c.IsGlob() {
		s.pattern = pattern.Parse(c.Docroot)
	}
	s.pinSite = pinSiteOf(c.Of, c.Name)
	opts := c.Links()
	opts.WasLive = func(link string) (string, bool) {
		past := srv.history.releasesOf(c.HistoryOf(), link)
		if len(past) == 0 {
			return "", false
		}
		return past[0], true
	}
	s.since = time.Now()
	s.maintenances, s.holds, s.trials, s.recorders = &maintenances{}, &holds{}, &trial.Set{}, &trial.Recorders{}
	if before != nil {
		s.maintenances, s.holds, s.trials, s.recorders = before.maintenances, before.holds, before.trials, before.recorders
	} else {
		s.maintenances.replace(srv.history.maintenance(c.Name))
	}
	if before != nil && before.Docroot == c.Docroot {
		s.since = before.since
		s.seen.last.Store(before.seen.last.Load())
		s.releases = before.releases
		s.releases.Configure(opts)
	} else {
		opts.Blocking = spare.During
		s.releases = deploy.NewResolver(opts)
		for _, name := range slices.Compact([]string{c.Name, c.HistoryOf()}) {
			for _, release := range srv.history.closed(name) {
				s.releases.Close(release)
			}
		}
		for _, name := range slices.Compact([]string{c.Name, c.HistoryOf()}) {
			for _, state := range srv.history.pins(name) {
				if c.Has(state.Path) || state.Path == path.Clean(c.Docroot) {
					s.releases.Restore(state)
				}
			}
		}
	}
	s.readsPins.Store(c.Pin != PinOff || s.releases.HasPins(time.Now()))
	return s
}

// poolLabel is the pool that the site's own metrics have; those of tenants with pools of
// their own have theirs.
func poolLabel(c SiteConfig) string {
	if pattern.IsForm(c.Pool) {
		return ""
	}
	return c.Pool
}

// status is the site now.
func (s *site) status() control.SiteStatus {
	st := control.SiteStatus{
		Name: s.Name, Docroot: s.Docroot, Pool: s.Pool, Running: s.releases.Inside(),
		Maintenance: s.maintenances.status(), Held: s.holds.waiting.Load(), Holds: int(s.holds.count.Load()), Trials: s.trials.Status(),
	}
	if !s.IsGlob() {
		if live := s.releases.Now(path.Clean(s.Docroot)); live != nil {
			st.Release, st.Fault = live.Path, live.Fault()
		}
	}
	for _, docroot := range s.releases.Docroots() {
		if st.Stale, st.Gone = s.trouble(docroot); st.Stale != "" {
			break
		}
	}
	return st
}

// trouble says why the link of a docroot cannot be resolved, and whether the release that
// goes on serving is gone; "" if all is well.
func (s *site) trouble(docroot string) (stale string, gone bool) {
	err := s.releases.Trouble(docroot)
	if err == nil {
		return "", false
	}
	stale = err.Error()
	if errors.Is(err, fs.ErrNotExist) { // a file system that hangs is not asked again
		_, err = os.Stat(s.releases.Live(docroot))
		gone = errors.Is(err, fs.ErrNotExist)
	}
	return stale, gone
}

// siteTable finds sites by docroot.
type siteTable struct {
	exact   map[string]*site
	globs   []*site
	all     []*site
	tenants *tenantTable
}

func newSiteTable(sites []*site) siteTable {
	t := siteTable{exact: map[string]*site{}, all: sites, tenants: &tenantTable{}}
	for _, s := range sites {
		if s.IsGlob() {
			t.globs = append(t.globs, s)
		} else {
			t.exact[path.Clean(s.Docroot)] = s
		}
	}
	return t
}

// find gives the site of a cleaned docroot; nil if there is none. A site that has
// the docroot written out comes before one with a pattern.
func (t *siteTable) find(docroot string) *site {
	if s := t.exact[docroot]; s != nil {
		return s
	}
	for _, s := range t.globs {
		if s.Has(docroot) {
			return s
		}
	}
	return nil
}

// named gives the site with a name; nil if there is none.
func (t *siteTable) named(name string) *site {
	for _, s := range t.all {
		if s.Name == name {
			return s
		}
	}
	return nil
}

func (s *site) mapping(r *deploy.Release) incpath.Mapping {
	return incpath.Mapping{
		Spellings: r.Spellings(), Release: r.Path, Others: r.Kin(), Roof: r.Roof(),
		ResolvedDocroot: r.Docroot, Pattern: s.SearchReplacePattern,
	}
}

// borrow reads bytes as a string without a copy. The string must not outlive
// the bytes, nor be kept.
func borrow(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }

// logEvery is how often a condition that may hold for every request is logged.
const logEvery = time.Second
