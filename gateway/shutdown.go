package gateway

import (
	"context"
	"time"
)

// Shutdown stops accepting, lets requests that have begun end until ctx is
// done, and then cuts them off. It returns those that it cut off.
func (s *Server) Shutdown(ctx context.Context) (cut []CutOff) {
	s.stopping.Store(true)
	s.reloading.Lock()
	for _, ln := range s.listeners {
		ln.Close()
	}
	s.reloading.Unlock()
	defer s.end()
	s.mu.Lock()
	for c := range s.conns {
		c.endIdle()
	}
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
		p.retire()
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
func (c *webConn) endIdle() {
	if c.busy.Load() {
		return
	}
	c.web.SetReadDeadline(time.Now().Add(idleGrace))
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
	if s.stopping.Load() && len(s.conns) == 0 {
		select {
		case <-s.empty:
		default:
			close(s.empty)
		}
	}
}
