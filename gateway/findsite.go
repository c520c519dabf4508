package gateway

import (
	"net/http"
	"path"
	"time"

	"realdocd/deploy"
	"realdocd/gateway/fpm"
	"realdocd/incpath"
)

// findSite finds the request's site, and the docroot of it that is meant.
func (rq *request) findSite() error {
	now := rq.setup
	sent := rq.value(rq.cgi.documentRoot)
	docroot := path.Clean(borrow(sent))
	if st := now.sites.exact[docroot]; st != nil {
		rq.site, rq.pool, rq.docroot = st, st.pool, docroot
		return nil
	}
	if t := now.sites.tenant(docroot, rq.conn.s.metrics); t != nil {
		return rq.isOf(t)
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

// isOf takes a tenant for the request's. It fails if the tenant has no pool.
func (rq *request) isOf(t *tenant) error {
	rq.site, rq.tenant, rq.pool, rq.docroot = t.site, t, t.pool, t.docroot
	if t.pool == nil {
		return refuse(causeNoPool, "%w", t.site.noPool(t.docroot))
	}
	return nil
}

// tellUnpinned tells of a request that is forwarded, and runs on no release: now and
// then, for all may be so.
func (rq *request) tellUnpinned(docroot string) {
	if s := rq.conn.s; s.unpinned.allow(rq.began) {
		s.log.Warn().Str("docroot", docroot).Str("request_id", string(rq.requestID)).
			Msg("request is forwarded as it came, and not pinned to a release: no site has its docroot")
	}
}

// enter enters the release that the request runs on. If the docroot is held, it waits
// outside, and enters the one that is live then.
func (rq *request) enter() error {
	if rq.site == nil {
		return nil
	}
	for {
		if err := rq.enterRelease(); err != nil {
			return err
		}
		if err := rq.checkSpared(); err != nil {
			return err
		}
		if held, err := rq.awaitHold(); err != nil || !held {
			return err
		}
	}
}

// enterRelease enters the release that a valid pin leads to, or the live one: of now, if it
// had to be waited for. A docroot that the web server has resolved by itself is taken as that
// release, whatever a pin says.
func (rq *request) enterRelease() error {
	s, st := rq.conn.s, rq.site
	now := rq.began
	if rq.waited || rq.stood {
		now = time.Now()
	}
	if rq.enterArrived(now) {
		return nil
	}
	if st.readsPins.Load() && rq.conn.errand == nil && (rq.enterPinned(now) || rq.draw(now)) {
		return nil
	}
	v, err := rq.conn.enterOn(st, rq.docroot, now)
	if err != nil {
		st.metrics.resolveFailures.Add(1)
		return refuse(causeUnresolved, "site %s: %w", st.Name, err)
	}
	if v.Flip != nil {
		s.flipped(st, v.Flip)
	}
	rq.took(v, now)
	return nil
}

// took takes the visit, and tells of a link that could not be looked at.
func (rq *request) took(v deploy.Visit, now time.Time) {
	s, st := rq.conn.s, rq.site
	rq.visit = v
	if v.Stale != nil {
		st.metrics.resolveFailures.Add(1)
		st.stale.event(s.log.Error(), now).Err(v.Stale).Str("site", st.Name).Str("docroot", rq.docroot).Str("release", v.Path).Msg(staleText(v))
	}
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

// placeLimit is how many places the requests of the flow may have at once; 0 sets no bound.
func (rq *request) placeLimit() int {
	if rq.site == nil {
		return 0
	}
	return rq.site.MaxConns
}

// mapping says where paths below the link are for this request.
func (rq *request) mapping() incpath.Mapping { return rq.site.mapping(rq.visit.Release) }
