package gateway

import (
	"context"
	"syscall"
	"time"
)

// KeepConns has Shutdown give the connections of web servers to store, each once
// no request runs on it, instead of closing them. store must not keep its
// argument; the Server closes it.
// It is for before Shutdown, by the same goroutine.
func (s *Server) KeepConns(store func(syscall.Conn) error) { s.store = store }

// Shutdown stops accepting, lets requests that have begun end until ctx is
// done, and then cuts them off. It returns those that it cut off. It waits for a
// Reload or a HandOver that is under way; if that has given everything to a
// successor, it is Retire. A second Shutdown waits for the first, and returns
// nothing.
func (s *Server) Shutdown(ctx context.Context) (cut []CutOff) {
	if s.life.becomeInTurn(stopping) != nil {
		if s.life.now() == yielded {
			return s.Retire(ctx)
		}
		s.awaitEmpty(ctx)
		return nil
	}
	open := s.sockets.Load()
	for _, ln := range open.listeners {
		if open.inherited {
			ln.Close() // who waits in it is for the next process
		} else {
			ln.takeLast()
		}
	}
	s.accepting.Wait() // who has connected is served
	for _, ln := range open.listeners {
		ln.Close()
	}
	defer s.end()
	s.endIdle()
	cut = s.finish(ctx)
	s.predecessor.endWith(ctx)
	return cut
}

// finish waits until no connection is left, and when ctx is done first ends
// them. It returns the requests that it cut off.
func (s *Server) finish(ctx context.Context) []CutOff {
	if s.life.become(finishing) == nil { // or a second Shutdown has begun to cut
		s.mu.Lock()
		s.signalEmptyLocked()
		s.mu.Unlock()
	}
	s.awaitEmpty(ctx)
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.cutOff
}

// awaitEmpty waits until no connection is left, and when ctx is done first has all
// of them end.
func (s *Server) awaitEmpty(ctx context.Context) {
	select {
	case <-s.empty:
		return
	case <-ctx.Done():
	}
	if s.life.become(cutting) == nil { // or it is over, or somebody else cuts
		s.mu.Lock()
		for c := range s.conns {
			c.cut()
		}
		for a := range s.abandoned {
			a.place.Interrupt()
		}
		s.signalEmptyLocked()
		s.mu.Unlock()
	}
	<-s.empty
}

// end closes what is left when no request runs any more.
func (s *Server) end() {
	open := s.sockets.Load()
	s.page.Close()
	open.control.close()
	open.exporter.close()
	open.page.close()
	s.sampler.Close()
	if e := s.tracer.exporter.Load(); e != nil {
		closeExporter(e)
	}
	for _, p := range s.setup.Load().pools {
		p.Discard()
	}
	s.keepPins(0)
	s.history.close()
	s.removeProbe()
	s.life.must(ended)
}

const (
	// idleGrace is how long an idle connection stays open after Shutdown, for
	// a request that the web server had sent already.
	idleGrace = 50 * time.Millisecond
	// cutGrace is how long a request that is cut off may take to say so.
	cutGrace = time.Second
)

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
