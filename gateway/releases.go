package gateway

import (
	"cmp"
	"context"
	"fmt"
	"path"
	"slices"
	"time"

	"realdocd/deploy"
	"realdocd/gateway/control"
)

// enterNamed enters a release that an operator has named, a directory by its absolute
// path, whether it is live or not. The caller withdraws the visit.
func (s *Server) enterNamed(name, asked, release string) (st *site, docroot string, v deploy.Visit, err error) {
	if st, docroot, err = s.site(name, asked); err == nil {
		v, err = st.releases.EnterRelease(docroot, release)
	}
	return st, docroot, v, err
}

// site finds a site by its name, and the docroot that is meant: the site's own, or
// if that is a pattern the one that was asked for, or that the name names.
func (s *Server) site(name, asked string) (*site, string, error) {
	st, asked, err := s.named(name, asked)
	if err != nil {
		return nil, "", err
	}
	docroot, err := st.DocrootOf(asked)
	return st, docroot, err
}

// named finds a site by its name, and the docroot that is named in it or was asked for;
// "" for none.
func (s *Server) named(name, asked string) (*site, string, error) {
	now := s.setup.Load()
	at, docroot, err := Named(now.cfg.Sites, name)
	if err != nil {
		return nil, "", &noSiteError{err}
	}
	if docroot != "" && asked != "" && path.Clean(asked) != docroot {
		return nil, "", &noSiteError{fmt.Errorf("%s is the docroot %s, and not %s: leave one of them out", name, docroot, asked)}
	}
	return now.sites.all[at], cmp.Or(docroot, asked), nil
}

// A noSiteError is a control.ErrNoSite that says which names there are.
type noSiteError struct{ error }

func (e *noSiteError) Is(target error) bool { return target == control.ErrNoSite }

// Site is one site now, with a fresh look at its link. docroot may be "". If the
// site's docroot is a pattern, that means all docroots that are remembered, without
// a look.
func (s *Server) Site(name, docroot string) (control.SiteDetail, error) {
	st, docroot, err := s.named(name, docroot)
	if err != nil {
		return control.SiteDetail{}, err
	}
	if st.IsGlob() && docroot == "" {
		return s.detail(st, "", s.docrootsOf(st)), nil
	}
	return s.Look(st.Name, docroot, "")
}

// docrootsOf are the docroots of a site with a pattern that are remembered. One that
// another site has written out since is among them only while somebody is inside.
func (s *Server) docrootsOf(st *site) []string {
	sites := s.setup.Load().sites
	return slices.DeleteFunc(st.releases.Docroots(), func(docroot string) bool {
		return sites.find(docroot) != st && !slices.ContainsFunc(st.releases.Releases(docroot), func(r deploy.ReleaseState) bool { return r.Inside > 0 })
	})
}

// Look looks at the link of a docroot at once. by says who has flipped it; "" if
// nobody says so.
func (s *Server) Look(name, docroot, by string) (control.SiteDetail, error) {
	st, docroot, err := s.site(name, docroot)
	if err != nil {
		return control.SiteDetail{}, err
	}
	look := s.look
	if by != "" {
		look = s.lookPatiently
	}
	// A link that leads nowhere is when somebody asks; what is known is the answer.
	if err := look(st, docroot); err != nil && st.releases.Live(docroot) == "" {
		return control.SiteDetail{}, err
	}
	if by != "" {
		s.history.attribute(st.releases.Link(docroot), by)
	}
	return s.detail(st, docroot, []string{docroot}), nil
}

func (s *Server) look(st *site, docroot string) error {
	flip, err := st.releases.Look(docroot)
	return s.looked(st, flip, err)
}

// lookPatiently is look for who has flipped the link, or goes by what is live.
func (s *Server) lookPatiently(st *site, docroot string) error {
	flip, err := st.releases.LookPatiently(docroot)
	return s.looked(st, flip, err)
}

func (s *Server) looked(st *site, flip *deploy.Flipped, err error) error {
	if flip != nil {
		s.flipped(st, flip)
	}
	return err
}

// detail is a site with some docroots: the one that was asked for, or all.
func (s *Server) detail(st *site, asked string, docroots []string) control.SiteDetail {
	d := s.whoIsInside(st, asked, docroots)
	link := ""
	if len(docroots) == 1 {
		link = st.releases.Link(docroots[0])
	}
	d.History = s.history.of(st.HistoryOf(), link)
	d.Notes = s.history.notes(st.HistoryOf(), asked)
	return d
}

// whoIsInside is detail without the history, which is read from a file.
func (s *Server) whoIsInside(st *site, asked string, docroots []string) control.SiteDetail {
	d := control.SiteDetail{SiteStatus: st.status(), Docroots: []control.DocrootStatus{}}
	inside := s.occupants(time.Now())
	slices.Sort(docroots)
	for _, docroot := range docroots {
		ds := control.DocrootStatus{Docroot: docroot, Tenant: st.tenantName(docroot), Pool: st.poolName(docroot), Releases: []control.ReleaseStatus{}}
		ds.Stale, ds.Gone = st.trouble(docroot)
		for _, r := range st.releases.Releases(docroot) {
			ds.Link = r.Link
			who := inside[r.Docroot]
			ds.Releases = append(ds.Releases, control.ReleaseStatus{
				Path: r.Path, Name: r.Name, Live: r.Live, Running: r.Inside, Requests: r.Total, Failed: r.Failed,
				Pinned: r.Brought, PinsEnd: r.PinsEnd, Closed: r.Closed, Gone: r.Gone, FirstSeen: r.FirstSeen, LastSeen: r.LastSeen, Inside: append([]control.Occupant{}, who[:min(len(who), maxOccupants)]...),
			})
		}
		d.Docroots = append(d.Docroots, ds)
	}
	if err := s.predecessor.addToSite(context.Background(), &d, asked); err != nil {
		s.log.Warn().Err(err).Str("site", st.Name).Msg("the site is shown without the requests of the process before")
	}
	return d
}
