package gateway

import (
	"time"

	"realdocd/deploy"
)

// watchPins has a later process know of new pins, and tells of releases that have fallen idle
// because their last pin has ended. It costs a load a site while there is nothing new.
func (s *Server) watchPins(now *setup) {
	if s.heir() != nil {
		return // who knows them by now
	}
	for _, st := range now.sites.all {
		if st.readsPins.Load() {
			if !st.keepsPins.Load() { // a disk that hangs gets no second one to write
				s.keepSitePins(st, st.pinSlack())
			}
			for _, r := range st.releases.PinsOver(time.Now()) {
				s.idle(st.Name, r)
			}
		}
	}
}

// pinSlack is how much longer than they do pins hold for a process that comes after this one
// was killed. So what is written down does not change with every pin.
func (s *site) pinSlack() time.Duration { return max(s.PinMaxAge/8, 2*time.Second) }

// keepPins writes down what is known of all pins, with some slack.
func (s *Server) keepPins(slack time.Duration) {
	if s.heir() != nil {
		return
	}
	for _, st := range s.setup.Load().sites.all {
		if st.readsPins.Load() {
			st.releases.KeepAgain()
			s.keepSitePins(st, slack)
		}
	}
}

func (s *Server) keepSitePins(st *site, slack time.Duration) {
	if st.releases.Unkept() {
		st.keepsPins.Store(true)
		s.history.keepPins(st.Name, st.pinned(slack), func(err error) {
			st.keepsPins.Store(false)
			if err != nil {
				st.releases.KeepAgain()
				s.log.Error().Err(err).Str("site", st.Name).
					Msg("pins not written, so that after a restart those to releases which are not live may not be followed: see state_dir")
			}
		})
	}
}

// pinned gives what a later process has to know.
func (s *site) pinned(slack time.Duration) func() []deploy.DocrootState {
	return func() []deploy.DocrootState { return s.releases.Pinned(time.Now(), slack) }
}

// writePins writes at once what is known of a site's pins.
func (s *Server) writePins(st *site) error {
	if !st.readsPins.Load() {
		return nil
	}
	written := make(chan error, 1)
	s.history.keepPins(st.Name, st.pinned(st.pinSlack()), func(err error) { written <- err })
	return <-written
}
