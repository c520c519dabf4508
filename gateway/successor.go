package gateway

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"sync"
	"syscall"
	"time"
)

// A Successor is the process that takes over from this one while both run. See
// "Live upgrades" in the package documentation for the steps.
type Successor struct {
	s    *Server
	link *link
	file *os.File // its end of the link

	prepared, serving, gone chan struct{}
	pid                     int // once it is prepared
	stop                    chan struct{}
	stopOnce                sync.Once
}

// ErrSuccession says that a Server has a successor already.
var ErrSuccession = errors.New("another process takes over already")

// NewSuccessor prepares a handover. The caller starts a process that has File
// open and calls NewPredecessor with it, and then HandOver.
func (s *Server) NewSuccessor() (*Successor, error) {
	l, theirs, err := newLinks()
	if err != nil {
		return nil, fmt.Errorf("join the successor: %w", err)
	}
	return &Successor{
		s: s, link: l, file: theirs,
		prepared: make(chan struct{}), serving: make(chan struct{}), gone: make(chan struct{}), stop: make(chan struct{}),
	}, nil
}

// File is what the new process inherits; HandOver closes it.
func (n *Successor) File() *os.File { return n.file }

// Stop is closed when the successor wants this process to end.
func (n *Successor) Stop() <-chan struct{} { return n.stop }

// PID is the process id of a successor that serves.
func (n *Successor) PID() int { return n.pid }

// Abandon is instead of HandOver, where no process could be started.
func (n *Successor) Abandon() {
	n.file.Close()
	n.link.close()
}

// HandOver gives the sockets and what is known of pools and releases to the
// successor, and returns when that serves: nil, and this Server accepts nothing
// more and has only to be retired. With an error, of ctx or because the successor has
// ended, it serves as before.
func (n *Successor) HandOver(ctx context.Context) error {
	s := n.s
	s.reloading.Lock()
	defer s.reloading.Unlock()
	n.file.Close()
	if s.stopping.Load() || s.successor != nil {
		n.link.close()
		return ErrSuccession
	}
	n.sendSockets()
	go n.listen()
	if err := n.await(ctx, n.prepared); err != nil {
		n.link.close()
		return fmt.Errorf("the new process did not get ready: %w", err)
	}
	s.waits.end()
	s.pauseAccepting()
	s.successor = n
	n.sendState()
	if err := n.await(ctx, n.serving); err != nil {
		n.link.close()
		s.takeBack()
		return fmt.Errorf("the new process did not take over: %w", err)
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
func (n *Successor) MakeMain() { n.link.send(message{Main: true}) }

// sendSockets sends all listeners.
func (n *Successor) sendSockets() {
	s := n.s
	for _, ln := range s.listeners {
		n.sendListener(ln.addr, "listen", ln.Listener)
	}
	for use, e := range map[string]*adminSocket{"control": s.control, "metrics": s.exporter} {
		if e != nil {
			n.sendListener(e.addr, use, e.ln)
		}
	}
	n.link.send(message{Sockets: &socketsMessage{s.inherited, os.Getpid()}})
}

func (n *Successor) sendListener(addr, use string, ln net.Listener) {
	n.link.sendSocket(message{Listener: &listenerMessage{addr, use}}, ln.(syscall.Conn), nil)
}

// sendState tells what is known, and that the successor may serve. Nothing is accepted
// meanwhile.
func (n *Successor) sendState() {
	s := n.s
	now := s.setup.Load()
	for _, st := range now.sites.all {
		for _, d := range st.releases.State() {
			n.link.send(message{Docroot: &docrootMessage{st.Name, d}})
		}
	}
	for _, p := range now.pools {
		p.handOver(func(r poolReport) { n.link.send(message{Pool: &r}) })
	}
	s.history.close()
	n.link.send(message{Begin: true})
}

// listen takes what the successor says until it ends.
func (n *Successor) listen() {
	defer n.end()
	for {
		m, f, err := n.link.receive()
		if f != nil {
			f.Close()
		}
		if err != nil {
			if !isEnd(err) && !errors.Is(err, net.ErrClosed) {
				n.s.log.Error().Err(err).Msg("link to the successor ended")
			}
			return
		}
		n.take(m)
	}
}

// end is for a successor that has gone. What waits here is served within the
// limits of the configuration then; nobody is left who could resume a pool.
func (n *Successor) end() {
	n.link.close()
	close(n.gone)
	if n.s.heir.Load() != n {
		return // HandOver takes everything back
	}
	n.s.log.Error().Int("pid", n.pid).Msg("the process that had taken over has ended: start realdocd again")
	for _, p := range n.s.setup.Load().pools {
		p.takeBack()
		p.resume()
	}
}

func (n *Successor) take(m message) {
	switch {
	case m.Prepared > 0:
		n.pid = m.Prepared
		close(n.prepared)
	case m.Serving:
		close(n.serving)
	case m.Grant != nil:
		if p := n.s.setup.Load().pools[m.Grant.Pool]; p != nil {
			p.granted(m.Grant.Granted)
		}
	case m.Ask != nil:
		go n.answer(*m.Ask)
	case m.Stop:
		n.stopOnce.Do(func() { close(n.stop) })
	}
}

// answer tells the successor who is left here.
func (n *Successor) answer(q askMessage) {
	a := answerMessage{ID: q.ID}
	if q.Site == "" {
		st := n.s.Status()
		a.Status = &st
	} else if d, err := n.s.occupied(q.Site, q.Docroot); err != nil {
		a.Error = err.Error()
	} else {
		a.Site = &d
	}
	n.link.send(message{Answer: &a})
}

// occupied are the docroots of a site with somebody inside, after a look at
// their links: whoever begins afterwards is in the live release. One that is
// unknown here has nobody inside.
func (s *Server) occupied(name, docroot string) (SiteDetail, error) {
	if docroot != "" {
		if _, _, err := s.site(name, docroot); err != nil {
			return SiteDetail{}, nil
		}
	}
	d, err := s.Site(name, docroot)
	if errors.Is(err, ErrNoSite) {
		err = nil
	}
	d.History = nil
	d.Docroots = slices.DeleteFunc(d.Docroots, func(ds DocrootStatus) bool {
		return !slices.ContainsFunc(ds.Releases, func(r ReleaseStatus) bool { return r.Running > 0 })
	})
	return d, err
}

// giveConn gives the successor a connection on which no request runs. It is
// closed here once it has been sent.
func (n *Successor) giveConn(c *webConn) {
	n.link.sendSocket(message{Conn: true}, c.web.fileConn, func(error) { c.s.closed(c) })
}

// pauseAccepting has new connections wait in the kernel.
func (s *Server) pauseAccepting() {
	for _, ln := range s.listeners {
		ln.Listener.(deadliner).SetDeadline(time.Unix(1, 0))
	}
	s.accepting.Wait()
}

type deadliner interface{ SetDeadline(time.Time) error }

// takeBack undoes what HandOver has done.
func (s *Server) takeBack() {
	s.successor = nil
	s.waits.begin()
	for _, p := range s.setup.Load().pools {
		p.takeBack()
	}
	for _, ln := range s.listeners {
		ln.Listener.(deadliner).SetDeadline(time.Time{})
		s.startAccepting(ln)
	}
}

// Retire lets everything that runs here end, with its successor at work, until
// ctx is done, and then cuts it off. Connections of web servers go to the
// successor as soon as no request runs on them. It returns a line for each request
// that it cut off.
func (s *Server) Retire(ctx context.Context) (cut []CutOff) {
	s.reloading.Lock()
	for _, ln := range s.listeners {
		leave(ln.Listener)
	}
	s.heir.Store(s.successor)
	s.giveConns(s.successor.giveConn)
	s.reloading.Unlock()
	defer s.end()
	s.endIdle(time.Unix(1, 0))
	for _, over := range []<-chan struct{}{s.control.retire(ctx), s.exporter.retire(ctx)} {
		<-over
	}
	cut = s.finish(ctx)
	s.predecessor.awaitEnd(ctx)
	s.successor.link.flush()
	return cut
}

// leave closes a listener that another process has too.
func leave(ln net.Listener) {
	unlinkOnClose(ln, false)
	ln.Close()
}

// unlinkOnClose says whether the file of a unix socket goes with the listener.
func unlinkOnClose(ln net.Listener, unlink bool) {
	if u, ok := ln.(*net.UnixListener); ok {
		u.SetUnlinkOnClose(unlink)
	}
}
