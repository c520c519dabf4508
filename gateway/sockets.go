package gateway

import (
	"fmt"
	"net"
	"slices"

	"realdocd/gateway/handover"
	"realdocd/gateway/sock"
)

// sockets are open: all that a Server has, or what a configuration has beyond
// those. They never change; a Reload makes others.
type sockets struct {
	inherited bool // the listeners came from outside: those of the configuration are not used
	listeners []listener

	control, exporter, page *adminSocket
}

// Listen opens the sockets of the configuration: those that web servers connect
// to, the control socket, and the one for metrics. With inherited ones, open
// already, those are used instead of Config.Listen. A unix socket that nobody
// listens on any more is replaced. The Server closes them all.
func (s *Server) Listen(inherited ...net.Listener) error {
	open := &sockets{inherited: len(inherited) > 0}
	for _, ln := range inherited {
		open.listeners = append(open.listeners, listener{sock.Addr(ln.Addr().String()), ln, new(crowd)})
	}
	return s.openAll(open)
}

// openAll opens what the configuration has beyond the sockets that are open.
func (s *Server) openAll(open *sockets) error {
	s.sockets.Store(open)
	if err := s.readKeys(&s.setup.Load().cfg); err != nil {
		return err
	}
	opened, err := s.openNew(&s.setup.Load().cfg)
	if err != nil {
		return err
	}
	opened.inherited, opened.listeners = open.inherited, append(open.listeners, opened.listeners...)
	s.sockets.Store(opened)
	return nil
}

// openNew opens the sockets that a configuration has beyond those that are open.
// They are not served yet.
func (s *Server) openNew(cfg *Config) (_ *sockets, err error) {
	n, open := &sockets{}, s.sockets.Load()
	defer func() {
		if err != nil {
			n.close()
		}
	}()
	if !open.inherited {
		for _, addr := range cfg.Listen {
			if slices.ContainsFunc(open.listeners, func(l listener) bool { return l.addr == addr }) {
				continue
			}
			ln, err := s.claimOrListen(addr, cfg.listenAccess())
			if err != nil {
				return nil, fmt.Errorf("listen on %s: %w", addr, err)
			}
			n.listeners = append(n.listeners, listener{addr, ln, new(crowd)})
		}
	}
	if !open.control.at(cfg.Control) {
		if n.control, err = openAdmin(cfg.Control, s.predecessor.claim(handover.UseControl, cfg.Control), cfg.controlAccess(), s.api); err != nil {
			return nil, fmt.Errorf("open the control socket %s: %w", cfg.Control, err)
		}
	}
	if !open.exporter.at(cfg.Metrics) {
		if n.exporter, err = openAdmin(cfg.Metrics, s.predecessor.claim(handover.UseMetrics, cfg.Metrics), access{}, hostChecked(cfg.Metrics, s.exporter())); err != nil {
			return nil, fmt.Errorf("serve metrics on %s: %w", cfg.Metrics, err)
		}
	}
	if at := cfg.ownPage(); !open.page.at(at) {
		if n.page, err = openAdmin(at, s.predecessor.claim(handover.UsePage, at), cfg.listenAccess(), s.pageHandler(at)); err != nil {
			return nil, fmt.Errorf("serve the page on %s: %w", at, err)
		}
	}
	return n, nil
}

// replace serves the sockets that a reload has opened, and closes those that
// its configuration has not. It returns all that are open then.
func (s *Server) replace(n *sockets, cfg *Config) *sockets {
	open := s.sockets.Load()
	var stay []listener
	for _, ln := range open.listeners {
		switch {
		case open.inherited:
		case !slices.Contains(cfg.Listen, ln.addr):
			ln.Close()
			continue
		case ln.addr.IsUnix():
			if err := cfg.listenAccess().set(string(ln.addr)); err != nil {
				s.log.Error().Err(err).Msg("cannot set who may connect")
			}
		}
		stay = append(stay, ln)
	}
	for _, ln := range n.listeners {
		s.startAccepting(ln)
	}
	if err := cfg.controlAccess().set(cfg.Control); err != nil {
		s.log.Error().Err(err).Msg("cannot set who may use the control socket")
	}
	return &sockets{
		inherited: open.inherited, listeners: append(stay, n.listeners...),
		control:  open.control.replacedBy(s, n.control, cfg.Control),
		exporter: open.exporter.replacedBy(s, n.exporter, cfg.Metrics),
		page:     open.page.replacedBy(s, n.page, cfg.ownPage()),
	}
}

func (n *sockets) close() {
	for _, ln := range n.listeners {
		ln.Close()
	}
	n.control.close()
	n.exporter.close()
	n.page.close()
}

// Addrs are the addresses that web servers connect to; inherited says that they
// are systemd's, and not those of the configuration.
func (s *Server) Addrs() (addrs []string, inherited bool) {
	open := s.sockets.Load()
	addrs = []string{} // never null in JSON
	for _, ln := range open.listeners {
		addrs = append(addrs, string(ln.addr))
	}
	return addrs, open.inherited
}

// claimOrListen gives the predecessor's socket, or opens one.
func (s *Server) claimOrListen(addr sock.Addr, who access) (net.Listener, error) {
	ln := s.predecessor.claim(handover.UseWeb, string(addr))
	if ln == nil {
		return listen(addr, who)
	}
	if addr.IsUnix() {
		if err := who.set(string(addr)); err != nil {
			ln.Close()
			return nil, err
		}
	}
	return ln, nil
}
