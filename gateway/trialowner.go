package gateway

import (
	"time"

	"realdocd/gateway/control"
	"realdocd/gateway/trial"
)

// A trialOwner is a site that tries releases, unless a successor has it: then they go on there, if
// they do.
type trialOwner struct {
	s  *Server
	st *site
}

// Tell writes something of a trial into log and history; for [trial.Owner].
func (o trialOwner) Tell(t *trial.Trial, text string) {
	if o.s.heir() != nil {
		return
	}
	o.s.log.Info().Str("site", o.st.Name).Str("docroot", t.Docroot).Str("release", t.Candidate.Path).Str("trial", t.Plan.Kind).Msg(text)
	o.s.history.note(o.st.HistoryOf(), control.Note{Time: time.Now(), What: t.Plan.Kind, Docroot: t.Docroot, Release: t.Candidate.Path, Text: text})
}

// Closes has those who had the candidate go back to the live release, unless it has gone live; for
// [trial.Owner].
func (o trialOwner) Closes(t *trial.Trial, ended string) {
	o.s.metrics.trialEnded(o.st.Name, t.Plan.Kind, ended)
	if t.Plan.Kind != control.KindCanary || o.s.heir() != nil {
		return
	}
	if !t.Candidate.Live() {
		o.st.releases.EndPins(t.Candidate.Path, time.Now())
	} else if o.st.Pin == PinOff {
		o.st.releases.EndPins(t.Live.Path, time.Now()) // which nobody follows
	}
	if err := o.s.writePins(o.st); err != nil {
		o.s.log.Error().Err(err).Str("site", o.st.Name).Msg("that pins have ended is not written, so that a restart would follow them: see state_dir")
	}
}
