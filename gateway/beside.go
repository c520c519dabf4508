package gateway

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"realdocd/deploy"
)

// While a predecessor finishes its requests, what operators ask for is the sum
// of both.

// A RetiringStatus is a process that has handed over and finishes what it has.
type RetiringStatus struct {
	PID int `json:"pid"`
	// Connections are those of web servers on which a request runs still.
	Connections int `json:"connections"`
	// Error is set when it does not answer; it is not in the sums then.
	Error string `json:"error,omitempty"`
}

// addTo adds what the predecessor has to the status. Its requests in FPM are
// in the pools already.
func (p *Predecessor) addTo(st *Status) {
	if !p.running() {
		return
	}
	a, err := p.ask(context.Background(), "", "")
	if err != nil {
		st.Retiring = append(st.Retiring, RetiringStatus{PID: p.pid, Error: err.Error()})
		return
	}
	if a.Status == nil {
		return
	}
	st.Connections += a.Status.Connections
	st.Retiring = append(st.Retiring, RetiringStatus{PID: a.Status.PID, Connections: a.Status.Connections})
	st.Retiring = append(st.Retiring, a.Status.Retiring...)
	for _, theirs := range a.Status.Sites {
		if i := slices.IndexFunc(st.Sites, func(s SiteStatus) bool { return s.Name == theirs.Name }); i >= 0 {
			st.Sites[i].Running += theirs.Running
		}
	}
}

// addToSite adds what the predecessor has of a site. An error says that it
// cannot be told who is left there.
func (p *Predecessor) addToSite(ctx context.Context, d *SiteDetail, docroot string) error {
	if !p.running() {
		return nil
	}
	a, err := p.ask(ctx, d.Name, docroot)
	if err != nil || a.Site == nil {
		return err
	}
	d.Running += a.Site.Running
	for _, theirs := range a.Site.Docroots {
		if i := slices.IndexFunc(d.Docroots, func(ds DocrootStatus) bool { return ds.Docroot == theirs.Docroot }); i >= 0 {
			d.Docroots[i].add(theirs)
		}
	}
	return nil
}

func (ds *DocrootStatus) add(theirs DocrootStatus) {
	for _, r := range theirs.Releases {
		i := slices.IndexFunc(ds.Releases, func(ours ReleaseStatus) bool { return ours.Path == r.Path })
		if i < 0 {
			if r.Running > 0 {
				r.Live = false
				ds.Releases = slices.Insert(ds.Releases, 0, r)
			}
			continue
		}
		ours := &ds.Releases[i]
		ours.Running += r.Running
		if r.LastSeen.After(ours.LastSeen) {
			ours.LastSeen = r.LastSeen
		}
		ours.Inside = append(ours.Inside, r.Inside...)
		slices.SortFunc(ours.Inside, func(a, b Occupant) int { return cmp.Compare(b.Age, a.Age) })
		ours.Inside = ours.Inside[:min(len(ours.Inside), maxOccupants)]
	}
}

// leftBefore are those whom the predecessor has in a release.
func (p *Predecessor) leftBefore(ctx context.Context, site, docroot, release string) (left []Occupant, err error) {
	d := SiteDetail{SiteStatus: SiteStatus{Name: site}, Docroots: []DocrootStatus{{Docroot: docroot}}}
	if err := p.addToSite(ctx, &d, docroot); err != nil {
		return nil, err
	}
	for _, r := range d.Docroots[0].Releases {
		if r.Path != release || r.Running == 0 {
			continue
		}
		if left = append(left, r.Inside...); len(left) == 0 {
			left = []Occupant{{Kind: "request"}} // it is on its way in or out
		}
	}
	return left, nil
}

// idle tells that nobody is inside a release that is not live any more, once
// nobody is in the other process either: a process that retires has its
// successor tell, and one with a predecessor asks that first.
func (s *Server) idle(site string, r *deploy.Release) {
	if heir := s.heir.Load(); heir != nil {
		heir.link.send(message{Idle: &idleMessage{site, r.Path}})
		return
	}
	if !s.predecessor.running() {
		s.logIdle(site, r)
		return
	}
	go func() {
		docroot := r.Link + strings.TrimPrefix(r.Docroot, r.Path)
		left, err := s.predecessor.leftBefore(context.Background(), site, docroot, r.Path)
		if err == nil && len(left) == 0 {
			s.logIdle(site, r)
			return
		}
		s.predecessor.mu.Lock()
		s.predecessor.busy = append(s.predecessor.busy, idleMessage{site, r.Path})
		s.predecessor.mu.Unlock()
	}()
}

// idleBefore is for a release that the predecessor has nobody in any more.
func (s *Server) idleBefore(m idleMessage) {
	p := s.predecessor
	p.mu.Lock()
	p.busy = slices.DeleteFunc(p.busy, func(b idleMessage) bool { return b == m })
	p.mu.Unlock()
	st := s.setup.Load().sites.named(m.Site)
	if st == nil {
		return
	}
	r := st.releases.Idle(m.Release)
	switch heir := s.heir.Load(); {
	case r == nil: // it will fall idle here
	case heir != nil:
		heir.link.send(message{Idle: &m})
	default:
		s.logIdle(st.Name, r)
	}
}
