package gateway

import (
	"cmp"
	"context"
	"slices"

	"realdocd/gateway/control"
)

// While a predecessor finishes its requests, operators are told the sum of both
// processes.

// addTo adds what the predecessor has to the status. Its requests in FPM are
// in the pools already.
func (p *Predecessor) addTo(st *control.Status) {
	if !p.running() {
		return
	}
	a, err := p.ask(context.Background(), "", "")
	if err != nil {
		st.Retiring = append(st.Retiring, control.RetiringStatus{PID: p.pid, Error: err.Error()})
		return
	}
	if a.Status == nil {
		return
	}
	st.Connections += a.Status.Connections
	st.Retiring = append(st.Retiring, control.RetiringStatus{PID: a.Status.PID, Connections: a.Status.Connections})
	st.Retiring = append(st.Retiring, a.Status.Retiring...)
	for _, theirs := range a.Status.Sites {
		if i := slices.IndexFunc(st.Sites, func(s control.SiteStatus) bool { return s.Name == theirs.Name }); i >= 0 {
			st.Sites[i].Running += theirs.Running
		}
	}
}

// addToSite adds what the predecessor has of a site. An error says that it
// cannot be told who is left there.
func (p *Predecessor) addToSite(ctx context.Context, d *control.SiteDetail, docroot string) error {
	if !p.running() {
		return nil
	}
	a, err := p.ask(ctx, d.Name, docroot)
	if err != nil || a.Site == nil {
		return err
	}
	d.Running += a.Site.Running
	for _, theirs := range a.Site.Docroots {
		if i := slices.IndexFunc(d.Docroots, func(ds control.DocrootStatus) bool { return ds.Docroot == theirs.Docroot }); i >= 0 {
			addDocroot(&d.Docroots[i], theirs)
		}
	}
	return nil
}

// addDocroot adds what the predecessor has of a docroot.
func addDocroot(ds *control.DocrootStatus, theirs control.DocrootStatus) {
	for _, r := range theirs.Releases {
		i := slices.IndexFunc(ds.Releases, func(ours control.ReleaseStatus) bool { return ours.Path == r.Path })
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
		if !ours.Closed && r.PinsEnd.After(ours.PinsEnd) {
			ours.PinsEnd = r.PinsEnd
		}
		ours.Inside = append(ours.Inside, r.Inside...)
		slices.SortFunc(ours.Inside, func(a, b control.Occupant) int { return cmp.Compare(b.Age, a.Age) })
		ours.Inside = ours.Inside[:min(len(ours.Inside), maxOccupants)]
	}
}

// leftBefore are those whom the predecessor has in a release.
func (p *Predecessor) leftBefore(ctx context.Context, site, docroot, release string) (left []control.Occupant, err error) {
	d := control.SiteDetail{SiteStatus: control.SiteStatus{Name: site}, Docroots: []control.DocrootStatus{{Docroot: docroot}}}
	if err := p.addToSite(ctx, &d, docroot); err != nil {
		return nil, err
	}
	for _, r := range d.Docroots[0].Releases {
		if r.Path != release || r.Running == 0 {
			continue
		}
		if left = append(left, r.Inside...); len(left) == 0 {
			left = []control.Occupant{{Kind: "request"}} // it is on its way in or out
		}
	}
	return left, nil
}
