package gateway

import (
	"errors"
	"fmt"
	"path"
	"time"

	"realdocd/deploy"
	"realdocd/gateway/control"
	"realdocd/gateway/handover"
)

// Try begins to try a release, by a plan that was checked: a directory by its absolute path.
// The caller calls Leave, unless the verdict is an operator's. It fails if the docroot has a
// trial already.
func (s *Server) Try(name, docroot string, p control.Plan) (control.Trial, error) {
	st, docroot, err := s.site(name, docroot)
	if err != nil {
		return nil, err
	}
	p.Release, p.Before = path.Clean(p.Release), path.Clean(p.Before)
	if err := s.look(st, docroot); err != nil {
		return nil, err
	}
	live := st.releases.Now(docroot)
	if p.Kind == control.KindBake {
		return s.tryBake(st, docroot, p, live)
	}
	if live.Path == p.Release {
		return nil, fmt.Errorf("%w: %s", deploy.ErrLive, p.Release)
	}
	if err := s.needKeys(); err != nil {
		return nil, err
	}
	v, err := st.releases.EnterRelease(docroot, p.Release)
	if err != nil {
		return nil, err
	}
	defer v.Withdraw()
	t := newTrial(s, st, docroot, p, v.Release, live)
	if err := st.trials.add(t); err != nil {
		return nil, err
	}
	st.releases.Open(p.Release) // an operator wants visitors in it
	if p.Fleet && !p.Since.IsZero() {
		// It may have been broken off on this host alone, and its visitors sent back.
		st.releases.FollowAgain(p.Release, p.Since)
	}
	st.readsPins.Store(true)
	switch {
	case p.Fleet:
		t.tell("a canary of many hosts begins here")
	case p.Number != 0:
		t.tell(fmt.Sprintf("a canary goes on after an upgrade, with %v %% of new visitors", p.Steps[p.Step]))
	default:
		t.tell(fmt.Sprintf("a canary begins, with %v %% of new visitors", p.Steps[p.Step]))
	}
	go t.run(newComparison(t))
	return t, nil
}

// tryBake begins to compare a release that is live with what another did before.
func (s *Server) tryBake(st *site, docroot string, p control.Plan, live *deploy.Release) (control.Trial, error) {
	if live.Path != p.Release {
		return nil, fmt.Errorf("%s is not live: %s is", p.Release, live.Path)
	}
	var before *observed
	if r := st.recorders.of(st, docroot); r != nil {
		before = r.of(p.Before)
	}
	if before == nil {
		return nil, fmt.Errorf("what %s did is not known: no request has run on it since realdocd was started, so there is nothing to compare with", p.Before)
	}
	t := newTrial(s, st, docroot, p, live, before.release)
	c := newComparison(t)
	c.against(before)
	if err := st.trials.add(t); err != nil {
		return nil, err
	}
	t.tell("the release bakes for " + p.Every.String())
	go t.run(c)
	return t, nil
}

// needKeys has keys to sign pins by.
func (s *Server) needKeys() error {
	if s.keys.Load() != nil {
		return nil
	}
	_, err := s.pinKeys(&s.setup.Load().cfg)
	return err
}

// EndTrial ends the trial of a docroot, and returns when it has ended.
func (s *Server) EndTrial(name, docroot string) (control.TrialStatus, error) {
	st, docroot, err := s.site(name, docroot)
	if err != nil {
		return control.TrialStatus{}, err
	}
	t := st.trials.of(docroot)
	if t == nil {
		return control.TrialStatus{}, fmt.Errorf("site %s tries no release", name)
	}
	t.ends("operator", "an operator has ended it")
	<-t.over
	return t.Status(), nil
}

// errTried is a release that is tried, and must not be taken away.
var errTried = errors.New("the release is tried")

// wantUntried fails if visitors are on the release because it is tried.
func (s *Server) wantUntried(release string) (err error) {
	s.eachSite(func(st *site) {
		for _, t := range st.trials.all() {
			if t.plan.Kind == control.KindCanary && t.candidate.Path == release {
				err = fmt.Errorf("%w: %s: end that first, with realdocd canary %s --abort", errTried, release, st.Name)
			}
		}
	})
	return err
}

// handedOver are the trials that do not end with the command that has begun them.
func (s *site) handedOver() (all []handover.Trial) {
	for _, t := range s.trials.all() {
		if st := t.Status(); t.plan.Manual && st.Ended == "" {
			p := t.plan
			p.Number, p.Every = t.number, max(time.Until(st.StepEnds), time.Second)
			all = append(all, handover.Trial{Site: s.Name, Docroot: t.docroot, Plan: p})
		}
	}
	return all
}

// takeTrials goes on with the trials of the process before.
func (s *Server) takeTrials(all []handover.Trial) {
	for _, t := range all {
		docroot := t.Docroot
		if st := s.setup.Load().sites.named(t.Site); st != nil && !st.IsGlob() {
			docroot = ""
		}
		if _, err := s.Try(t.Site, docroot, t.Plan); err != nil {
			s.log.Error().Err(err).Str("site", t.Site).Str("release", t.Plan.Release).Msg("a canary does not go on, and its visitors get the live release")
		}
	}
}
