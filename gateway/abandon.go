package gateway

import (
	"errors"
	"net/http"
	"path"
	"strings"
	"time"

	"realdocd/deploy"
	"realdocd/gateway/control"
	"realdocd/gateway/fpm"
)

// mayPersist says whether the request runs though the web server leaves before PHP-FPM has
// it. Of PHP-FPM's own clients each would: their requests wait in its backlog, and run
// whether anybody waits for them or not. So whatever may change something does here too.
// A page that nobody will see does not, unless the site says so.
func (rq *request) mayPersist() bool {
	method := borrow(rq.value(rq.cgi.requestMethod))
	run := method != http.MethodGet && method != http.MethodHead
	if rq.site == nil {
		return run
	}
	if rq.site.DropAbandoned {
		run = false
	}
	return run || len(rq.site.AbandonedPaths) > 0 && rq.site.runsAbandoned(borrow(rq.value(rq.cgi.requestURI)))
}

// runsAbandoned says whether the site's abandoned_paths have the URI.
func (c *SiteConfig) runsAbandoned(uri string) bool {
	uri, _, _ = strings.Cut(uri, "?")
	for _, pattern := range c.AbandonedPaths {
		if ok, _ := path.Match(pattern, uri); ok {
			return true
		}
	}
	return false
}

// goesOn says that the request does not need the web server any more. Any goroutine may
// ask.
func (rq *request) goesOn() bool { return rq.unsent.Load() || rq.whole.Load() }

// runsOn says whether a script may run on in FPM for a request that has ended as err.
func (rq *request) runsOn(err error) bool {
	return rq.place.Held() && rq.sent && !rq.reply.ended && !rq.fpmEnded && !errors.Is(err, errCut) &&
		rq.conn.s.life.now() < cutting
}

// An abandoned request is one that nobody waits for any more, and whose script may run
// on. It stays inside its release, and keeps its place, until the script ends.
type abandoned struct {
	place *fpm.Abandoned
	site  *site // nil if it belongs to none
	visit deploy.Visit
	what  control.Occupant
	began time.Time
	id    string
	pool  string

	logged bool // the end of its script is
}

// abandon leaves the request's script to itself.
func (s *Server) abandon(rq *request) {
	rq.hide()
	a := &abandoned{
		site: rq.site, visit: rq.visit, began: rq.began, id: string(rq.requestID), pool: rq.pool.Name, logged: rq.accessLog() == LogAll,
		what: control.Occupant{Kind: "abandoned", What: rq.name(), RequestID: string(rq.requestID)},
	}
	a.place = rq.place.Abandon(fpm.Abandonment{
		Method: string(rq.value(rq.cgi.requestMethod)), Script: string(rq.value(rq.cgi.scriptFilename)),
		Torn: rq.body.torn, Limit: rq.requestTimeout(), Ended: func() { s.abandonedEnded(a) },
	})
	s.mu.Lock()
	s.abandoned[a] = struct{}{}
	if s.life.now() >= cutting { // since runsOn has looked: whoever cuts off what runs has not seen it
		a.place.Interrupt()
	}
	s.mu.Unlock()
	a.place.Begin()
}

// abandonedEnded is called when the script has ended, and the place was left.
func (s *Server) abandonedEnded(a *abandoned) {
	now := time.Now()
	if a.visit.Release != nil && a.visit.Leave(now, false) {
		s.idle(a.site.Name, a.visit.Release)
	}
	if a.logged {
		e := s.log.Info().Str("request_id", a.id).Str("request", a.what.What)
		ms(e, "total", a.began, now)
		e.Msg("the script of an abandoned request has ended")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.abandoned, a)
	s.signalEmptyLocked()
}
