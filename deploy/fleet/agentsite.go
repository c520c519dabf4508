package fleet

import (
	"errors"
	"fmt"
	"time"
)

// site is what an agent knows of one site. What it should do about it follows from that alone: see decide.
type site struct {
	name string

	// the store
	commit   *Commit // nil is none
	written  int64   // revision of commit
	proposal *Proposal
	proposed int64 // revision of proposal
	promised promise
	reply    reply // to proposal
	lastHave string

	// the host
	listed  bool // its configuration has it
	looked  time.Time
	lookErr error
	seen    Seen
	read    bool // seen.Live is known
	glimpse bool // somebody reads the link
	turns   int  // flips begun and ended: what was read meanwhile says nothing

	// where the host stands
	compared bool      // with what is committed, since the agent began
	started  bool      // it has been in step, or needs no start any more
	seq      int64     // of the commit that it has gone by
	applied  time.Time // when, by the host's clock
	late     time.Duration
	prepared string // release that was prepared for the proposal, or warmed
	standing Standing

	// what is going on
	job       *job
	after     *job
	afters    []string // releases whose After has to run yet
	why       string   // the last failure of going by the commit
	wait      patience
	retry     time.Time
	noFetch   bool
	lookDue   bool
	lookAgain time.Duration // after the last look
	lookWait  patience
	lookRetry time.Time
	warmDue   bool
	// lookedFor is the commit whose release was looked for since it came.
	lookedFor int64
}

// A promise is that a host goes by the outcome of a proposal, which it does not know.
type promise struct {
	id    string // of the proposal; "" is none
	until time.Time
	told  int64 // what the daemon has to have been told before the host answers
}

// here says whether the daemon knows of the site.
func (s *site) here() bool { return s.listed && !errors.Is(s.lookErr, ErrNoSite) }

// release is one that the host has, by name.
func (s Seen) release(name string) (Release, bool) {
	for _, r := range s.Releases {
		if r.Name == name {
			return r, true
		}
	}
	return Release{}, false
}

// fits says why a release of the host is not the one that is meant; nil if it is.
func (s Seen) fits(name, hash string) error {
	r, there := s.release(name)
	switch {
	case !there:
		return fmt.Errorf("release %s is not on this host", name)
	case hash == "" || r.Hash == hash:
		return nil
	case r.Hash == "" && r.Why != "":
		return fmt.Errorf("the content of release %s could not be compared: %s", name, r.Why)
	case r.Hash == "":
		return fmt.Errorf("the content of release %s could not be compared", name)
	}
	return fmt.Errorf("release %s has other content on this host (%s) than on the others (%s): bring it to all hosts again, under a new name; or bring here what the others have", name, short(r.Hash), short(hash))
}

func short(hash string) string { return hash[:min(len(hash), 15)] }

// inStep says whether the host serves what is committed.
func (s *site) inStep() bool {
	return !s.bound() || s.seen.Live == s.commit.Release && s.seen.fits(s.commit.Release, s.commit.Hash) == nil
}

// bound says whether anything is committed: an operator can end that.
func (s *site) bound() bool { return s.commit != nil && s.commit.Release != "" }

// strayed says whether somebody else has changed what the host serves, after it had gone by the commit.
func (s *site) strayed() bool { return s.commit != nil && !s.inStep() && s.seq == s.commit.Seq }

// stand is where the host stands with the site now.
func (l *loop) stand(s *site) Standing {
	st := Standing{Site: s.name}
	if s.commit != nil {
		st.Release, st.Seq = s.commit.Release, s.commit.Seq
	}
	switch {
	case !s.compared && !s.bound() && s.read && l.viewed:
		st.State = InStep // nothing is committed, so that there is nothing to compare
	case !s.compared && (!s.bound() || s.seen.Live == s.commit.Release) && s.read:
		st.State, st.Why = InDoubt, "has not compared the content yet" // only the name, so far
		if s.lookErr != nil {
			st.Why = "cannot look at the site: " + s.lookErr.Error()
		}
	case !s.compared && s.lookErr != nil:
		st.State, st.Why = Unknown, "cannot look at the site: "+s.lookErr.Error()
	case !s.compared:
		st.State, st.Why = Unknown, "has not compared yet"
	case s.inStep() && !s.started:
		st.State, st.Why = Unknown, "warms release "+s.seen.Live
	case s.inStep():
		st.State = InStep
	case s.strayed() && s.seen.Live == s.commit.Release:
		st.State, st.Why = Strayed, "what is live was changed: "+s.seen.fits(s.commit.Release, s.commit.Hash).Error()
	case s.strayed():
		st.State = Strayed
		st.Why = fmt.Sprintf("the link was flipped to release %s without the fleet; realdocd fleet flip has all hosts go to one again", s.seen.Live)
	case s.why != "":
		st.State, st.Why = Behind, s.why
	case time.Now().Before(l.nap.ends(s.promised.until, DoubtAfter)):
		st.State = InStep // it has promised, and is about to flip
	case !s.started:
		st.State, st.Why = Unknown, "goes to release "+s.commit.Release
	default:
		st.State, st.Why = InDoubt, "goes to release "+s.commit.Release
	}
	return l.withDoubt(s, st)
}

// withDoubt adds what becomes of a host in step that hears nothing more.
func (l *loop) withDoubt(s *site, st Standing) Standing {
	if st.State != InStep {
		return st
	}
	worse := func(next State, why string, at time.Time) {
		left := time.Until(at)
		switch {
		case left <= 0 && st.State == InStep:
			st.State, st.Why, st.Next, st.NextWhy, st.For = next, why, "", "", 0
		case left > 0 && st.State == InStep && (st.Next == "" || left < st.For):
			st.Next, st.NextWhy, st.For = next, why, left
		}
	}
	l.nap.notice(l.Slept(), max(DoubtAfter, l.Lost))
	if s.promised.id != "" {
		worse(InDoubt, "has promised to go by flip "+s.promised.id+", and does not hear what became of it", l.nap.ends(s.promised.until, DoubtAfter))
	}
	if l.Lost > 0 && l.lease != nil {
		worse(Lost, "hears nothing from etcd for longer than "+l.Lost.String()+" (lost, in [fleet])", l.nap.ends(l.lease.Kept().Add(l.Lost), l.Lost))
	}
	return st
}

// have is what the host says to the fleet of the site.
func (s *site) have() Have {
	why := s.standing.Why
	if why == "" && s.why != "" {
		why = s.why
	}
	return Have{
		Live: s.seen.Live, Releases: s.seen.Releases, Seq: s.seq, Applied: s.applied, Late: s.late,
		State: s.standing.State, Why: why,
	}
}
