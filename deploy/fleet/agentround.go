package fleet

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// reply is what the host says to one round of a proposal.
type reply struct {
	of     string // the round; "" is none
	answer Answer
	given  bool // there is an answer
}

// roundOf and commitOf name what a job is for.
func roundOf(p *Proposal) string { return fmt.Sprintf("%s/%d/%s", p.ID, p.Round, p.Phase) }
func commitOf(c *Commit) string  { return fmt.Sprintf("%d/%s/%s", c.Seq, c.Release, c.Hash) }

// hearProposal answers a round at once, or begins to. A round that was written again gets the
// answer that it had.
func (l *loop) hearProposal(s *site, p *Proposal, revision int64) {
	s.proposal, s.proposed = p, revision
	if s.reply.of == roundOf(p) {
		l.giveReply(s)
		return
	}
	switch p.Phase {
	case PhaseClock:
		l.answer(s, Answer{OK: true})
	case PhasePromise:
		l.promise(s)
	case PhasePrepare:
		// decide starts the work, when the site has none that is more urgent.
	}
}

// dropProposal is the end of a proposal. If it was committed, the commit is known already.
func (l *loop) dropProposal(s *site) {
	if s.proposal == nil {
		return
	}
	if s.reply.given && l.writer != nil && (s.commit == nil || s.commit.Seq < s.proposal.Seq) {
		// Nobody has cleared up after it.
		l.writer.put(l.Keys.Answer(s.proposal.ID, l.Name), letter{remove: true})
	}
	s.proposal, s.reply = nil, reply{}
}

// answer has the host say something to the round that goes on.
func (l *loop) answer(s *site, answer Answer) {
	p := s.proposal
	answer.Host, answer.Agent, answer.Round, answer.Phase, answer.Clock = l.Name, l.id, p.Round, p.Phase, l.Now()
	s.reply = reply{roundOf(p), answer, true}
	l.giveReply(s)
}

// giveReply writes the answer, if the proposal is still the one that it is to.
func (l *loop) giveReply(s *site) {
	if !s.reply.given || l.writer == nil || s.proposal == nil || s.reply.of != roundOf(s.proposal) {
		return
	}
	l.writer.put(l.Keys.Answer(s.proposal.ID, l.Name), letter{
		value: encode(s.reply.answer), urgent: true,
		when: []Condition{{Key: l.Keys.Flip(s.name), Modified: s.proposed}},
	})
}

// prepare looks whether the host could go to the proposal's release, and has it warm. The content that
// it answers with is what was there before anything ran in it.
func (l *loop) prepare(s *site) {
	p := *s.proposal
	began, turns := time.Now(), s.turns
	l.answer(s, Answer{OK: true, Going: true})
	l.start(s, "prepare", roundOf(&p), prepareLimit, func(ctx context.Context) func() {
		seen, lookErr := l.Host.Look(ctx, s.name, "")
		err := lookErr
		if err == nil {
			err = seen.fits(p.Release, p.Hash)
		}
		var warnings []string
		if err == nil {
			warnings, err = l.Host.Prepare(ctx, s.name, p.Release, Preparation{NoWarm: p.NoWarm, Strict: p.Strict, Rollback: p.Verb == "rollback"})
		}
		if err == nil { // Prepare has read the content anew, and kept that of before its commands
			seen, lookErr = l.Host.Look(ctx, s.name, "")
			if err = lookErr; err == nil {
				err = seen.fits(p.Release, p.Hash)
			}
		}
		stopped := errors.Is(ctx.Err(), context.Canceled)
		return func() {
			l.hearLook(s, turns, seen, lookErr)
			if stopped || s.proposal == nil || roundOf(s.proposal) != roundOf(&p) {
				return
			}
			answer := Answer{OK: err == nil, Took: time.Since(began), Warnings: warnings}
			if r, there := s.seen.release(p.Release); there {
				answer.Hash = r.Hash
			}
			if err != nil {
				answer.Why = err.Error()
			} else {
				s.prepared = p.Release
			}
			l.answer(s, answer)
		}
	})
}

// promise tells the daemon first, for the case that this host does not hear what becomes of the proposal,
// and answers when it knows: see hearTold.
func (l *loop) promise(s *site) {
	p := s.proposal
	s.reply = reply{of: roundOf(p)}
	known := int64(0)
	if s.commit != nil {
		known = s.commit.Seq
	}
	if p.Seq <= known { // a higher one than the next follows commits that the store has lost, and others know
		l.answer(s, Answer{Why: fmt.Sprintf("this host knows commit %d of %s, and the flip would be commit %d: begin it again", known, s.name, p.Seq)})
		return
	}
	if s.standing.State.Ready() && !s.inStep() {
		// Ready for what was committed before the last commit, by the promise for that: two promises at once
		// would have it be ready for twice as long.
		l.answer(s, Answer{Why: fmt.Sprintf("this host still goes to release %s, of the commit before: try again", s.commit.Release)})
		return
	}
	s.promised = promise{id: p.ID, until: time.Now().Add(DoubtAfter)}
	l.report(s)
	l.tell()
	s.promised.told = l.teller.next()
}

// hearTold answers the rounds that waited for the daemon. A daemon that cannot be told stops the flip, and
// nobody else.
func (l *loop) hearTold(told told) {
	if (told.err == nil) != (l.toldErr == nil) {
		l.Note(Note{Bad: told.err != nil, Text: "the daemon is told", Err: told.err})
	}
	l.toldErr = told.err
	if told.free {
		l.teller.busy = false
		l.telling = l.telling || told.err != nil
	}
	for _, s := range l.sites {
		p := s.proposal
		if p == nil || p.Phase != PhasePromise || p.ID != s.promised.id || s.promised.told > l.teller.made || s.reply.of != roundOf(p) {
			continue
		}
		switch {
		case told.err == nil && !s.reply.answer.OK && time.Now().Before(l.nap.ends(s.promised.until, DoubtAfter)):
			l.answer(s, Answer{OK: true})
		case told.err != nil && !s.reply.given:
			l.answer(s, Answer{Why: "the host's realdocd cannot be told: " + told.err.Error()})
		}
	}
}

// doubtful says whether the host has promised something, and hears the store.
func (l *loop) doubtful() bool {
	for _, s := range l.sites {
		if s.promised.id != "" && s.proposal != nil {
			return true
		}
	}
	return false
}

// confirm asks the store whether the proposals are undecided that the host has promised to go by. A proposal
// that is there has not been committed at the time of the question, and so the host may stay ready
// for DoubtAfter from then on: nobody else has gone on without it.
func (l *loop) confirm() {
	if l.confirming {
		return
	}
	l.confirming = true
	l.spawn(func(ctx context.Context) {
		asked := time.Now()
		kvs, _, err := l.Store.Get(ctx, l.Keys.Flips())
		l.finish(func() {
			l.confirming = false
			if err != nil {
				return // the session tells
			}
			for _, kv := range kvs {
				s, p := l.sites[Last(kv.Key)], Proposal{}
				if decoded, ok := parse[Proposal](kv.Value); ok {
					p = decoded
				}
				if s != nil && p.ID != "" && p.ID == s.promised.id {
					s.promised.until = asked.Add(DoubtAfter)
					l.decide(s)
				}
			}
			l.tell()
		})
	})
}
