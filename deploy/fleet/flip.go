package fleet

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

// A Flip is a release that is to go live on all hosts of a group, or on none.
type Flip struct {
	Site, Release string
	// Hash is what its content has to be; "" is what most hosts have.
	Hash string
	Verb string // "flip" or "rollback"
	// AtLeast is how many hosts have to have it. The others are fenced: they are not ready from the commit
	// on, until they have it.
	AtLeast Share
	// Gone are absent hosts that the operator knows to serve nothing.
	Gone []string
	// Options for prepare, and how long it may take; 0 is PrepareLimit.
	NoWarm, Strict bool
	Limit          time.Duration
	// Tell is told how it goes on; nil is nobody.
	Tell func(Progress)
}

// Progress is how far a flip is.
type Progress struct {
	// Phase is a phase of a proposal, or "absent" while hosts are waited for that say by themselves that
	// they are not ready, or "commit" after the commit.
	Phase string
	// Done of All hosts have answered.
	Done, All int
	// Answer is what has come now, if something has.
	Answer *Answer
}

const (
	// PrepareLimit is how long hosts may take to prepare a release.
	PrepareLimit = 30 * time.Minute
	// hopelessGrace is how long a flip that cannot be committed any more waits for what else is wrong.
	hopelessGrace = 5 * time.Second
	// clockLimit and promiseLimit bound a round; hosts that have promised doubt after DoubtAfter.
	clockLimit   = 2 * time.Second
	promiseLimit = 2 * time.Second
	// applyLimit is how long after the instant hosts are waited for.
	applyLimit = 10 * time.Second
)

// PhaseCommit is told after the commit, while hosts flip, and PhaseAbsent while absent hosts are waited for.
const (
	PhaseCommit = "commit"
	PhaseAbsent = "absent"
)

// Flip flips a site. If the error is a *Refusal, or any other than *UnknownError, and the report has no commit,
// then nothing has changed on any host. A report with a commit is of one that stands, also with an error.
func (c *Commander) Flip(ctx context.Context, f Flip) (Report, error) {
	f.Verb = cmp.Or(f.Verb, "flip")
	f.Limit = cmp.Or(f.Limit, PrepareLimit)
	if f.Tell == nil {
		f.Tell = func(Progress) {}
	}
	work, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	fl, err := c.begin(work, f)
	if err != nil || fl.report.Already {
		return fl.reported(), err
	}
	defer fl.end()
	stop := fl.endWith(fl.lease, cancel)
	for _, step := range []func(context.Context) error{fl.prepare, fl.compareClocks, fl.promiseAndCommit} {
		if err := step(work); err != nil {
			return fl.report, fl.explain(work, err)
		}
	}
	stop() // what is committed does not need the lease any more
	return fl.report, fl.await(ctx)
}

// A flipping is a flip that goes on.
type flipping struct {
	*Commander
	Flip
	now   func() time.Time
	sight *sight
	lease Lease
	// before is the commit's key when the flip began, and was the commit.
	before KV
	was    Commit
	// ahead is the last commit that a host has gone by which the store does not know any more: it was set back.
	// 0 is none.
	ahead int64
	seen  map[string]time.Time // when each host was there last, at least
	// proposal is as it was written last, at revision.
	proposal Proposal
	revision int64
	answers  map[string]Answer // to prepare, those that are final
	told     map[string]int64
	decision decision
	clocks   clocks
	report   Report
	// committed is set once the commit may stand: the proposal is not taken back any more.
	committed bool
}

func (f *flipping) reported() Report {
	if f == nil {
		return Report{}
	}
	return f.report
}

// begin looks what there is, and takes the site's lock by its proposal.
func (c *Commander) begin(ctx context.Context, f Flip) (*flipping, error) {
	fl := &flipping{Commander: c, Flip: f, now: evenClock(), answers: map[string]Answer{}, told: map[string]int64{}}
	id := newID()
	var err error
	fl.sight, err = see(ctx, c.Store, fl.now, c.Keys.Members(), c.Keys.Hosts(), c.Keys.HaveOf(f.Site),
		c.Keys.Site(f.Site), c.Keys.Flip(f.Site), c.Keys.Answers(id), c.Keys.Roster())
	if err != nil {
		return nil, err
	}
	fl.before = fl.sight.get(c.Keys.Site(f.Site)).KV
	if fl.before.Modified > 0 {
		if fl.was, err = decode[Commit](fl.before); err != nil {
			return nil, err
		}
	}
	if fl.seen, err = c.seen(ctx); err != nil {
		return nil, err
	}
	members, err := fl.candidates()
	if err != nil {
		return nil, err
	}
	if err := f.refuseAtOnce(members); err != nil {
		return nil, err
	}
	if already, err := fl.already(members); already || err != nil {
		fl.report = Report{Site: f.Site, Commit: fl.was, Already: already}
		return fl, err
	}
	fl.lookAhead()
	fl.proposal = Proposal{
		ID: id, Release: f.Release, Hash: f.Hash, Phase: PhasePrepare, Round: 1, By: c.By, Verb: f.Verb,
		Began: time.Now(), Seq: max(fl.was.Seq, fl.ahead) + 1, NoWarm: f.NoWarm, Strict: f.Strict,
	}
	return fl, fl.propose(ctx)
}

// lookAhead finds commits that hosts have gone by and the store has lost. The numbers go on after them: no host
// goes back to a lower one.
func (f *flipping) lookAhead() {
	have, _ := byHost[Have](f.sight.below(f.Keys.HaveOf(f.Site))) // what cannot be read says nothing
	for _, h := range have {
		if h.Seq > f.was.Seq {
			f.ahead = max(f.ahead, h.Seq)
		}
	}
}

// refuseAtOnce says what prepare would not change.
func (f Flip) refuseAtOnce(members []candidate) error {
	if len(members) == 0 {
		return errNoHosts
	}
	for _, gone := range f.Gone {
		i := slices.IndexFunc(members, func(m candidate) bool { return m.host == gone })
		switch {
		case i < 0:
			return fmt.Errorf("--gone %s: the group has no such host: realdocd fleet status lists them", gone)
		case members[i].present:
			return fmt.Errorf("--gone %[1]s: its agent is there, so it may serve requests: stop it there (systemctl stop realdocd-fleet realdocd), or take it into the flip", gone)
		}
	}
	if f.AtLeast.Hosts > 0 && f.AtLeast.of(len(members)) > len(members) {
		return fmt.Errorf("--at-least wants %s, and the group has %d", countHosts(f.AtLeast.of(len(members))), len(members))
	}
	var wrongs []Wrong
	present := 0
	for _, m := range members {
		switch {
		case m.present:
			present++
		case !m.gone && (f.AtLeast.Hosts == 0 || m.lost == 0):
			wrongs = append(wrongs, Wrong{m.host, m.absence()})
		}
	}
	need := len(members) - len(f.Gone)
	if f.AtLeast.Hosts > 0 {
		need = f.AtLeast.of(len(members))
	}
	if len(wrongs) > 0 || present < need {
		return &Refusal{Site: f.Site, Release: f.Release, Wrongs: wrongs, Ready: present, All: len(members), Need: need}
	}
	return nil
}

// already says whether the release is what is committed, and all hosts have it.
func (f *flipping) already(members []candidate) (bool, error) {
	if f.was.Release != f.Release || f.Hash != "" && f.Hash != f.was.Hash {
		return false, nil
	}
	have, err := byHost[Have](f.sight.below(f.Keys.HaveOf(f.Site)))
	for _, m := range members {
		h := have[m.host]
		same := func(r Release) bool { return r.Name == f.Release && r.Hash == f.was.Hash }
		if !m.gone && (h.State != InStep || h.Seq != f.was.Seq || !slices.ContainsFunc(h.Releases, same)) {
			return false, err
		}
	}
	return err == nil, err
}

// propose writes the proposal, if there is none and the commit is as it was.
func (f *flipping) propose(ctx context.Context) error {
	var err error
	if f.lease, err = f.Commander.lease(ctx); err != nil {
		return err
	}
	when := []Condition{{Key: f.Keys.Flip(f.Site)}, {Key: f.Keys.Site(f.Site), Modified: f.before.Modified}}
	ok, revision, err := f.transact(ctx, when, put(f.Keys.Flip(f.Site), f.proposal, f.lease.ID()))
	if err != nil || !ok {
		f.lease.End()
	}
	if err == nil && !ok {
		err = f.busy(ctx)
	}
	f.revision = revision
	return err
}

// busy says who has the site's lock.
func (f *flipping) busy(ctx context.Context) error {
	kv, err := f.getOne(ctx, f.Keys.Flip(f.Site))
	if err != nil {
		return err
	}
	if kv.Modified == 0 {
		return fmt.Errorf("another commit of %s has come meanwhile, and nothing was changed by this one: realdocd fleet status %[1]s", f.Site)
	}
	p, err := decode[Proposal](kv)
	if err != nil {
		return err
	}
	return fmt.Errorf("%s makes %s of %s live since %s (%s), and one flip of a site goes on at a time: wait until it is over; if that command was killed, this ends %v after it",
		p.By, p.Release, f.Site, p.Began.Local().Format(time.TimeOnly), p.Phase, LeaseTTL)
}

// endWith ends the work with the lease. stop has it not do so any more.
func (f *flipping) endWith(lease Lease, cancel context.CancelCauseFunc) (stop func()) {
	done := make(chan struct{})
	go func() {
		select {
		case <-lease.Lost():
			cancel(errLeaseLost)
		case <-done:
		}
	}()
	return func() { close(done) }
}

// errLeaseLost is the end of a command that the store has not heard of for too long.
var errLeaseLost = fmt.Errorf("etcd was away for longer than %v", LeaseTTL)

// explain says of what ended a flip before its commit what it has left.
func (f *flipping) explain(ctx context.Context, err error) error {
	switch {
	case f.report.Commit.Seq > 0 || errors.As(err, new(*UnknownError)) || errors.As(err, new(*Refusal)):
		return err
	case errors.Is(context.Cause(ctx), errLeaseLost):
		return fmt.Errorf("%w, so the flip was given up: nothing has changed", errLeaseLost)
	case ctx.Err() != nil:
		return fmt.Errorf("interrupted: nothing has changed for visitors of %s", f.Site)
	}
	return fmt.Errorf("%w\nnothing has changed for visitors of %s", err, f.Site)
}

// end takes the proposal back, unless it was committed, also if the command is told to stop.
func (f *flipping) end() {
	if !f.committed {
		ctx, cancel := context.WithTimeout(context.Background(), CallLimit)
		defer cancel()
		// If this fails, the proposal goes with the lease.
		f.Store.Commit(ctx, []Condition{{Key: f.Keys.Flip(f.Site), Modified: f.revision}}, []Op{
			{Key: f.Keys.Flip(f.Site), Remove: true}, {Key: f.Keys.Answers(f.proposal.ID), Remove: true, Prefix: true},
		})
	}
	f.lease.End()
}
