package gateway

import (
	"context"
	"slices"

	"realdocd/deploy"
	"realdocd/gateway/handover"
)

// flipped tells of a new live release, unless a successor does.
func (s *Server) flipped(st *site, f *deploy.Flipped) {
	st.trials.Flipped(f.Docroot, f.Live)
	s.noteLive(st, f)
	if s.heir() == nil {
		s.history.flipped(st.HistoryOf(), f) // before somebody reads in the log that it is there
		s.log.Info().Str("site", st.Name).Str("docroot", f.Docroot).Str("release", f.Live.Path).Msg("release is live")
		if fault := f.Live.Fault(); fault != "" && f.Before == nil {
			s.log.Warn().Str("site", st.Name).Str("docroot", f.Docroot).Str("fault", fault).
				Msg("the site's deploys cannot be told: see fault")
		}
		if f.Before != nil { // at the first look nobody has removed anything
			s.sweep(st, f.Docroot, f.Live.Path)
		}
	}
	if f.Idle {
		s.idle(st.Name, f.Before)
	}
}

// idle logs that nobody is inside a release that is not live any more, if nobody is
// in the other process either: a process that retires leaves it to its successor, and
// one with a predecessor asks that first.
func (s *Server) idle(site string, r *deploy.Release) {
	if heir := s.heir(); heir != nil {
		heir.peer.Send(handover.Message{Idle: &handover.Idle{Site: site, Release: r.Path}})
		return
	}
	if !s.predecessor.running() {
		s.logIdle(site, r)
		return
	}
	go func() {
		left, err := s.predecessor.leftBefore(context.Background(), site, r.Of, r.Path)
		if err == nil && len(left) == 0 {
			s.logIdle(site, r)
			return
		}
		s.predecessor.mu.Lock()
		s.predecessor.busy = append(s.predecessor.busy, handover.Idle{Site: site, Release: r.Path})
		s.predecessor.mu.Unlock()
	}()
}

// idleBefore hears that nobody is inside a release any more in the predecessor.
func (s *Server) idleBefore(m handover.Idle) {
	p := s.predecessor
	p.mu.Lock()
	p.busy = slices.DeleteFunc(p.busy, func(b handover.Idle) bool { return b == m })
	p.mu.Unlock()
	st := s.setup.Load().sites.named(m.Site)
	if st == nil {
		return
	}
	r := st.releases.Idle(m.Release)
	switch heir := s.heir(); {
	case r == nil: // it will fall idle here
	case heir != nil:
		heir.peer.Send(handover.Message{Idle: &m})
	default:
		s.logIdle(st.Name, r)
	}
}

// logIdle logs that a release is not live any more and that no request runs in it.
// Work after fastcgi_finish_request may still run.
func (s *Server) logIdle(site string, r *deploy.Release) {
	s.log.Info().Str("site", site).Str("release", r.Path).Int64("requests", r.Total()).Msg("release is idle")
}
