package fleet

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

// commitTries is how often hosts are asked to promise if others join or come back meanwhile.
const commitTries = 5

// unknownLimit is how long a command tries to learn whether its commit stands.
const unknownLimit = 30 * time.Second

// An UnknownError says that the store went away at the commit, so that whether it stands is
// not known here. The hosts go by what the store has.
type UnknownError struct {
	Site, Release string
	Err           error
}

func (e *UnknownError) Error() string {
	return fmt.Sprintf("etcd went away while the flip was committed (%v), and whether it stands is not known here: all hosts go by what etcd has, and those that do not hear it say within %v that they are not ready. When etcd is back, realdocd fleet status %s shows whether %s is committed",
		e.Err, DoubtAfter, e.Site, e.Release)
}

func (e *UnknownError) Unwrap() error { return e.Err }

// promiseAndCommit does both anew if somebody has joined or come back between.
func (f *flipping) promiseAndCommit(ctx context.Context) error {
	for range commitTries {
		roster, err := f.promise(ctx)
		if err != nil {
			return err
		}
		if need := f.needed(); len(f.decision.take) < need {
			return fmt.Errorf("hosts have gone while they promised: %d have %s, and %d have to", len(f.decision.take), f.Release, need)
		}
		if again, err := f.commit(ctx, roster); !again {
			return err
		}
	}
	return errors.New("hosts keep joining or restarting: wait until realdocd fleet status is quiet, and flip again")
}

func (f *flipping) needed() int {
	all := len(f.decision.take) + len(f.decision.fenced) + len(f.decision.off)
	if f.AtLeast.Hosts == 0 {
		return all - len(f.decision.gone)
	}
	return f.AtLeast.of(all)
}

// commit is the one transaction that decides. again says that somebody was not asked.
func (f *flipping) commit(ctx context.Context, roster int64) (again bool, err error) {
	found := f.found()
	if f.was.Release != "" && f.ahead == 0 {
		found = Release{}
	}
	c := Commit{
		Seq: f.proposal.Seq, Release: f.Release, Hash: f.decision.hash, Before: cmp.Or(found.Name, f.was.Release),
		Time: time.Now().Round(0),
		By:   f.By, Verb: f.Verb, Gone: f.decision.gone, Fenced: f.decision.fencedHosts(),
	}
	if f.report.ByArrival == "" {
		c.At = f.clocks.instant(f.now())
	}
	when := []Condition{
		{Key: f.Keys.Site(f.Site), Modified: f.before.Modified},
		{Key: f.Keys.Flip(f.Site), Modified: f.revision},
		{Key: f.Keys.Roster(), Modified: roster},
	}
	site := put(f.Keys.Site(f.Site), c, 0)
	then := []Op{
		site,
		{Key: f.Keys.History(f.Site, c.Seq), Value: site.Value},
		{Key: f.Keys.Flip(f.Site), Remove: true},
		{Key: f.Keys.Answers(f.proposal.ID), Remove: true, Prefix: true},
	}
	if old := c.Seq - KeepHistory; old >= 0 {
		then = append(then, Op{Key: f.Keys.History(f.Site, old), Remove: true})
	}
	if found.Name != "" && (f.was.Seq == 0 || f.ahead > 0) {
		// Where a rollback of the first flip goes, or of one after the store was set back.
		before := Commit{Seq: f.ahead, Release: found.Name, Hash: found.Hash, Time: c.Time, By: f.By, Verb: "found"}
		then = append(then, put(f.Keys.History(f.Site, f.ahead), before, 0))
	}
	if err := ctx.Err(); err != nil {
		return false, err
	}
	f.committed = true // as far as we know
	// It is not interrupted: whoever asks wants to know what it came to.
	ok, _, err := f.transact(context.WithoutCancel(ctx), when, then...)
	if err != nil {
		if ok, err = f.learn(site.Value, c.Seq, err); err != nil {
			return false, err
		}
		if !ok {
			return false, errors.New("etcd went away before the flip was committed")
		}
	}
	if ok {
		f.report.Site, f.report.Commit = f.Site, c
		return false, nil
	}
	f.committed = false
	return true, f.stillOurs(ctx)
}

// found is the release that all hosts serve which take part, if it is one.
func (f *flipping) found() (found Release) {
	have, _ := byHost[Have](f.sight.below(f.Keys.HaveOf(f.Site))) // what cannot be read serves nothing
	for i, host := range f.decision.take {
		h := have[host]
		at := slices.IndexFunc(h.Releases, func(r Release) bool { return r.Name == h.Live && r.Hash != "" })
		if at < 0 || i > 0 && (found.Name != h.Live || found.Hash != h.Releases[at].Hash) {
			return Release{}
		}
		found = h.Releases[at]
	}
	return found
}

// learn finds out what became of a commit whose answer did not come. It takes the proposal back: either that
// works, and the commit cannot come any more, or there is something in its place.
func (f *flipping) learn(value []byte, seq int64, failed error) (stands bool, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), unknownLimit)
	defer cancel()
	key := f.Keys.Flip(f.Site)
	for {
		ok, _, err := f.transact(ctx, []Condition{{Key: key, Modified: f.revision}}, Op{Key: key, Remove: true}, Op{Key: f.Keys.Answers(f.proposal.ID), Remove: true, Prefix: true})
		if err == nil && ok {
			return false, nil
		}
		if err == nil {
			var kv KV
			if kv, err = f.getOne(ctx, f.Keys.History(f.Site, seq)); err == nil {
				return bytes.Equal(kv.Value, value), nil
			}
		}
		select {
		case <-ctx.Done():
			return false, &UnknownError{f.Site, f.Release, failed}
		case <-time.After(300 * time.Millisecond):
		}
	}
}

// stillOurs says why a commit failed that was not for the roster.
func (f *flipping) stillOurs(ctx context.Context) error {
	for key, revision := range map[string]int64{f.Keys.Flip(f.Site): f.revision, f.Keys.Site(f.Site): f.before.Modified} {
		kv, err := f.getOne(ctx, key)
		if err != nil {
			return err
		}
		if kv.Modified != revision {
			return fmt.Errorf("the key %s has changed meanwhile: somebody has removed it, or etcd was set back", key)
		}
	}
	return nil
}
