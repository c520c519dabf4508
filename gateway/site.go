package gateway

import (
	"net/http"
	"path"
	"time"
	"unsafe"

	"realdocd/deploy"
	"realdocd/gateway/control"
	"realdocd/gateway/fpm"
	"realdocd/incpath"
)

// A site is a SiteConfig at work.
type site struct {
	SiteConfig
	pool     *fpm.Pool
	releases *deploy.Resolver
	metrics  *siteMetrics
	mapped   [2]valueCache // PHP_VALUE and PHP_ADMIN_VALUE, the paths in it mapped
	added    valueCache    // include_path added to it
	stale    limiter       // of log events about a link that cannot be looked at
	seen     seenRequests

	mapParams, keepParams map[string]bool // nil for none
}

// newSite puts a site to work. before is the site of that name in the
// configuration that is replaced, or nil: while the docroot is the same, what is
// known of its releases is kept.
func newSite(c SiteConfig, p *fpm.Pool, before *site, m *metrics) *site {
	s := &site{
		SiteConfig: c, pool: p, metrics: m.site(c.Name, p.Name),
		mapParams: setOf(c.MapParams), keepParams: setOf(c.KeepParams),
	}
	opts := c.Links()
	if before != nil && before.Docroot == c.Docroot {
		s.releases = before.releases
		s.releases.Configure(opts)
	} else {
		s.releases = deploy.NewResolver(opts)
	}
	return s
}

// status is the site now.
func (s *site) status() control.SiteStatus {
	st := control.SiteStatus{Name: s.Name, Docroot: s.Docroot, Pool: s.pool.Name, Running: s.releases.Inside()}
	if !s.IsGlob() {
		st.Release = s.releases.Live(path.Clean(s.Docroot))
	}
	return st
}

// siteTable finds sites by docroot.
type siteTable struct {
	exact map[string]*site
	globs []*site
	all   []*site
}

func newSiteTable(sites []*site) siteTable {
	t := siteTable{exact: map[string]*site{}, all: sites}
	for _, s := range sites {
		if s.IsGlob() {
			t.globs = append(t.globs, s)
		} else {
			t.exact[path.Clean(s.Docroot)] = s
		}
	}
	return t
}

// find gives the site of a cleaned docroot; nil where there is none. A docroot
// written out comes before a glob.
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

// named gives the site with a name; nil where there is none.
func (t *siteTable) named(name string) *site {
	for _, s := range t.all {
		if s.Name == name {
			return s
		}
	}
	return nil
}

// findSite finds the request's site and enters the release that it runs on. A
// docroot that the web server has resolved by itself is taken as that release.
func (rq *request) findSite() error {
	now := rq.setup
	sent := rq.value(rq.cgi.documentRoot)
	docroot := path.Clean(borrow(sent))
	if st := now.sites.find(docroot); st != nil {
		return rq.enter(st, docroot)
	}
	if len(sent) > 0 {
		if known, err := rq.arrive(docroot); known {
			return err
		}
	}
	if now.cfg.ForwardUnmatched {
		rq.pool = now.pools[now.cfg.Pools[0].Name]
		return nil
	}
	if len(sent) == 0 {
		return refuse(causeNoSite, "the web server sent no DOCUMENT_ROOT: pass it as a FastCGI parameter")
	}
	return refuse(causeNoSite, "no site has the docroot %q: add a [site.NAME] with docroot = %q", sent, docroot)
}

func (rq *request) enter(st *site, docroot string) error {
	s := rq.conn.s
	v, err := rq.conn.enterOn(st, docroot, rq.began)
	if err != nil {
		st.metrics.resolveFailures.Add(1)
		return refuse(causeUnresolved, "site %s: %w", st.Name, err)
	}
	rq.site, rq.pool, rq.visit = st, st.pool, v
	if v.Flip != nil {
		s.flipped(st, v.Flip)
	}
	if v.Stale != nil {
		st.metrics.resolveFailures.Add(1)
	}
	if v.Stale != nil && st.stale.allow(rq.began) {
		s.log.Error().Err(v.Stale).Str("site", st.Name).Str("docroot", docroot).Str("release", v.Path).
			Msg("link cannot be resolved: the last good release goes on serving")
	}
	return nil
}

// flipped tells of a new live release, unless a successor does.
func (s *Server) flipped(st *site, f *deploy.Flipped) {
	if s.heir() == nil {
		s.log.Info().Str("site", st.Name).Str("docroot", f.Docroot).Str("release", f.Live.Path).Msg("release is live")
		s.history.flipped(st.Name, f)
	}
	if f.Idle {
		s.idle(st.Name, f.Before)
	}
}

// leaveRelease counts the request out of its release.
func (s *Server) leaveRelease(rq *request, now time.Time, err error) {
	if rq.visit.Release == nil {
		return
	}
	failed := err != nil && causeOf(err) != causeClientGone || rq.reply.status >= http.StatusInternalServerError
	if rq.visit.Leave(now, failed) {
		s.idle(rq.site.Name, rq.visit.Release)
	}
}

// logIdle says that a release is not live any more and that no request runs in
// it. Work after fastcgi_finish_request may.
func (s *Server) logIdle(site string, r *deploy.Release) {
	s.log.Info().Str("site", site).Str("release", r.Path).Int64("requests", r.Total()).Msg("release is idle")
}

// flow tells whose turn in the queue it is.
func (rq *request) flow() fpm.Flow {
	switch {
	case rq.site == nil:
		return fpm.Flow{}
	case rq.site.IsGlob():
		return fpm.Flow{Site: rq.site.Name, Link: rq.visit.Link}
	}
	return fpm.Flow{Site: rq.site.Name}
}

// mapping says where paths below the link are for this request.
func (rq *request) mapping() incpath.Mapping { return rq.site.mapping(rq.visit.Release) }

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
