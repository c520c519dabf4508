package fleet

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"
)

// look has the host look what it has of the site.
func (l *loop) look(s *site) {
	s.lookDue = false
	turns, anew := s.turns, ""
	if s.commit != nil {
		anew = s.commit.Release // somebody may have brought what the others have
	}
	s.lookAgain = lookEvery + rand.N(lookEvery/2) // not all sites at once
	l.start(s, "look", "", lookLimit, func(ctx context.Context) func() {
		defer l.takeTurn(ctx)()
		seen, err := l.Host.Look(ctx, s.name, anew)
		return func() { l.hearLook(s, turns, seen, err) }
	})
}

// takeTurn has few sites be looked at at the same time, so that a host that starts does not read all its
// releases at once. A site that takes long holds the others for turnLimit only.
func (l *loop) takeTurn(ctx context.Context) (done func()) {
	bound := time.NewTimer(turnLimit)
	defer bound.Stop()
	select {
	case l.turns <- struct{}{}:
		return func() { <-l.turns }
	case <-bound.C:
	case <-ctx.Done():
	}
	return func() {}
}

func (l *loop) hearLook(s *site, turns int, seen Seen, err error) {
	if err != nil && errors.Is(err, context.Canceled) {
		s.lookDue = true
		return
	}
	s.lookErr = err
	switch {
	case errors.Is(err, ErrNoSite):
		s.looked, s.seen = time.Now(), Seen{}
		if s.commit != nil {
			s.why = err.Error()
		}
	case err != nil:
		s.lookRetry, s.lookDue = time.Now().Add(s.lookWait.next(time.Second, 30*time.Second)), true
		l.Note(Note{Bad: true, Site: s.name, Text: "cannot look at the site", Err: err})
	default:
		s.looked, s.lookWait, s.lookRetry = time.Now(), patience{}, time.Time{}
		if s.turns != turns {
			seen.Live = s.seen.Live
		}
		s.seen, s.read = seen, true
	}
}

// readLink has the host read the site's link, beside its job.
func (l *loop) readLink(s *site) {
	if s.glimpse || !s.here() {
		return
	}
	s.glimpse = true
	turns := s.turns
	l.spawn(func(context.Context) {
		ctx, stop := context.WithTimeout(l.ctx, liveLimit)
		defer stop()
		live, err := l.Host.Live(ctx, s.name)
		l.finish(func() {
			s.glimpse = false
			flipping := s.job != nil && s.job.kind == "flip" // which says itself what it has done, and when
			if err != nil || flipping || s.turns != turns || s.read && live == s.seen.Live {
				return
			}
			s.read, s.seen.Live = true, live
			_, known := s.seen.release(live)
			s.lookDue = s.lookDue || !known && !s.looked.IsZero()
			l.decide(s)
		})
	})
}

// flip renames the site's link, at the commit's instant.
func (l *loop) flip(s *site) {
	c := *s.commit
	by := "catch-up"
	if s.prepared == c.Release && c.Verb != "" {
		by = c.Verb
	}
	var at time.Time
	if ahead := c.At.Sub(l.Now()); !c.At.IsZero() && ahead > 0 && ahead < farAhead {
		at = time.Now().Add(ahead)
	}
	s.turns++
	l.start(s, "flip", commitOf(&c), flipLimit, func(ctx context.Context) func() {
		renamed, err := l.Host.Flip(ctx, s.name, c.Release, at, by)
		return func() { l.hearFlip(s, c, by, renamed, err) }
	})
}

func (l *loop) hearFlip(s *site, c Commit, by string, renamed time.Time, err error) {
	s.turns++
	if !renamed.IsZero() {
		s.seen.Live, s.seq = c.Release, c.Seq
		s.applied = l.Now().Add(-time.Since(renamed)).Round(0)
		if s.late = 0; !c.At.IsZero() {
			s.late = s.applied.Sub(c.At)
		}
		s.afters = append(s.afters, c.Release)
		s.lookDue = err != nil
		s.warmDue = by == "catch-up" // it is ready at once, unless it starts
		l.Note(Note{Site: s.name, Release: c.Release, Seq: c.Seq, Text: by, Late: s.late, Err: err, Bad: err != nil})
		return
	}
	s.lookDue = true
	if err == nil || errors.Is(err, context.Canceled) {
		return
	}
	s.why = fmt.Sprintf("could not go to release %s: %v", c.Release, err)
	s.retry = time.Now().Add(s.wait.next(time.Second, 30*time.Second))
	l.Note(Note{Bad: true, Site: s.name, Release: c.Release, Seq: c.Seq, Text: "flip failed", Err: err})
}

// bring gets the committed release, or says why it cannot.
func (l *loop) bring(s *site) {
	c := *s.commit
	unfit := s.seen.fits(c.Release, c.Hash)
	if unfit == nil {
		return // it waits to be flipped
	}
	if _, there := s.seen.release(c.Release); there || s.noFetch || errors.Is(s.lookErr, ErrNoSite) {
		s.why = unfit.Error()
		if s.noFetch && !there {
			s.why += ", and " + ErrNoFetch.Error() + ": bring it there"
		}
		if errors.Is(s.lookErr, ErrNoSite) {
			s.why = s.lookErr.Error()
		}
		// It may come any time.
		s.retry = time.Now().Add(s.wait.next(2*time.Second, 15*time.Second))
		s.lookDue = true
		return
	}
	if s.why == "" {
		s.why = "fetches release " + c.Release
	}
	l.start(s, "fetch", commitOf(&c), fetchLimit, func(ctx context.Context) func() {
		err := l.Host.Fetch(ctx, s.name, c.Release, c.Hash)
		return func() {
			s.lookDue = true
			switch {
			case errors.Is(err, ErrNoFetch):
				s.noFetch, s.lookDue = true, false
			case err != nil && !errors.Is(err, context.Canceled):
				s.why = fmt.Sprintf("could not fetch release %s: %v", c.Release, err)
				s.retry = time.Now().Add(s.wait.next(5*time.Second, 5*time.Minute))
				s.lookDue = false
				l.Note(Note{Bad: true, Site: s.name, Release: c.Release, Seq: c.Seq, Text: "fetch failed", Err: err})
			}
		}
	})
}

// warmUp has what is live warm on a host that starts, before it says that it is ready.
func (l *loop) warmUp(s *site) {
	release := s.seen.Live
	l.start(s, "warm", release, warmLimit, func(ctx context.Context) func() {
		warnings, err := l.Host.Prepare(ctx, s.name, release, Preparation{})
		stopped := errors.Is(ctx.Err(), context.Canceled)
		return func() {
			if stopped {
				return
			}
			s.started, s.warmDue, s.prepared = true, false, release
			if err != nil || len(warnings) > 0 {
				l.Note(Note{Bad: err != nil, Site: s.name, Release: release, Text: "warmed", Err: err, Warnings: warnings})
			}
		}
	})
}

// runAfter runs what follows flips, one after the other.
func (l *loop) runAfter(s *site) {
	release := s.afters[0]
	s.afters = s.afters[1:]
	ctx, stop := context.WithTimeout(l.ctx, afterLimit)
	s.after = &job{"after", release, stop}
	l.spawn(func(context.Context) {
		warnings := l.Host.After(ctx, s.name, release)
		stop()
		l.finish(func() {
			s.after = nil
			if len(warnings) > 0 {
				l.Note(Note{Site: s.name, Release: release, Text: "after the flip", Warnings: warnings})
			}
			l.decide(s)
		})
	})
}
