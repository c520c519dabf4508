package gateway

import (
	"context"
	"syscall"
	"time"
)

// KeepConns has Shutdown give the connections of web servers to store, each once
// no request runs on it, instead of closing them. store must not keep its
// argument; the Server closes it.
func (s *Server) KeepConns(store func(syscall.Conn) error) { s.store = store }

// Shutdown stops accepting, lets requests that have begun end until ctx is
// done, and then cuts them off. It returns those that it cut off.
func (s *Server) Shutdown(ctx context.Context) (cut []CutOff) {
	s.stopping.Store(true)
	s.reloading.Lock()
	for _, ln := range s.listeners {
		ln.Close()
	}
	s.reloading.Unlock()
	s.accepting.Wait() // what has been accepted is served
	defer s.end()
	grace := time.Now().Add(idleGrace)
	if s.store != nil {
		grace = time.Unix(1, 0)
		s.giveConns(func(c *webConn) {
			if err := s.store(c.web.FileConn); err != nil {
				s.log.Warn().Err(err).Msg("a connection of a web server is closed: it cannot be kept for the next process")
			}
			s.closed(c)
		})
	}
	s.endIdle(grace)
	cut = s.finish(ctx)
	s.predecessor.endWith(ctx)
	return cut
}

// giveConns has idle connections given away from now on.
func (s *Server) giveConns(give func(*webConn)) { s.giving.Store(&give) }

// endIdle ends the connections on which no request runs, at a time that may be
// past, or has them given away.
func (s *Server) endIdle(at time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.conns {
		c.endIdle(at)
	}
}

// finish waits until no connection is left, and when ctx is done first ends
// them. It returns the requests that it cut off.
func (s *Server) finish(ctx context.Context) (cut []CutOff) {
	s.ending.Store(true)
	s.mu.Lock()
	s.signalEmpty()
	s.mu.Unlock()
	select {
	case <-s.empty:
		return nil
	case <-ctx.Done():
	}
	s.cut.Store(true)
	s.mu.Lock()
	for c := range s.conns {
		c.web.SetReadDeadline(time.Unix(1, 0))
		c.web.SetWriteDeadline(time.Now().Add(cutGrace))
		c.interrupt()
	}
	s.mu.Unlock()
	<-s.empty
	return s.cutOff
}

// end closes what is left when no request runs any more.
func (s *Server) end() {
	s.reloading.Lock()
	defer s.reloading.Unlock()
	s.control.close()
	s.exporter.close()
	for _, p := range s.setup.Load().pools {
		p.Discard()
	}
	s.history.close()
	s.removeProbe()
}

const (
	// idleGrace is how long an idle connection stays open after Shutdown, for
	// a request that the web server had sent already.
	idleGrace = 50 * time.Millisecond
	// cutGrace is how long a request that is cut off may take to say so.
	cutGrace = time.Second
)

// endIdle ends a connection on which no request runs or is on its way.
func (c *webConn) endIdle(at time.Time) {
	if c.busy.Load() {
		return
	}
	c.web.SetReadDeadline(at)
	if c.busy.Load() {
		c.web.SetReadDeadline(time.Time{})
	}
}

// A CutOff is a request that Shutdown did not let end.
type CutOff struct {
	// Request is the method and the URI, RequestID its id.
	Request, RequestID string
}

func (s *Server) noteCut(rq *request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.cutOff = append(s.cutOff, CutOff{rq.name(), string(rq.requestID)})
}

// ended says why the request on c cannot go on: the web server has left, or
// the daemon's time is over.
func (c *webConn) ended() error {
	switch {
	case c.gone.Load():
		return errClientGone
	case c.s.cut.Load():
		return errCut
	}
	return nil
}

func (s *Server) signalEmpty() {
	if s.ending.Load() && len(s.conns) == 0 {
		select {
		case <-s.empty:
		default:
			close(s.empty)
		}
	}
}
