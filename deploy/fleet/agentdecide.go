package fleet

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"
)

// A job is work on one site that goes on in a goroutine; a site has one at a time.
type job struct {
	kind string
	of   string // what it is for: a round, a commit
	stop context.CancelFunc
}

// Bounds of jobs. Commands of the operator have bounds of their own, which are shorter as a rule.
const (
	lookLimit    = 30 * time.Minute // hashes of large releases, the first time
	prepareLimit = 30 * time.Minute
	warmLimit    = time.Minute // for a host that starts: it is ready then, warm or not
	flipLimit    = time.Minute
	fetchLimit   = time.Hour
	afterLimit   = 30 * time.Minute
	liveLimit    = 5 * time.Second
	turnLimit    = 5 * time.Second
	turnsAtATime = 4
)

// start runs f as the site's job. Its outcome is what the loop does with the result.
func (l *loop) start(s *site, kind, of string, limit time.Duration, f func(ctx context.Context) (outcome func())) {
	ctx, stop := context.WithTimeout(l.ctx, limit)
	j := &job{kind, of, stop}
	s.job = j
	l.spawn(func(context.Context) {
		outcome := f(ctx)
		stop()
		l.finish(func() {
			s.job = nil
			outcome()
			l.decide(s)
		})
	})
}

// decide does for a site what is to be done, and says where the host stands. It may be called at any
// time: what it does depends on nothing but what is known.
func (l *loop) decide(s *site) {
	l.settle(s)
	if s.job != nil && l.outdated(s) {
		s.job.stop() // decide is called again when it has ended
	}
	if s.job == nil {
		l.next(s)
	}
	if s.after == nil && len(s.afters) > 0 {
		l.runAfter(s)
	}
	l.report(s)
}

// settle draws conclusions from what is known.
func (l *loop) settle(s *site) {
	if !l.viewed || s.looked.IsZero() {
		return
	}
	s.compared = true
	if s.inStep() {
		if s.commit != nil {
			s.seq = s.commit.Seq
		}
		s.why, s.wait, s.retry = "", patience{}, time.Time{}
		if !s.bound() || s.job == nil && (l.warm(s) || s.prepared == s.seen.Live) {
			s.started = true
		}
		if p := s.proposal; p == nil || p.ID != s.promised.id || s.commit != nil && s.commit.Seq >= p.Seq {
			s.promised = promise{} // the outcome is known, and the host has gone by it
		}
	}
}

func (l *loop) warm(s *site) bool {
	r, _ := s.seen.release(s.seen.Live)
	return r.Warm
}

// outdated says whether the job is for something that is over, or has to make room.
func (l *loop) outdated(s *site) bool {
	switch s.job.kind {
	case "prepare":
		return s.proposal == nil || s.job.of != roundOf(s.proposal) && s.proposal.Phase == PhasePrepare || l.mayFlip(s)
	case "warm":
		return l.mayFlip(s) || l.toPrepare(s)
	case "flip":
		return !s.bound() || s.job.of != commitOf(s.commit)
	case "fetch": // what is to go live next is worth more
		return !s.bound() || s.job.of != commitOf(s.commit) || l.toPrepare(s)
	case "look":
		return l.mayFlip(s)
	}
	return false
}

// mayFlip says whether the host has what is committed, and has to go there.
func (l *loop) mayFlip(s *site) bool {
	return s.compared && s.bound() && !s.inStep() && !s.strayed() &&
		s.seen.Live != s.commit.Release && s.seen.fits(s.commit.Release, s.commit.Hash) == nil && !time.Now().Before(s.retry)
}

// toPrepare says whether somebody waits for the host's answer to a round that takes time.
func (l *loop) toPrepare(s *site) bool {
	return s.proposal != nil && s.proposal.Phase == PhasePrepare && s.reply.of != roundOf(s.proposal)
}

// next starts the job that the site needs most, if it needs one.
func (l *loop) next(s *site) {
	due := !time.Now().Before(s.retry)
	mayLook := !time.Now().Before(s.lookRetry)
	behind := l.viewed && s.compared && !s.inStep() && !s.strayed()
	switch {
	case l.mayFlip(s):
		l.flip(s)
	case mayLook && due && (s.looked.IsZero() || s.lookDue):
		l.look(s)
	case behind && mayLook && s.lookedFor != s.commit.Seq:
		s.lookedFor = s.commit.Seq // the release may have come since the last look
		l.look(s)
	case l.toPrepare(s):
		l.prepare(s)
	case behind && due:
		l.bring(s)
	case l.viewed && s.compared && s.inStep() && s.bound() && (!s.started || s.warmDue):
		l.warmUp(s)
	case mayLook && time.Since(s.looked) > s.lookAgain:
		l.look(s)
	}
}

// report tells the daemon and the fleet where the host stands, if that is another place than before.
func (l *loop) report(s *site) {
	st := l.stand(s)
	st.Since = s.standing.Since
	if st.State != s.standing.State || st.Why != s.standing.Why || st.Release != s.standing.Release {
		if st.State != s.standing.State {
			st.Since = l.Now()
		}
		l.Note(Note{Bad: st.State == Behind || st.State == Strayed || st.State == Lost, Site: s.name, State: st.State, Release: st.Release, Seq: st.Seq, Text: "stands", Why: st.Why})
	}
	changed := st.State != s.standing.State || st.Why != s.standing.Why || st.Release != s.standing.Release || st.Seq != s.standing.Seq ||
		st.Next != s.standing.Next
	s.standing = st
	if changed {
		l.tell(true)
		l.changed = true
	}
	if l.writer != nil && s.compared && (s.listed || s.commit != nil) {
		if text := string(encode(s.have())); text != s.lastHave {
			s.lastHave = text
			l.writer.put(l.Keys.Have(s.name, l.Name), letter{value: []byte(text)})
		}
	}
}

// look has the host look what it has of the site.
func (l *loop) look(s *site) {
	s.lookDue = false
	turns := s.turns
	s.lookAgain = lookEvery + rand.N(lookEvery/2) // not all sites at once
	l.start(s, "look", "", lookLimit, func(ctx context.Context) func() {
		defer l.takeTurn(ctx)()
		seen, err := l.Host.Look(ctx, s.name)
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
			if err != nil || s.turns != turns || s.read && live == s.seen.Live {
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
