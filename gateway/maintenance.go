package gateway

import (
	"errors"
	"maps"
	"net/http"
	"path"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"realdocd/deploy"
	"realdocd/gateway/control"
	"realdocd/gateway/pin"
)

// maintenances are those that a site is in, by the docroot; "" is the whole site. They
// outlive a reload. Of a site that is in none, a request loads one pointer.
type maintenances struct {
	now atomic.Pointer[map[string]*control.Maintenance] // never changed, but replaced; nil for none
	mu  sync.Mutex                                      // held by whoever replaces it
}

// of is the one that a docroot is in; nil for none.
func (m *maintenances) of(docroot string) *control.Maintenance {
	now := m.now.Load()
	if now == nil {
		return nil
	}
	if of := (*now)[docroot]; of != nil {
		return of
	}
	return (*now)[""]
}

// all are those that there are.
func (m *maintenances) all() []control.Maintenance {
	now := m.now.Load()
	if now == nil {
		return nil
	}
	all := []control.Maintenance{}
	for _, of := range *now {
		all = append(all, *of)
	}
	slices.SortFunc(all, func(a, b control.Maintenance) int { return strings.Compare(a.Docroot, b.Docroot) })
	return all
}

// replace has only those of the list.
func (m *maintenances) replace(list []control.Maintenance) {
	byDocroot := map[string]*control.Maintenance{}
	for _, of := range list {
		byDocroot[of.Docroot] = &of
	}
	m.put(byDocroot)
}

func (m *maintenances) put(byDocroot map[string]*control.Maintenance) {
	if len(byDocroot) == 0 {
		m.now.Store(nil)
		return
	}
	m.now.Store(&byDocroot)
}

// set begins one, or with nil ends it, and gives the one that there was.
func (m *maintenances) set(docroot string, to *control.Maintenance) (before *control.Maintenance) {
	m.mu.Lock()
	defer m.mu.Unlock()
	next := map[string]*control.Maintenance{}
	if now := m.now.Load(); now != nil {
		next = maps.Clone(*now)
	}
	before = next[docroot]
	if delete(next, docroot); to != nil {
		next[docroot] = to
	}
	m.put(next)
	return before
}

// inherit has a site that is written out now be in the maintenance in which its docroot was
// as one of a pattern.
func (m *maintenances) inherit(from *maintenances, docroot string) {
	if of := from.of(docroot); of != nil && m.now.Load() == nil {
		its := *of
		its.Docroot = ""
		m.put(map[string]*control.Maintenance{"": &its})
	}
}

// moveMaintenances has the sites that are one docroot of a pattern have the maintenance that
// was set for the docroot while it was the pattern's, also after a restart.
func (s *Server) moveMaintenances(now *setup) {
	for _, st := range now.sites.all {
		of := now.sites.named(st.Of)
		if st.Of == "" || of == nil {
			continue
		}
		m := of.maintenances.set(path.Clean(st.Docroot), nil)
		if m == nil {
			continue
		}
		its := *m
		its.Docroot = ""
		st.maintenances.set("", &its)
		err := errors.Join(s.history.putMaintenance(st.Name, st.maintenances.all()), s.history.putMaintenance(of.Name, of.maintenances.all()))
		if err != nil {
			s.log.Error().Err(err).Str("site", st.Name).Msg("maintenance not written: a restart opens the site; see state_dir")
		}
	}
}

// status is what a status has of them.
func (m *maintenances) status() (all []control.Maintenance) {
	for _, of := range m.all() {
		all = append(all, of.Status())
	}
	return all
}

// Maintain has visitors of a site, or of one docroot of a pattern, get a page instead of
// the site; with nil it lets them in. What was decided holds for the next process too.
func (s *Server) Maintain(name, docroot string, m *control.Maintenance) (control.SiteStatus, error) {
	st, docroot, err := s.maintained(name, docroot)
	if err != nil {
		return control.SiteStatus{}, err
	}
	if m != nil {
		m.Docroot, m.Since = docroot, time.Now()
	}
	before := st.maintenances.set(docroot, m)
	if before == nil && m == nil {
		return st.status(), nil
	}
	text := "the site is in maintenance"
	if m == nil {
		text = "the site is open: it was in maintenance since " + before.Since.Format(time.RFC3339)
	}
	s.log.Info().Str("site", st.Name).Str("docroot", docroot).Msg(text)
	s.history.note(st.HistoryOf(), control.Note{Time: time.Now(), What: "maintenance", Docroot: docroot, Text: text})
	return st.status(), s.history.putMaintenance(st.Name, st.maintenances.all())
}

// maintained finds what is put into maintenance: "" is the site as a whole.
func (s *Server) maintained(name, asked string) (*site, string, error) {
	if st := s.setup.Load().sites.named(name); st != nil && asked == "" {
		return st, "", nil
	}
	st, docroot, err := s.site(name, asked)
	if st != nil && !st.IsGlob() {
		docroot = ""
	}
	return st, docroot, err
}

// checkMaintenance refuses a request of a visitor who may not see the site now. Nothing of
// it has run, and its body is not read.
func (rq *request) checkMaintenance() error {
	if rq.site == nil || rq.conn.errand != nil {
		return nil
	}
	m := rq.site.maintenances.of(rq.docroot)
	switch {
	case m == nil || m.Allows(borrow(rq.visitor())):
		return nil
	case rq.previews():
		rq.spared = m
		return nil
	}
	return rq.refuseFor(m)
}

// checkSpared refuses a request that a preview's link has let through, and that has not come
// to the release of the link: it is drained, or gone.
func (rq *request) checkSpared() error {
	if rq.spared == nil || rq.pins.followed.Kind == pin.Preview {
		return nil
	}
	rq.visit.Withdraw()
	rq.visit = deploy.Visit{}
	return rq.refuseFor(rq.spared)
}

func (rq *request) refuseFor(m *control.Maintenance) error {
	rq.maintenance = m
	return refuse(causeMaintenance, "site %s is in maintenance since %s: realdocd maintenance off ends it", rq.site.Name, m.Since.Format(time.RFC3339))
}

// visitor is the address of whoever has sent the request, as the web server says.
func (rq *request) visitor() (addr []byte) {
	for _, p := range rq.pairs {
		if string(p.Name) == "REMOTE_ADDR" {
			addr = p.Value
		}
	}
	return addr
}

// defaultRetry is what visitors are told if nobody knows when a maintenance ends, and
// after that time.
const defaultRetry = time.Minute

// appendMaintenance appends the page of the maintenance as the answer of a CGI program.
// The memory for it is of all requests; if there is none, the visitor gets the status alone.
func (rq *request) appendMaintenance(out []byte) []byte {
	m := rq.maintenance
	retry := defaultRetry
	if left := time.Until(m.Until); left > time.Second {
		retry = left
	}
	page := m.Page
	if !rq.takeMemory(len(page)) || string(rq.value(rq.cgi.requestMethod)) == http.MethodHead {
		page = nil
	}
	out = append(out, "Status: 503 Service Unavailable\r\nContent-Type: "+http.DetectContentType(m.Page)+"\r\nCache-Control: no-store\r\n"...)
	out = appendHeader(out, "Retry-After", strconv.Itoa(int(retry.Round(time.Second).Seconds())))
	if rq.site.RequestIDHeader != "" {
		out = appendHeader(out, rq.site.RequestIDHeader, borrow(rq.requestID))
	}
	return append(append(out, "\r\n"...), page...)
}

// restoreMaintenance keeps what an earlier process knew of a site.
func (s *Server) restoreMaintenance(site string, all []control.Maintenance) {
	if st := s.setup.Load().sites.named(site); st != nil {
		for i := range all {
			if all[i].Docroot != "" {
				all[i].Docroot = path.Clean(all[i].Docroot)
			}
		}
		st.maintenances.replace(all)
	}
}
