package gateway

import (
	"errors"
	"fmt"
	"path"
	"time"

	"realdocd/deploy"
	"realdocd/gateway/control"
	"realdocd/gateway/handover"
	"realdocd/gateway/trial"
)

// trialLooks is how often the figures of a trial are looked at. Tests shorten it.
var trialLooks = 2 * time.Second

// Try begins to try a release, by a plan that was checked: a directory by its absolute path.
// The caller calls Leave, unless the verdict is an operator's. It fails if the docroot has a
// trial already.
func (s *Server) Try(name, docroot string, p control.Plan) (control.Trial, error) {
	st, docroot, err := s.site(name, docroot)
	if err != nil {
		return nil, err
	}
	p.Release, p.Before = path.Clean(p.Release), path.Clean(p.Before)
	if err := s.lookPatiently(st, docroot); err != nil {
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
	o := trialOwner{s, st}
	t := trial.Canary(o, docroot, p, v.Release, live)
	if err := st.addTrial(t); err != nil {
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
		o.Tell(t, "a canary of many hosts begins here")
	case p.Number != 0:
		o.Tell(t, fmt.Sprintf("a canary goes on after an upgrade, with %v %% of new visitors", p.Steps[p.Step]))
	default:
		o.Tell(t, fmt.Sprintf("a canary begins, with %v %% of new visitors", p.Steps[p.Step]))
	}
	go t.Run(trialLooks, s.empty)
	return t, nil
}

// tryBake begins to compare a release that is live with what another did before.
func (s *Server) tryBake(st *site, docroot string, p control.Plan, live *deploy.Release) (control.Trial, error) {
	if live.Path != p.Release {
		return nil, fmt.Errorf("%s is not live: %s is", p.Release, live.Path)
	}
	var before *trial.Window
	if r := st.recorders.Of(docroot, st.IsGlob()); r != nil {
		before = r.Of(p.Before)
	}
	if before == nil {
		return nil, fmt.Errorf("what %s did is not known: no request has run on it since realdocd was started, so there is nothing to compare with", p.Before)
	}
	o := trialOwner{s, st}
	t := trial.Bake(o, docroot, p, live, before)
	if err := st.addTrial(t); err != nil {
		return nil, err
	}
	o.Tell(t, "the release bakes for "+p.Every.String())
	go t.Run(trialLooks, s.empty)
	return t, nil
}

// addTrial has a trial be that of its docroot, unless that has one.
func (s *site) addTrial(t *trial.Trial) error {
	if has := s.trials.Add(t); has != nil {
		return fmt.Errorf("release %s is tried already (%s): end that first, with realdocd canary %s --abort", has.Candidate.Path, has.Plan.Kind, s.Name)
	}
	return nil
}

// needKeys has keys to sign pins by.
func (s *Server) needKeys() error {
	if s.keys.Load() != nil {
		return nil
	}
	_, err := s.pinKeys(&s.setup.Load().cfg)
	return err
}

// StepTrial begins a step of a trial that is judged elsewhere.
func (s *Server) StepTrial(name, docroot string, number uint16, step int) (control.TrialStatus, error) {
	st, docroot, err := s.site(name, docroot)
	if err != nil {
		return control.TrialStatus{}, err
	}
	t := st.trials.Of(docroot)
	if t == nil || !t.Plan.Fleet || t.Plan.Number != number {
		return control.TrialStatus{}, fmt.Errorf("site %s has no trial %d that is judged elsewhere", name, number)
	}
	if err := t.Step(step); err != nil {
		return control.TrialStatus{}, err
	}
	return t.Status(), nil
}

// EndTrial ends the trial of a docroot, and returns when it has ended.
func (s *Server) EndTrial(name, docroot string) (control.TrialStatus, error) {
	st, docroot, err := s.site(name, docroot)
	if err != nil {
		return control.TrialStatus{}, err
	}
	t := st.trials.Of(docroot)
	if t == nil {
		return control.TrialStatus{}, fmt.Errorf("site %s tries no release", name)
	}
	t.End("operator", "an operator has ended it")
	<-t.Over()
	return t.Status(), nil
}

// errTried is a release that is tried, and must not be taken away.
var errTried = errors.New("the release is tried")

// wantUntried fails if visitors are on the release because it is tried.
func (s *Server) wantUntried(release string) (err error) {
	s.eachSite(func(st *site) {
		for _, t := range st.trials.All() {
			if t.Plan.Kind == control.KindCanary && t.Candidate.Path == release {
				err = fmt.Errorf("%w: %s: end that first, with realdocd canary %s --abort", errTried, release, st.Name)
			}
		}
	})
	return err
}

// handedOver are the trials that do not end with the command that has begun them.
func (s *site) handedOver() (all []handover.Trial) {
	for _, t := range s.trials.All() {
		if p, ok := t.Remaining(); ok {
			all = append(all, handover.Trial{Site: s.Name, Docroot: t.Docroot, Plan: p})
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
