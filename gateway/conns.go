package gateway

import (
	"net"
	"time"

	"realdocd/gateway/sock"
)

// open begins to serve a connection.
func (s *Server) open(conn net.Conn) { s.openFrom(conn, nil, nil) }

// openOurs is open for a connection of our own.
func (s *Server) openOurs(conn net.Conn, e *errand) { s.openFrom(conn, nil, e) }

// openFrom is open for a connection that is counted in a crowd.
func (s *Server) openFrom(conn net.Conn, from *crowd, e *errand) {
	web, err := sock.New(conn.(sock.FileConn))
	if err != nil {
		conn.Close()
		from.leave()
		return
	}
	c := &webConn{s: s, web: web, crowd: from, errand: e}
	web.Limit = c.sendLimit
	c.awaits(aRequest, time.Now())
	if !s.add(c) {
		web.End()
		from.leave()
		return
	}
	if err := s.hang.Watch(web, c); err != nil {
		s.log.Error().Err(err).Msg("connection closed")
		s.closed(c)
		return
	}
	if s.life.now().leaves() && e == nil {
		c.endIdle(s.idleUntil()) // it came too late for endIdle of all
	}
	if c.isTooMany() && c.fallAsleep() {
		return
	}
	go c.serve()
}

// add counts a connection; false if the last one has ended already.
func (s *Server) add(c *webConn) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	select {
	case <-s.empty:
		return false
	default:
	}
	s.conns[c] = struct{}{}
	s.awake.Add(1)
	return true
}

// closed ends a connection.
func (s *Server) closed(c *webConn) {
	s.hang.Forget(c.web)
	c.web.End()
	s.memory.give(c.memory)
	c.crowd.leave()
	s.awake.Add(-1)
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.conns, c)
	s.signalEmptyLocked()
}

// endIdle ends the connections on which no request runs, or has them given away.
func (s *Server) endIdle() {
	at := s.idleUntil()
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.conns {
		c.endIdle(at)
	}
}

// idleUntil is how long a connection may stay on which no request runs.
func (s *Server) idleUntil() time.Time {
	if s.taker() != nil {
		return past
	}
	return time.Now().Add(idleGrace)
}

// taker takes the connections on which no request runs, in a phase that leaves: the
// successor or the service manager does; nil if they are to be closed.
func (s *Server) taker() func(*webConn) {
	switch heir := s.heir(); {
	case heir != nil:
		return heir.giveConn
	case s.store != nil:
		return s.storeConn
	}
	return nil
}

// storeConn leaves a connection on which no request runs with the service manager.
func (s *Server) storeConn(c *webConn) {
	if err := s.store(c.web.FileConn); err != nil {
		s.log.Warn().Err(err).Msg("a connection of a web server is closed: it cannot be kept for the next process")
	}
	s.closed(c)
}

// signalEmptyLocked says that no connection is left and no script that a request of one
// has begun, if none is to come.
func (s *Server) signalEmptyLocked() {
	if s.life.now() >= finishing && len(s.conns) == 0 && len(s.abandoned) == 0 {
		select {
		case <-s.empty:
		default:
			close(s.empty)
		}
	}
}
