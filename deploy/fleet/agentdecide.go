package fleet

import (
	"context"
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
		if s.commit != nil && s.seq != s.commit.Seq { // without a rename, or by an agent before this one
			s.seq, s.applied, s.late = s.commit.Seq, time.Time{}, 0
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
		l.changed = true
	}
	// What the daemon knows of a host that is about to flip by its promise is right until it has flipped, and
	// the link's instant is no time to write to the disk.
	if flips := s.job != nil && s.job.kind == "flip" && st.State == InStep && st.Next == InDoubt; changed && !flips {
		l.tell()
	}
	if l.writer != nil && s.compared && (s.listed || s.commit != nil) {
		if text := string(encode(s.have())); text != s.lastHave {
			s.lastHave = text
			l.writer.put(l.Keys.Have(s.name, l.Name), letter{value: []byte(text)})
		}
	}
}
