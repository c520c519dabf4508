package gateway

import (
	"io/fs"
	"os"
	"time"

	"realdocd/gateway/control"
	"realdocd/gateway/fpm"
	"realdocd/gateway/spare"
	"realdocd/gateway/standing"
)

// unknownGrace is how long requests wait for the agent's word on where their site stands, from when
// this process has known that nobody knows. An agent that is there tells within milliseconds
// once the daemon answers, and so it does of a docroot that is new; without one, to wait longer would only
// keep places of web servers.
const unknownGrace = 3 * time.Second

// checkFleet refuses a request of a site that does not have what is committed, or is not known to
// have it. Nothing of it has run, and its body is not read. A request of a fleet costs one load
// and a look into a map, any other a load.
func (rq *request) checkFleet() error {
	now := rq.setup.standings.Load()
	if now == nil || !now.refuses || rq.site == nil || rq.conn.errand != nil {
		return nil
	}
	if at := now.byDocroot[rq.docroot]; at != nil && at.served {
		return nil
	}
	return rq.awaitStanding()
}

// servesIn says whether requests run in a state though the configuration has those refused that are
// not in step: what the host has was committed as far as it knows, or somebody wanted it.
func servesIn(state string) bool {
	return state != control.FleetBehind && state != control.FleetUnknown
}

// awaitStanding waits until it is known where the site stands, within the limits of the queue of
// its pool, and refuses the request if it may not run.
func (rq *request) awaitStanding() error {
	var w *standingWait
	defer func() { w.end(rq) }()
	for {
		now := rq.conn.s.setup.Load().standings.Load() // of now: a reload may have come meanwhile
		if now == nil || !now.refuses {
			return nil
		}
		is, since := now.at(rq.site, rq.docroot)
		if is.State == control.FleetUnknown && now.told && now.of(rq.docroot) == nil {
			since = time.Time{}
			if isThere(rq.docroot) {
				since = rq.conn.s.fleet.missing(rq.docroot) // it may be new
			}
		}
		if servesIn(is.State) {
			rq.stood = w != nil
			return nil
		}
		if is.State != control.FleetUnknown {
			return refuse(causeFleetBehind, "site %s is behind its fleet: %s", is.Site, orNoReason(is.Why))
		}
		left := unknownGrace - time.Since(since)
		if left <= 0 {
			return refuse(causeFleetUnknown, "where site %s stands in its fleet is not known: %s", is.Site, orNoReason(is.Why))
		}
		if w == nil {
			var err error
			if w, err = rq.beginStandingWait(is.Site); err != nil {
				return err
			}
		}
		if err := w.wait(rq, now.replaced, left); err != nil {
			return err
		}
	}
}

func orNoReason(why string) string {
	if why == "" {
		return "the agent does not say why"
	}
	return why
}

// A standingWait is a request that waits for the agent's word.
type standingWait struct{ heldWait }

func (rq *request) beginStandingWait(site string) (*standingWait, error) {
	limit := rq.pool.Config().Queue
	if rq.site.unknown.Add(1) > int64(limit) {
		rq.site.unknown.Add(-1)
		return nil, refuse(causeQueueFull, "site %s: %d requests wait already until it is known where it stands in its fleet", site, limit)
	}
	w := &standingWait{heldWait{interrupted: make(chan struct{})}}
	rq.WaitFor(w)
	return w, nil
}

func (w *standingWait) end(rq *request) {
	if w != nil {
		rq.WaitFor(nil)
		rq.site.unknown.Add(-1)
	}
}

// wait returns when other standings have come, or none for too long.
func (w *standingWait) wait(rq *request, replaced <-chan struct{}, left time.Duration) error {
	if err := rq.Ended(); err != nil {
		return err
	}
	late := time.NewTimer(left)
	defer late.Stop()
	select {
	case <-replaced:
	case <-late.C:
	case <-w.interrupted:
		if err := rq.Ended(); err != nil {
			return err
		}
		return errClientGone
	}
	return nil
}

var _ fpm.Interruptible = (*standingWait)(nil)

// at is where a docroot of a site stands now. since is from when on this process has known that
// that is not known.
func (s *standings) at(st *site, docroot string) (is control.FleetStanding, since time.Time) {
	if told := s.byDocroot[docroot]; told != nil {
		return told.Now(standing.Now()), told.unknown
	}
	is = control.FleetStanding{Site: st.nameOf(docroot), State: control.FleetUnknown, Since: s.began, Why: s.whyUntold()}
	if s.told && st.hasNoLink(docroot) {
		is = control.FleetStanding{Site: is.Site, State: control.FleetInStep}
	}
	return is, s.began
}

func (s *standings) whyUntold() string {
	if s.told {
		return "its agent has not named it: systemctl reload realdocd-fleet, if it is new"
	}
	return "its agent has not told yet: see systemctl status realdocd-fleet"
}

// hasNoLink says whether there is nothing on the way of a docroot that could be flipped, so
// that no fleet can have it.
func (s *site) hasNoLink(docroot string) (none bool) {
	live := s.releases.Now(docroot)
	if live == nil {
		return false
	}
	spare.During(func() {
		fi, err := os.Lstat(live.Link)
		none = err == nil && fi.Mode()&fs.ModeSymlink == 0
	})
	return none
}

// isThere says whether a docroot is on disk: who asks for another is not worth an agent's look.
func isThere(docroot string) (there bool) {
	spare.During(func() {
		_, err := os.Stat(docroot)
		there = err == nil
	})
	return there
}

// nameOf is what commands call a docroot of the site.
func (s *site) nameOf(docroot string) string {
	if tenant := s.tenantName(docroot); tenant != "" {
		return s.Name + "/" + tenant
	}
	return s.Name
}
