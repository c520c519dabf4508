package gateway

import (
	"fmt"
	"net"
	"os"
	"slices"

	"realdocd/deploy"
	"realdocd/gateway/handover"
	"realdocd/gateway/sock"
)

// Succeed takes over from the predecessor: its sockets, as far as the
// configuration has them, and what it knows. It is called instead of Listen, and
// returns when Serve may be called. If it fails the predecessor serves on.
func (s *Server) Succeed(p *Predecessor) (err error) {
	defer func() {
		if err != nil {
			p.abandon()
		}
	}()
	s.predecessor = p
	if err := s.openAll(p.socketsOfSystemd()); err != nil {
		return err
	}
	p.peer.Send(handover.Message{Prepared: os.Getpid()})
	for {
		m, f, err := p.peer.Receive()
		if f != nil {
			f.Close()
		}
		switch {
		case err != nil:
			return fmt.Errorf("take over from the process before: %w", noEOF(err))
		case m.Docroot != nil:
			s.restore(m.Docroot.Site, m.Docroot.State)
		case m.Site != nil:
			s.restoreMaintenance(m.Site.Name, m.Site.Maintenance)
		case m.Standings != nil:
			s.restoreStandings(m.Standings)
		case m.Trial != nil:
			p.trials = append(p.trials, *m.Trial)
		case m.Pool != nil:
			p.letIn(s, *m.Pool)
		case m.Begin:
			p.s = s
			s.takeTrials(p.trials)
			return nil
		}
	}
}

// socketsOfSystemd claims the listeners that systemd has passed, to whichever process
// of the line.
func (p *Predecessor) socketsOfSystemd() *sockets {
	passed := &sockets{}
	if !p.inherited {
		return passed
	}
	for _, ln := range slices.Clone(p.listeners) {
		if ln.use == handover.UseWeb {
			passed.inherited = true
			passed.listeners = append(passed.listeners, listener{sock.Addr(ln.addr), p.claim(ln.use, ln.addr), new(crowd)})
		}
	}
	return passed
}

// restore keeps what is known of a docroot, if the site still has it.
func (s *Server) restore(site string, state deploy.DocrootState) {
	now := s.setup.Load()
	if st := now.sites.find(state.Path); st != nil && (st.Name == site || st.HistoryOf() == site) {
		st.releases.Restore(state)
	}
}

// receiveSockets waits for all listeners of the predecessor.
func (p *Predecessor) receiveSockets() error {
	for {
		m, f, err := p.peer.Receive()
		if err != nil {
			return noEOF(err)
		}
		switch {
		case m.Listener != nil && f != nil:
			ln, err := net.FileListener(f)
			f.Close()
			if err != nil {
				return fmt.Errorf("%s: %w", m.Listener.Addr, err)
			}
			p.listeners = append(p.listeners, inheritedListener{m.Listener.Use, m.Listener.Addr, ln})
		case m.Sockets != nil:
			p.inherited, p.pid = m.Sockets.Inherited, m.Sockets.PID
			return nil
		}
	}
}

type inheritedListener struct {
	use  handover.Use
	addr string
	net.Listener
}

// claim gives the listener for a use and an address, once; nil if there is none.
func (p *Predecessor) claim(use handover.Use, addr string) net.Listener {
	if p == nil {
		return nil
	}
	i := slices.IndexFunc(p.listeners, func(ln inheritedListener) bool { return ln.use == use && ln.addr == addr })
	if i < 0 {
		return nil
	}
	ln := p.listeners[i].Listener
	p.listeners = slices.Delete(p.listeners, i, i+1)
	if !p.inherited || use != handover.UseWeb {
		p.claimed = append(p.claimed, ln)
	}
	return ln
}

// abandon gives everything back: the predecessor serves on.
func (p *Predecessor) abandon() {
	for _, ln := range p.listeners {
		ln.Close()
	}
	p.peer.Close()
}

// serve says that this process serves, and closes the listeners that the
// configuration does not have any more.
func (p *Predecessor) serve() {
	if p == nil {
		return
	}
	for _, ln := range p.claimed {
		unlinkOnClose(ln, true)
	}
	for _, ln := range p.listeners {
		unlinkOnClose(ln.Listener, true)
		ln.Close()
	}
	p.claimed, p.listeners = nil, nil
	p.peer.Send(handover.Message{Serving: true})
	go p.listen()
}
