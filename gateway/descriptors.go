package gateway

import (
	"time"

	"golang.org/x/sys/unix"
)

// Every connection of a web server may need a second descriptor, to PHP-FPM, and a third,
// for its body. If connections took all descriptors there were none for the work. So a new
// one is accepted only if what runs has what it needs: first those that are idle for
// longest are closed for it, and if there are none it waits in the kernel.
const (
	// keptBack are descriptors that connections of web servers never take: for logs,
	// operators, looks at links, and connections to PHP-FPM that are being made.
	keptBack = 64
	// sparedAtOnce is how many idle connections are closed at once.
	sparedAtOnce = 16
	// acceptPause is how long a listener waits for room.
	acceptPause = 10 * time.Millisecond
)

// descriptorLimit is how many descriptors the process may have; 0 if that cannot be told.
func descriptorLimit() int {
	var limit unix.Rlimit
	if unix.Getrlimit(unix.RLIMIT_NOFILE, &limit) != nil || limit.Cur > 1<<30 {
		return 0
	}
	return int(limit.Cur)
}

// hasRoom says whether there are enough descriptors for what may still begin on the
// connections that there are.
func (s *Server) hasRoom() bool {
	limit := descriptorLimit()
	if limit == 0 {
		return true
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	room := limit - keptBack - len(s.conns) - len(s.abandoned)
	if room > 2*len(s.conns) { // enough even if all of them were busy
		return true
	}
	for c := range s.conns {
		if c.busy.Load() {
			room -= 2
		}
	}
	return room > limit/16
}

// awaitRoom waits until a connection that was accepted may be served, while others are to
// be accepted at all.
func (s *Server) awaitRoom() {
	for !s.hasRoom() && s.life.now().accepts() {
		if s.endIdlest(sparedAtOnce) == 0 && s.short.allow(time.Now()) {
			s.log.Warn().Int("descriptors", descriptorLimit()).
				Msg("connections of web servers wait: requests have all descriptors; raise LimitNOFILE, or lower max_conns and queue")
		}
		time.Sleep(acceptPause)
	}
}

// spare closes what nobody needs, because descriptors or memory have run short.
func (s *Server) spare() {
	s.endIdlest(sparedAtOnce)
	if s.short.allow(time.Now()) {
		s.log.Error().Int("descriptors", descriptorLimit()).
			Msg("realdocd itself has run short of descriptors or memory: raise LimitNOFILE, or lower max_conns and queue")
	}
}
