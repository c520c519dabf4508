package gateway

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"sync"
	"syscall"
	"time"

	"realdocd/gateway/fpm"
	"realdocd/gateway/handover"
)

// A Successor is the process that takes over from this one while both run. See
// "Live upgrades" in the package documentation for the steps.
type Successor struct {
	s    *Server
	peer *handover.Peer
	file *os.File // its end of the socket pair

	prepared, serving, gone chan struct{}
	pid                     int // once it is prepared
	stop                    chan struct{}
	stopOnce, orphanOnce    sync.Once
}

// ErrSuccession says that a Server has a successor already.
var ErrSuccession = errors.New("another process takes over already")

// NewSuccessor prepares a handover. The caller starts a process that has File
// open and calls NewPredecessor with it, and then HandOver.
func (s *Server) NewSuccessor() (*Successor, error) {
	peer, theirs, err := handover.Pair()
	if err != nil {
		return nil, fmt.Errorf("join the successor: %w", err)
	}
	return &Successor{
		s: s, peer: peer, file: theirs,
		prepared: make(chan struct{}), serving: make(chan struct{}), gone: make(chan struct{}), stop: make(chan struct{}),
	}, nil
}

// File is what the new process inherits; HandOver closes it.
func (n *Successor) File() *os.File { return n.file }

// Stop is closed when the successor wants this process to end.
func (n *Successor) Stop() <-chan struct{} { return n.stop }

// PID is the process id of a successor that serves.
func (n *Successor) PID() int { return n.pid }

// Abandon is called instead of HandOver if no process could be started.
func (n *Successor) Abandon() {
	n.file.Close()
	n.peer.Close()
}

// HandOver gives the sockets and what is known of pools and releases to the
// successor, and returns when that serves: nil, and this Server accepts nothing
// more and has only to be retired. With an error, of ctx or because the successor has
// ended, it serves as before. It fails at once unless this Server serves.
func (n *Successor) HandOver(ctx context.Context) error {
	s := n.s
	n.file.Close()
	if err := s.life.become(offering); err != nil {
		n.peer.Close()
		return err
	}
	n.sendSockets()
	go n.listen()
	if err := n.await(ctx, n.prepared); err != nil {
		n.peer.Close()
		s.life.must(serving)
		return fmt.Errorf("the new process did not get ready: %w", err)
	}
	s.api.Move()
	s.pauseAccepting()
	s.successor = n
	s.life.must(yielding)
	n.sendState()
	if err := n.await(ctx, n.serving); err != nil {
		n.peer.Close()
		s.takeBack()
		s.life.must(serving)
		return fmt.Errorf("the new process did not take over: %w", err)
	}
	s.life.must(yielded)
	select {
	case <-n.gone:
		n.orphanOnce.Do(n.orphan) // it has ended in between, and end was too early to do so
	default:
	}
	return nil
}

var errSuccessorEnded = errors.New("it has ended; its log says why")

func (n *Successor) await(ctx context.Context, event <-chan struct{}) error {
	select {
	case <-event:
		return nil
	case <-n.gone:
		return errSuccessorEnded
	case <-ctx.Done():
		return ctx.Err()
	}
}

// MakeMain tells the successor that it is the service's main process now.
func (n *Successor) MakeMain() { n.peer.Send(handover.Message{Main: true}) }

// sendSockets sends all listeners.
func (n *Successor) sendSockets() {
	s := n.s
	open := s.sockets.Load()
	for _, ln := range open.listeners {
		n.sendListener(string(ln.addr), handover.UseWeb, ln.Listener)
	}
	for use, e := range map[handover.Use]*adminSocket{handover.UseControl: open.control, handover.UseMetrics: open.exporter} {
		if e != nil {
			n.sendListener(e.addr, use, e.ln)
		}
	}
	n.peer.Send(handover.Message{Sockets: &handover.Sockets{Inherited: open.inherited, PID: os.Getpid()}})
}

func (n *Successor) sendListener(addr string, use handover.Use, ln net.Listener) {
	n.peer.SendSocket(handover.Message{Listener: &handover.Listener{Addr: addr, Use: use}}, ln.(syscall.Conn), nil)
}

// sendState tells what is known, and that the successor may serve. Nothing is accepted
// meanwhile.
func (n *Successor) sendState() {
	s := n.s
	now := s.setup.Load()
	for _, st := range now.sites.all {
		for _, d := range st.releases.State() {
			n.peer.Send(handover.Message{Docroot: &handover.Docroot{Site: st.Name, State: d}})
		}
	}
	for _, p := range now.pools {
		p.HandOver(func(r fpm.Report) {
			report := handover.PoolReport(r)
			n.peer.Send(handover.Message{Pool: &report})
		})
	}
	s.history.close()
	n.peer.Send(handover.Message{Begin: true})
}

// listen takes what the successor says until it ends.
func (n *Successor) listen() {
	defer n.end()
	for {
		m, f, err := n.peer.Receive()
		if f != nil {
			f.Close()
		}
		if err != nil {
			if !handover.IsEnd(err) && !errors.Is(err, net.ErrClosed) {
				n.s.log.Error().Err(err).Msg("the successor is not understood any more")
			}
			return
		}
		n.hear(m)
	}
}

// end is for a successor that has gone.
func (n *Successor) end() {
	n.peer.Close()
	close(n.gone)
	if n.s.heir() == n { // else HandOver takes everything back
		n.orphanOnce.Do(n.orphan)
	}
}

// orphan is for a successor that has gone though it served. What waits here is
// served within the limits of the configuration then; nobody is left who could
// resume a pool.
func (n *Successor) orphan() {
	n.s.log.Error().Int("pid", n.pid).Msg("the process that had taken over has ended: start realdocd again")
	for _, p := range n.s.setup.Load().pools {
		p.TakeBack()
		p.Resume()
	}
}

func (n *Successor) hear(m handover.Message) {
	switch {
	case m.Prepared > 0:
		n.pid = m.Prepared
		close(n.prepared)
	case m.Serving:
		close(n.serving)
	case m.Grant != nil:
		if p := n.s.setup.Load().pools[m.Grant.Pool]; p != nil {
			p.Grant(m.Grant.Granted)
		}
	case m.Ask != nil:
		go n.answer(*m.Ask)
	case m.Stop:
		n.stopOnce.Do(func() { close(n.stop) })
	}
}

// pauseAccepting has new connections wait in the kernel.
func (s *Server) pauseAccepting() {
	for _, ln := range s.sockets.Load().listeners {
		ln.Listener.(deadliner).SetDeadline(past)
	}
	s.accepting.Wait()
}

// heir is the successor that serves; nil before that.
func (s *Server) heir() *Successor {
	if s.life.now() < yielded {
		return nil
	}
	return s.successor
}

type deadliner interface{ SetDeadline(time.Time) error }

// takeBack undoes what HandOver has done.
func (s *Server) takeBack() {
	s.successor = nil
	s.api.MoveBack()
	for _, p := range s.setup.Load().pools {
		p.TakeBack()
	}
	for _, ln := range s.sockets.Load().listeners {
		ln.Listener.(deadliner).SetDeadline(time.Time{})
		s.startAccepting(ln)
	}
}
