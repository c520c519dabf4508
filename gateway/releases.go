package gateway

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
	"time"

	"realdocd/deploy"
	"realdocd/gateway/control"
	"realdocd/gateway/fpm"
)

// maxOccupants bounds the list of who is inside one release.
const maxOccupants = 100

// site finds a site by its name, and the docroot of it that is meant: asked for,
// where the site's is a pattern.
func (s *Server) site(name, asked string) (*site, string, error) {
	st := s.setup.Load().sites.named(name)
	if st == nil {
		return nil, "", fmt.Errorf("%w: %q", control.ErrNoSite, name)
	}
	docroot, err := st.DocrootOf(asked)
	return st, docroot, err
}

// Site is one site now, with a fresh look at its link. docroot may be "" where
// the site's is no pattern, and where it is one for all that are remembered.
func (s *Server) Site(name, docroot string) (control.SiteDetail, error) {
	st := s.setup.Load().sites.named(name)
	if st == nil {
		return control.SiteDetail{}, fmt.Errorf("%w: %q", control.ErrNoSite, name)
	}
	if st.IsGlob() && docroot == "" {
		return s.detail(st, "", st.releases.Docroots()), nil
	}
	return s.Look(name, docroot, "")
}

// Look looks at the link of a docroot at once. by says who has flipped it, ""
// for nobody that we know of.
func (s *Server) Look(name, docroot, by string) (control.SiteDetail, error) {
	st, docroot, err := s.site(name, docroot)
	if err != nil {
		return control.SiteDetail{}, err
	}
	if err := s.look(st, docroot); err != nil {
		return control.SiteDetail{}, err
	}
	if by != "" {
		s.history.attribute(st.releases.Link(docroot), by)
	}
	return s.detail(st, docroot, []string{docroot}), nil
}

func (s *Server) look(st *site, docroot string) error {
	flip, err := st.releases.Look(docroot)
	if flip != nil {
		s.flipped(st, flip)
	}
	return err
}

// detail is a site with some docroots: the one that was asked for, or all.
func (s *Server) detail(st *site, asked string, docroots []string) control.SiteDetail {
	d := s.whoIsInside(st, asked, docroots)
	d.History = s.history.of(st.Name)
	return d
}

// whoIsInside is detail without the history, which is read from a file.
func (s *Server) whoIsInside(st *site, asked string, docroots []string) control.SiteDetail {
	d := control.SiteDetail{SiteStatus: st.status(), Docroots: []control.DocrootStatus{}}
	inside := s.occupants(time.Now())
	slices.Sort(docroots)
	for _, docroot := range docroots {
		ds := control.DocrootStatus{Docroot: docroot, Releases: []control.ReleaseStatus{}}
		for _, r := range st.releases.Releases(docroot) {
			ds.Link = r.Link
			who := inside[r.Docroot]
			ds.Releases = append(ds.Releases, control.ReleaseStatus{
				Path: r.Path, Name: r.Name, Live: r.Live, Running: r.Inside, Requests: r.Total, Failed: r.Failed,
				FirstSeen: r.FirstSeen, LastSeen: r.LastSeen, Inside: append([]control.Occupant{}, who[:min(len(who), maxOccupants)]...),
			})
		}
		d.Docroots = append(d.Docroots, ds)
	}
	if err := s.predecessor.addToSite(context.Background(), &d, asked); err != nil {
		s.log.Warn().Err(err).Str("site", st.Name).Msg("the site is shown without the requests of the process before")
	}
	return d
}

// occupants are the requests and commands inside releases, by the resolved
// docroot, the oldest first.
func (s *Server) occupants(now time.Time) map[string][]control.Occupant {
	all := map[string][]control.Occupant{}
	s.mu.Lock()
	for c := range s.conns {
		c.mu.Lock()
		if rq := c.rq; rq != nil && rq.visit.Release != nil {
			all[rq.visit.Docroot] = append(all[rq.visit.Docroot],
				control.Occupant{Kind: "request", What: rq.name(), Age: now.Sub(rq.began).Seconds(), RequestID: string(rq.requestID)})
		}
		c.mu.Unlock()
	}
	for cmd := range s.commands {
		all[cmd.visit.Docroot] = append(all[cmd.visit.Docroot],
			control.Occupant{Kind: "command", What: cmd.Text, Age: now.Sub(cmd.Began).Seconds(), PID: cmd.PID})
	}
	s.mu.Unlock()
	for _, list := range all {
		slices.SortFunc(list, func(a, b control.Occupant) int { return cmp.Compare(b.Age, a.Age) })
	}
	return all
}

// drainEvery is how often a drain counts who is left.
const drainEvery = 20 * time.Millisecond

// DrainRelease waits until nothing runs in a release, a directory by its
// absolute path, and nothing can enter it any more. Where the pool has a status
// listener, that includes scripts that run on after fastcgi_finish_request. When
// ctx ends first it returns who is left. The error is deploy.ErrLive for the
// live release.
func (s *Server) DrainRelease(ctx context.Context, name, docroot, release string) (left []control.Occupant, err error) {
	st, docroot, err := s.site(name, docroot)
	if err != nil {
		return nil, err
	}
	release = path.Clean(release)
	tick := time.NewTicker(drainEvery)
	defer tick.Stop()
	for {
		now, err := s.left(ctx, st, docroot, release)
		if err == nil && len(now) == 0 || errors.Is(err, deploy.ErrLive) {
			return nil, err
		}
		if err == nil {
			left = now
		}
		select {
		case <-ctx.Done():
			return left, cmp.Or(err, ctx.Err())
		case <-tick.C:
		}
	}
}

// left are those who keep a release busy, of whichever site: a site of CGI
// scripts may be below the same link.
func (s *Server) left(ctx context.Context, st *site, docroot, release string) ([]control.Occupant, error) {
	if err := s.look(st, docroot); err != nil {
		return nil, err
	}
	running, left, err := s.countIn(ctx, st, docroot, release)
	if err != nil {
		return nil, err
	}
	for _, other := range s.setup.Load().sites.all {
		for _, path := range other.releases.DocrootsOf(release) {
			if other == st && path == docroot {
				continue
			}
			s.look(other, path) // where that fails its last good release goes on, and is live
			n, before, err := s.countIn(ctx, other, path, release)
			if err != nil {
				return nil, fmt.Errorf("site %s, docroot %s: %w", other.Name, path, err)
			}
			running += n
			left = append(left, before...)
		}
	}
	if running > 0 {
		left = append(left, s.inRelease(release)...)
	}
	if len(left) > 0 {
		return left[:min(len(left), maxOccupants)], nil
	}
	return workersIn(ctx, st.pool.Config(), release)
}

// countIn is how many run in a release by one docroot, and those whom the
// predecessor has there.
func (s *Server) countIn(ctx context.Context, st *site, docroot, release string) (running int64, before []control.Occupant, err error) {
	if running, err = st.releases.Occupants(docroot, release); err == nil {
		before, err = s.predecessor.leftBefore(ctx, st.Name, docroot, release)
	}
	return running, before, err
}

// inRelease names who runs in a release.
func (s *Server) inRelease(release string) (who []control.Occupant) {
	for resolved, list := range s.occupants(time.Now()) {
		if resolved == release || strings.HasPrefix(resolved, release+"/") {
			who = append(who, list...)
		}
	}
	if len(who) == 0 { // it is on its way in or out
		who = []control.Occupant{{Kind: "request"}}
	}
	return who
}

// workersIn are FPM's workers whose script is below a release.
func workersIn(ctx context.Context, c *fpm.Config, release string) (left []control.Occupant, err error) {
	if c.StatusServer == "" {
		return nil, nil
	}
	ctx, cancel := context.WithTimeout(ctx, statusTimeout)
	defer cancel()
	workers, err := fpm.AskWorkers(ctx, c.StatusServer, c.StatusPath)
	if err != nil {
		return nil, fmt.Errorf("whether scripts run on in %s cannot be told: %w", release, err)
	}
	for _, w := range workers {
		if w.State != "Idle" && strings.HasPrefix(w.Script, release+"/") {
			left = append(left, control.Occupant{Kind: "worker", What: w.Script, Age: w.Duration.Seconds(), PID: w.PID})
		}
	}
	return left, nil
}

// watchEvery is how soon a flip is noticed where nobody asks for a page.
const watchEvery = time.Second

// watchLinks looks at the links of the docroots that are written out, so that a
// flip is in the log and in the history though no request follows. It ends with
// its setup, or with the last request.
func (s *Server) watchLinks(now *setup) {
	tick := time.NewTicker(watchEvery)
	defer tick.Stop()
	for s.setup.Load() == now {
		select {
		case <-s.empty:
			return
		case <-tick.C:
		}
		for docroot, st := range now.sites.exact {
			s.look(st, docroot) // what fails, requests tell
		}
	}
}
