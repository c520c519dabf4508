package gateway

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
	"time"

	"realdocd/deploy"
	"realdocd/gateway/control"
	"realdocd/gateway/fpm"
)

// DrainRelease closes a release, a directory by its absolute path, and waits until
// nothing runs in it: until it is live again no request enters it, whichever way its
// path is written, and by whichever pin, so that it may be removed. Pins that lead there are
// ended for good, or waited for first. If the pool has a status
// listener, that includes scripts that run on after fastcgi_finish_request. If
// ctx ends first it returns who is left. The error is deploy.ErrLive for the
// live release.
func (s *Server) DrainRelease(ctx context.Context, name, docroot, release string, pins control.Pins) (left []control.Occupant, err error) {
	st, docroot, err := s.site(name, docroot)
	if err != nil {
		return nil, err
	}
	release = path.Clean(release)
	if err := s.wantUntried(release); err != nil {
		return nil, err
	}
	s.drains.Add(1)
	defer s.drains.Add(-1)
	if pins == control.PinsWait {
		if err := s.awaitPins(ctx, st, docroot, release); err != nil {
			return nil, err
		}
	}
	tick := time.NewTicker(drainEvery)
	defer tick.Stop()
	var why error // it cannot be told who is left; of the last look that had its time
	for {
		// Closed first and counted then, so that whoever is not counted cannot enter.
		s.eachSite(func(st *site) { st.releases.Close(release) })
		now, err := s.left(ctx, st, docroot, release)
		if err == nil && len(now) == 0 {
			err = s.wantNotLive(ctx, release)
		}
		if errors.Is(err, deploy.ErrLive) {
			s.eachSite(func(st *site) { st.releases.Open(release) })
			return nil, err
		}
		if err == nil && len(now) == 0 {
			s.endPins(release)
			return nil, s.keepClosed(st, release)
		}
		switch {
		case err == nil:
			s.endPins(release)
			left, why = now, nil
		case ctx.Err() == nil:
			why = err
		}
		select {
		case <-ctx.Done():
			return left, cmp.Or(why, ctx.Err())
		case <-tick.C:
		}
	}
}

// keepClosed has the next process know which releases are closed, after a restart too.
// Of other sites it writes only to those that have been in the release.
func (s *Server) keepClosed(of *site, release string) (err error) {
	s.eachSite(func(st *site) {
		if st == of || len(st.releases.DocrootsOf(release)) > 0 {
			err = errors.Join(err, s.history.putClosed(st.Name, st.releases.Closed()), s.writePins(st))
		}
	})
	if err != nil {
		return fmt.Errorf("nothing runs in the release, but a restart would open it again: %w", err)
	}
	return nil
}

// endPins ends the pins to a release that is not live. No request enters it meanwhile.
func (s *Server) endPins(release string) {
	s.eachSite(func(st *site) { st.releases.EndPins(release, time.Now()) })
}

// pinsEvery is how often a wait for pins looks whether the release has gone live.
const pinsEvery = time.Second

// awaitPins waits until no pin leads to a release that is not live. It fails at once if they
// end too late.
func (s *Server) awaitPins(ctx context.Context, st *site, docroot, release string) error {
	for {
		s.look(st, docroot) // what fails, the drain tells
		var end time.Time
		s.eachSite(func(st *site) { end = later(end, st.releases.PinsEnd(release)) })
		rest := time.Until(end)
		if limit, ok := ctx.Deadline(); rest > 0 && ok && limit.Before(end) {
			return &control.PinnedError{Release: release, End: end}
		}
		if rest <= 0 || st.releases.Live(docroot) == release {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(min(rest, pinsEvery)):
		}
	}
}

func (s *Server) eachSite(do func(*site)) {
	for _, st := range s.setup.Load().sites.all {
		do(st)
	}
}

// drainEvery is how often a drain counts who is left.
const drainEvery = 20 * time.Millisecond

// left are those who keep a release busy, of whichever site: a site of CGI
// scripts may be below the same link.
func (s *Server) left(ctx context.Context, st *site, docroot, release string) ([]control.Occupant, error) {
	// A link that leads nowhere lets nobody in but into the last good release.
	switch err := s.lookPatiently(st, docroot); {
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return nil, err
	case err != nil && st.releases.Live(docroot) == "":
		return workersIn(ctx, st, docroot, release)
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
			s.look(other, path) // if that fails, its last good release is still live
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
	return workersIn(ctx, st, docroot, release)
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

// workersIn are the workers of a docroot's FPM whose script is below one of some releases.
func workersIn(ctx context.Context, st *site, docroot string, releases ...string) (left []control.Occupant, err error) {
	p, err := st.poolOf(docroot)
	if err != nil {
		return nil, nil // nothing could run
	}
	c := p.Config()
	if c.StatusServer == "" {
		return nil, nil
	}
	ctx, cancel := context.WithTimeout(ctx, statusTimeout)
	defer cancel()
	workers, err := fpm.AskWorkers(ctx, c.StatusServer, c.StatusPath)
	if err != nil {
		return nil, fmt.Errorf("whether scripts run on in %s cannot be told: %w", strings.Join(releases, ", "), err)
	}
	for _, w := range workers {
		below := func(release string) bool { return strings.HasPrefix(w.Script, c.InFPM(release)+"/") }
		if w.State != "Idle" && slices.ContainsFunc(releases, below) {
			left = append(left, control.Occupant{Kind: "worker", What: w.Script, Age: w.Duration.Seconds(), PID: w.PID})
		}
	}
	return left, nil
}
