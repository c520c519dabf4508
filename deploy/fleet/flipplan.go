package fleet

import (
	"context"
	"fmt"
	"slices"
)

// A Plan is what a flip would do, as far as the hosts say without preparing anything.
type Plan struct {
	// Take, Fenced and Gone are the hosts that would flip, that would not be ready from then on, and that the operator
	// has declared gone.
	Take, Fenced, Gone []string
	// Now is what is committed; nil if nothing is.
	Now *Commit
}

// Plan says what a flip would do, and changes nothing. The error says what would be refused.
func (c *Commander) Plan(ctx context.Context, f Flip) (Plan, error) {
	view, err := c.View(ctx, f.Site)
	if err != nil {
		return Plan{}, err
	}
	var members []candidate
	for _, host := range view.Hosts {
		m := candidate{host: host.Host, present: host.Present, lost: host.Lost, seen: host.Seen, gone: slices.Contains(f.Gone, host.Host)}
		// Whether it has been away for long enough is seen by waiting.
		if !host.Present && m.lost > 0 {
			m.absent = m.lost + 2*lostMargin
		}
		members = append(members, m)
	}
	if err := f.refuseAtOnce(members); err != nil {
		return Plan{}, err
	}
	plan := Plan{}
	if len(view.Sites) > 0 {
		plan.Now = view.Sites[0].Commit
		for i, h := range view.Sites[0].Hosts {
			members[i].prepared = h.promisedBy(f.Release)
		}
	}
	d := decide(members, f.Release, f.Hash, c.Host)
	plan.Take, plan.Fenced, plan.Gone = d.take, d.fencedHosts(), d.gone
	return plan, d.refuse(f.Site, f.Release, f.AtLeast, members)
}

// promisedBy is what a host would answer, by what it has said that it has.
func (h SiteHost) promisedBy(release string) *Answer {
	i := slices.IndexFunc(h.Releases, func(r Release) bool { return r.Name == release })
	switch {
	case i >= 0:
		if why := h.Releases[i].Why; why != "" {
			return &Answer{Why: why}
		}
		return &Answer{OK: true, Hash: h.Releases[i].Hash}
	case h.State == NoSite:
		return &Answer{Why: h.Why}
	}
	return &Answer{Why: fmt.Sprintf("release %s is not there, or not complete: bring it there", release)}
}
