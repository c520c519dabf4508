package gateway

import (
	"cmp"
	"slices"
	"time"

	"realdocd/gateway/control"
)

// occupants are the requests and commands inside releases, by the resolved
// docroot, the oldest first.
func (s *Server) occupants(now time.Time) map[string][]control.Occupant {
	all := map[string][]control.Occupant{}
	s.mu.Lock()
	for c := range s.conns {
		c.mu.Lock()
		if rq := c.rq; rq != nil && rq.visit.Release != nil {
			all[rq.visit.Docroot] = append(all[rq.visit.Docroot],
				control.Occupant{Kind: "request", What: rq.name(), Age: now.Sub(rq.began).Seconds(), RequestID: string(rq.requestID)})
		}
		c.mu.Unlock()
	}
	for a := range s.abandoned {
		if a.visit.Release != nil {
			who := a.what
			who.Age = now.Sub(a.began).Seconds()
			all[a.visit.Docroot] = append(all[a.visit.Docroot], who)
		}
	}
	for cmd := range s.commands {
		all[cmd.visit.Docroot] = append(all[cmd.visit.Docroot],
			control.Occupant{Kind: "command", What: cmd.Text, Age: now.Sub(cmd.Began).Seconds(), PID: cmd.PID})
	}
	s.mu.Unlock()
	for _, list := range all {
		slices.SortFunc(list, func(a, b control.Occupant) int { return cmp.Compare(b.Age, a.Age) })
	}
	return all
}

// maxOccupants bounds the list of who is inside one release.
const maxOccupants = 100
