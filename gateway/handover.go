package gateway

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"syscall"
	"time"

	"realdocd/gateway/fpm"
	"realdocd/gateway/handover"
)

// HandOver gives the sockets and what is known of pools and releases to the
// successor, and returns nil when that serves: this Server accepts nothing any more,
// and Retire has to be called. With an error, of ctx or because the successor has
// ended, it serves as before. HandOver fails at once if this Server does not serve.
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
	if err := s.api.Move(); err != nil {
		n.peer.Close()
		s.life.must(serving)
		return err
	}
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
	n.peer.Send(handover.Message{Recent: string(s.page.Recent())})
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

// sendSockets sends all listeners.
func (n *Successor) sendSockets() {
	s := n.s
	open := s.sockets.Load()
	for _, ln := range open.listeners {
		n.sendListener(string(ln.addr), handover.UseWeb, ln.Listener)
	}
	for use, e := range map[handover.Use]*adminSocket{handover.UseControl: open.control, handover.UseMetrics: open.exporter, handover.UsePage: open.page} {
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
		n.peer.Send(handover.Message{Site: &handover.Site{Name: st.Name, Maintenance: st.maintenances.all()}})
		for _, d := range st.releases.State() {
			n.peer.Send(handover.Message{Docroot: &handover.Docroot{Site: st.Name, State: d}})
		}
	}
	for _, st := range now.sites.all {
		for _, t := range st.handedOver() {
			n.peer.Send(handover.Message{Trial: &t})
		}
	}
	if known := s.fleet.handedOver(); known != nil {
		n.peer.Send(handover.Message{Standings: known})
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

// pauseAccepting has new connections wait in the kernel.
func (s *Server) pauseAccepting() {
	for _, ln := range s.sockets.Load().listeners {
		ln.Listener.(deadliner).SetDeadline(past)
	}
	s.accepting.Wait()
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

// heir is the successor, if it serves; else nil.
func (s *Server) heir() *Successor {
	if s.life.now() < yielded {
		return nil
	}
	return s.successor
}
