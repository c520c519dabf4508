package gateway

import (
	"strings"
	"sync"
	"time"

	"realdocd/deploy"
	"realdocd/gateway/spare"
	"realdocd/incpath"
)

// An arrival is where a DOCUMENT_ROOT belongs that is not written as the configuration
// has it: by another link, resolved by the web server, below the docroot, or an extra
// root.
type arrival struct {
	site *site
	// docroot is the site's, and release the one that the web server has resolved it
	// to, by its path; "" if it has left that to us.
	docroot, release string
	// below is what of the DOCUMENT_ROOT is below the docroot, as in "/pma".
	below string
	// extra is the DOCUMENT_ROOT if it is in an extra root, else "".
	extra string
	// as is how a directory of the release is written in it, and in which one that is,
	// as in "/public"; "" unless only the disk could tell.
	as, in string
}

// spelling is as, for one release.
func (a *arrival) spelling(release string) incpath.Spelling {
	return incpath.Spelling{a.as, release + a.in}
}

// root is the DOCUMENT_ROOT that PHP gets; for a plain one the arrival is nil.
func (a *arrival) root(v deploy.Visit, m *incpath.Mapping) string {
	switch {
	case a == nil:
		return v.Docroot
	case a.extra != "":
		mapped, _ := m.Path(a.extra)
		return mapped
	}
	return v.Docroot + a.below
}

const (
	// arrivalsFor is how long it holds where a DOCUMENT_ROOT belongs, and strayFor that
	// it belongs nowhere.
	arrivalsFor = time.Second
	strayFor    = 50 * time.Millisecond
	// maxArrivals bounds how many are remembered, those that belong nowhere included.
	maxArrivals = 4096
	// maxLooks bounds how many looks run at once.
	maxLooks = 32
	// arrivalPatience is how long a request waits to be told, if a file system does not
	// answer.
	arrivalPatience = 5 * time.Second
)

// arrivals remember where docroots belong. A plain one is not among them.
type arrivals struct {
	mu      sync.Mutex // guards the following
	known   map[string]*knownArrival
	looking int // how many looks run
}

type knownArrival struct {
	at      *arrival // nil: it belongs nowhere
	found   time.Time
	looking chan struct{} // closed when the look that runs has ended; nil: none runs
}

// find tells where a docroot belongs; nil for nowhere. What was known a while ago holds
// until it is looked up afresh, so that only the first request waits.
func (a *arrivals) find(docroot string, now time.Time, look func(docroot string) *arrival) *arrival {
	a.mu.Lock()
	k := a.known[docroot]
	if k == nil {
		if len(a.known) >= maxArrivals {
			clear(a.known)
		}
		if a.known == nil {
			a.known = map[string]*knownArrival{}
		}
		k = &knownArrival{}
		a.known[strings.Clone(docroot)] = k // it is a view of a buffer that is used again
	}
	at, holds := k.at, arrivalsFor
	if at == nil {
		holds = strayFor
	}
	if now.Sub(k.found) < holds {
		a.mu.Unlock()
		return at
	}
	looking := a.lookLocked(k, docroot, look)
	a.mu.Unlock()
	if at != nil || looking == nil {
		return at
	}
	patience := time.NewTimer(arrivalPatience)
	defer patience.Stop()
	select {
	case <-looking:
	case <-patience.C:
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	return k.at
}

// lookLocked begins a look unless one runs. A goroutine of its own does it, for it may
// hang; nil if so many do that one more must not.
func (a *arrivals) lookLocked(k *knownArrival, docroot string, look func(docroot string) *arrival) (looking chan struct{}) {
	if k.looking != nil {
		return k.looking
	}
	if a.looking >= maxLooks {
		return nil
	}
	a.looking++
	k.looking = make(chan struct{})
	go func(docroot string, done chan struct{}) {
		var at *arrival
		spare.During(func() { at = look(docroot) })
		a.mu.Lock()
		defer a.mu.Unlock()
		k.at, k.found, k.looking = at, time.Now(), nil
		a.looking--
		close(done)
	}(strings.Clone(docroot), k.looking)
	return k.looking
}

// arrive finds what a docroot belongs to that no site has as it is written; known is
// false if it belongs nowhere.
func (rq *request) arrive(docroot string) (known bool, err error) {
	s, now := rq.conn.s, rq.setup
	at := now.arrivals.find(docroot, rq.began, func(docroot string) *arrival { return s.locate(now, docroot) })
	if at == nil {
		return false, nil
	}
	rq.arrival = at
	rq.site, rq.pool, rq.docroot = at.site, at.site.pool, at.docroot
	if t := now.sites.tenant(at.docroot, s.metrics); t != nil && t.site == at.site {
		return true, rq.isOf(t)
	}
	return true, nil
}

// enterArrived enters the release that the web server has resolved by itself; false if it
// has not, or if that release has gone since.
func (rq *request) enterArrived(now time.Time) bool {
	at := rq.arrival
	if at == nil || at.release == "" || rq.conn.errand != nil {
		return false
	}
	v, err := at.site.releases.EnterNamed(at.docroot, at.release, now)
	if err != nil {
		return false
	}
	rq.visit = v
	return true
}
