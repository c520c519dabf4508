package fleet

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

// candidates are the members as they are seen now, in order.
func (f *flipping) candidates() ([]candidate, error) {
	members, err := byHost[Member](f.sight.below(f.Keys.Members()))
	if err != nil {
		return nil, err
	}
	var all []candidate
	for _, host := range sorted(members) {
		c := candidate{host: host, lost: members[host].Lost, seen: f.seen[host], gone: slices.Contains(f.Gone, host)}
		c.present = f.sight.get(f.Keys.Host(host)).Modified > 0
		c.absent = f.sight.absentFor(f.Keys.Host(host), f.Keys.Hosts())
		if a, ok := f.answers[host]; ok {
			c.prepared = &a
		}
		all = append(all, c)
	}
	return all, nil
}

// enter goes to a phase, which is a new round.
func (f *flipping) enter(ctx context.Context, phase string) (sent time.Time, err error) {
	f.proposal.Phase, f.proposal.Hash = phase, f.decision.hash
	f.proposal.Round++
	key := f.Keys.Flip(f.Site)
	sent = f.now()
	ok, revision, err := f.transact(ctx, []Condition{{Key: key, Modified: f.revision}}, put(key, f.proposal, f.lease.ID()))
	if err != nil {
		return sent, err
	}
	if !ok {
		return sent, errors.New("the proposal is gone from etcd: somebody has removed it, or etcd was set back")
	}
	f.revision = revision
	return sent, nil
}

// said are the final answers to the present round. Each new answer, final or not, is told.
func (f *flipping) said(all int) (map[string]Answer, error) {
	said := map[string]Answer{}
	for _, kv := range f.sight.below(f.Keys.Answers(f.proposal.ID)) {
		a, err := decode[Answer](kv.KV)
		if err != nil {
			return nil, err
		}
		if a.Round != f.proposal.Round {
			continue
		}
		host := Last(kv.Key)
		if !a.Going {
			said[host] = a
		}
		if f.told[host] != kv.Modified {
			f.told[host] = kv.Modified
			defer f.tell(f.proposal.Phase, said, all, &a)
		}
	}
	return said, nil
}

func (f *flipping) tell(phase string, said map[string]Answer, all int, a *Answer) {
	f.Tell(Progress{Phase: phase, Done: min(len(said), all), All: all, Answer: a})
}

// prepare waits until every host has said whether the release could go live there, and decides who takes part.
func (f *flipping) prepare(ctx context.Context) error {
	ends := f.now().Add(f.Limit)
	var hopeless time.Time
	var members []candidate
	var failed error
	f.tell(PhasePrepare, nil, 0, nil)
	err := f.sight.until(ctx, func() bool {
		if members, failed = f.candidates(); failed != nil {
			return true
		}
		if f.answers, failed = f.said(len(members)); failed != nil {
			return true
		}
		members, failed = f.candidates() // with the answers
		f.decision = decide(members, f.Release, f.Hash, f.Host)
		if failed != nil || f.settled(members) || f.now().After(ends) {
			return true
		}
		if f.possible(members) {
			hopeless = time.Time{}
		} else if hopeless.IsZero() {
			hopeless = f.now()
		}
		return !hopeless.IsZero() && f.now().Sub(hopeless) > hopelessGrace
	})
	if err = errors.Join(failed, err); err != nil {
		return err
	}
	return f.decision.refuse(f.Site, f.Release, f.AtLeast, members)
}

// settled says whether nothing is open that waiting would change.
func (f *flipping) settled(members []candidate) bool {
	if f.decision.open {
		return false
	}
	if f.AtLeast.Hosts == 0 || f.decision.refuse(f.Site, f.Release, f.AtLeast, members) == nil {
		return true
	}
	waiting := slices.ContainsFunc(members, candidate.mayBeOff)
	if waiting {
		f.Tell(Progress{Phase: PhaseAbsent, Done: len(f.decision.take), All: len(members)})
	}
	return !waiting
}

// possible says whether the hosts that have not answered yet could be enough.
func (f *flipping) possible(members []candidate) bool {
	hoped := 0
	for _, m := range members {
		if slices.Contains(f.decision.take, m.host) || m.present && !m.gone && m.prepared == nil {
			hoped++
		}
	}
	if f.AtLeast.Hosts == 0 {
		return hoped >= len(members)-len(f.decision.gone)
	}
	return hoped >= f.AtLeast.of(len(members))
}

// compareClocks has the hosts that take part say what their clocks read, several times.
func (f *flipping) compareClocks(ctx context.Context) error {
	for began := f.now(); !f.clocks.enough(f.decision.take, f.now().Sub(began)); {
		sent, err := f.enter(ctx, PhaseClock)
		if err != nil {
			return err
		}
		r := clockRound{sent, map[string]reading{}}
		var failed error
		err = f.sight.until(ctx, func() bool {
			var said map[string]Answer
			if said, failed = f.said(len(f.decision.take)); failed != nil {
				return true
			}
			for _, host := range f.decision.take {
				if a, ok := said[host]; ok && !a.Clock.IsZero() {
					r.readings[host] = reading{a.Clock, f.sight.get(f.Keys.Answer(f.proposal.ID, host)).at}
				}
			}
			return len(r.readings) == len(f.decision.take) || f.now().Sub(sent) > clockLimit
		})
		if err = errors.Join(failed, err); err != nil {
			return err
		}
		f.clocks.rounds = append(f.clocks.rounds, r)
		if len(r.readings) < len(f.decision.take) {
			break // whoever is as slow as that does not flip at an instant
		}
	}
	f.report.Clocks, f.report.ByArrival = f.clocks.all(), f.clocks.disagree(f.decision.take)
	return nil
}

// promise has every host promise to go by the outcome that is not safely off. It gives the revision
// of the roster that it was asked with.
func (f *flipping) promise(ctx context.Context) (roster int64, err error) {
	// Who joins or returns after this has the roster changed, and was not asked.
	kv, err := f.getOne(ctx, f.Keys.Roster())
	if err != nil {
		return 0, err
	}
	for _, prefix := range []string{f.Keys.Members(), f.Keys.Hosts()} {
		if _, err := f.sight.readAll(ctx, prefix); err != nil {
			return 0, err
		}
	}
	sent, err := f.enter(ctx, PhasePromise)
	if err != nil {
		return 0, err
	}
	var wrongs []Wrong
	var failed error
	err = f.sight.until(ctx, func() bool {
		wrongs, failed = f.unpromised()
		return failed != nil || len(wrongs) == 0 || f.now().Sub(sent) > promiseLimit
	})
	if err = errors.Join(failed, err); err != nil || len(wrongs) == 0 {
		return kv.Modified, err
	}
	return 0, &Refusal{Site: f.Site, Release: f.Release, Wrongs: wrongs, Ready: len(f.decision.take), All: len(f.told), Need: len(f.decision.take)}
}

// unpromised are the hosts that could be flipped past if the flip was committed now. It brings the
// decision up to date, with those who have joined and those who have gone.
func (f *flipping) unpromised() (wrongs []Wrong, err error) {
	members, err := f.candidates()
	if err != nil {
		return nil, err
	}
	said, err := f.said(len(members))
	if err != nil {
		return nil, err
	}
	d := decision{hash: f.decision.hash}
	for _, m := range members {
		a, answered := said[m.host]
		takes := slices.Contains(f.decision.take, m.host)
		switch {
		case answered && a.OK && takes:
			d.take = append(d.take, m.host)
		case answered && a.OK && f.mayFence(m):
			d.fenced = append(d.fenced, m.host)
		case answered && a.OK:
			wrongs = append(wrongs, Wrong{m.host, "it has joined or come back while the others promised: flip again"})
		case answered:
			wrongs = append(wrongs, Wrong{m.host, a.Why})
		case m.gone && !m.present:
			d.gone, d.off = append(d.gone, m.host), append(d.off, m.host)
		case !m.present && f.AtLeast.Hosts > 0 && m.isOff():
			d.off = append(d.off, m.host)
		case m.present:
			wrongs = append(wrongs, Wrong{m.host, fmt.Sprintf("it has not promised within %v: its agent hangs, or hears nothing; look there (journalctl -u realdocd-fleet), and flip again", promiseLimit)})
		default:
			wrongs = append(wrongs, Wrong{m.host, "it went away before it promised: " + m.absence()})
		}
	}
	if len(wrongs) == 0 {
		d.wrongs = f.decision.wrongs
		f.decision = d
	}
	return wrongs, nil
}

// mayFence says whether a host without the release may be left behind.
func (f *flipping) mayFence(m candidate) bool { return f.AtLeast.Hosts > 0 || m.gone }
