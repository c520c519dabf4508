package gateway

import (
	"net/http"
	"path"
	"time"
	"unsafe"

	"realdocd/deploy"
	"realdocd/incpath"
)

// A site is a SiteConfig at work.
type site struct {
	SiteConfig
	pool     *pool
	releases *deploy.Resolver
	mapped   valueCache // include_path in it mapped
	added    valueCache // include_path added to it
	stale    limiter    // of log events about a link that cannot be looked at
}

func newSite(c SiteConfig, p *pool) *site {
	s := &site{SiteConfig: c, pool: p}
	s.releases = deploy.NewResolver(deploy.Options{Mode: c.Resolve, Every: c.RealpathEvery, LinkAfter: c.LinkAfter})
	return s
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
		if ok, _ := path.Match(s.Docroot, docroot); ok {
			return s
		}
	}
	return nil
}

// findSite finds the request's site and enters the release that it runs on. A
// docroot that is a known release itself is taken as that release.
func (s *Server) findSite(rq *request) error {
	sent := rq.value(rq.cgi.documentRoot)
	docroot := path.Clean(view(sent))
	if st := s.sites.find(docroot); st != nil {
		return s.enter(rq, st, docroot)
	}
	for _, st := range s.sites.all {
		if v, ok := st.releases.EnterKnown(docroot, rq.began); ok {
			rq.site, rq.pool, rq.visit = st, st.pool, v
			return nil
		}
	}
	if s.cfg.ForwardUnmatched {
		rq.pool = s.pools[0]
		return nil
	}
	if len(sent) == 0 {
		return refuse(http.StatusNotFound, "the web server sent no DOCUMENT_ROOT: pass it as a FastCGI parameter")
	}
	return refuse(http.StatusNotFound, "no site has the docroot %q: add a [site.NAME] with docroot = %q", sent, docroot)
}

func (s *Server) enter(rq *request, st *site, docroot string) error {
	v, err := st.releases.Enter(docroot, rq.began)
	if err != nil {
		return refuse(http.StatusServiceUnavailable, "site %s: %w", st.Name, err)
	}
	rq.site, rq.pool, rq.visit = st, st.pool, v
	if v.Flipped {
		s.logLive(st, docroot, v)
	}
	if v.Stale != nil && st.stale.allow(rq.began) {
		s.log.Error().Err(v.Stale).Str("site", st.Name).Str("docroot", docroot).Str("release", v.Path).
			Msg("link cannot be resolved: the last good release goes on serving")
	}
	return nil
}

func (s *Server) logLive(st *site, docroot string, v deploy.Visit) {
	s.log.Info().Str("site", st.Name).Str("docroot", docroot).Str("release", v.Path).Msg("release is live")
}

// mapping says where paths below the link are for this request.
func (rq *request) mapping() incpath.Mapping {
	return incpath.Mapping{
		Link: rq.visit.Link, Release: rq.visit.Path,
		ResolvedDocroot: rq.visit.Docroot, Pattern: rq.site.SearchReplacePattern,
	}
}

// view reads bytes as a string without a copy. The string must not outlive
// the bytes, nor be kept.
func view(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }

// logEvery is how often a condition that may hold for every request is logged.
const logEvery = time.Second
