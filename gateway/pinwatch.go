package gateway

import "time"

// watchPins has a later process know of new pins, and tells of releases that have fallen idle
// because their last pin has ended. It costs a load a site while there is nothing new.
func (s *Server) watchPins(now *setup) {
	if s.heir() != nil {
		return // who knows them by now
	}
	for _, st := range now.sites.all {
		if st.readsPins.Load() {
			s.keepSitePins(st, st.pinSlack())
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
		s.history.keepPins(st.Name, st.releases.Pinned(time.Now(), slack), st.releases.KeepAgain)
	}
}
