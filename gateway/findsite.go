package gateway

import (
	"net/http"
	"path"
	"time"

	"realdocd/deploy"
	"realdocd/gateway/fpm"
	"realdocd/incpath"
)

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
		rq.tellUnpinned(docroot)
		return nil
	}
	if taken, err := rq.takePage(); taken {
		return err
	}
	if len(sent) == 0 {
		return refuse(causeNoSite, "the web server sent no DOCUMENT_ROOT: pass it as a FastCGI parameter")
	}
	return refuse(causeNoSite, "no site has the docroot %q: add a [site.NAME] with docroot = %q", sent, docroot)
}

// tellUnpinned tells of a request that is forwarded, and runs on no release: now and
// then, for all may be so.
func (rq *request) tellUnpinned(docroot string) {
	if s := rq.conn.s; s.unpinned.allow(rq.began) {
		s.log.Warn().Str("docroot", docroot).Str("request_id", string(rq.requestID)).
			Msg("request is forwarded as it came, and not pinned to a release: no site has its docroot")
	}
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
		st.stale.event(s.log.Error(), rq.began).Err(v.Stale).Str("site", st.Name).Str("docroot", docroot).Str("release", v.Path).Msg(staleText(v))
	}
	return nil
}

// staleText says what a link that cannot be resolved comes to.
func staleText(v deploy.Visit) string {
	if v.Missing() {
		return "link cannot be resolved, and the last good release is gone: flip to one that is there"
	}
	return "link cannot be resolved: the last good release goes on serving"
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
