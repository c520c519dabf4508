package gateway

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strings"
	"time"
)

// Listen opens the sockets of Config.Listen. A unix socket that nobody listens
// on any more is replaced.
func (s *Server) Listen() error {
	for _, addr := range s.cfg.Listen {
		ln, err := s.listen(addr)
		if err != nil {
			return fmt.Errorf("listen on %s: %w", addr, err)
		}
		s.Inherit(ln)
	}
	return nil
}

// Inherit adds a listener that is open already. The Server closes it.
func (s *Server) Inherit(ln net.Listener) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.listeners = append(s.listeners, ln)
}

func (s *Server) listen(addr string) (net.Listener, error) {
	if !isUnix(addr) {
		return net.Listen("tcp", addr)
	}
	if conn, err := net.Dial("unix", addr); err == nil {
		conn.Close()
		return nil, errors.New("another process listens there: stop it first")
	}
	if fi, err := os.Lstat(addr); err == nil {
		if fi.Mode()&os.ModeSocket == 0 {
			return nil, errors.New("the file there is not a socket: remove it or choose another path")
		}
		if err := os.Remove(addr); err != nil {
			return nil, err
		}
	}
	ln, err := net.Listen("unix", addr)
	if err != nil {
		return nil, err
	}
	if err := os.Chmod(addr, s.cfg.ListenMode); err != nil {
		ln.Close()
		return nil, err
	}
	return ln, nil
}

func isUnix(addr string) bool { return strings.HasPrefix(addr, "/") }

// accept takes connections from one listener.
func (s *Server) accept(ln net.Listener) error {
	for {
		conn, err := ln.Accept()
		switch {
		case s.stopping.Load():
			if err == nil {
				conn.Close()
			}
			return nil
		case err != nil:
			var ne net.Error
			if errors.As(err, &ne) && !errors.Is(err, net.ErrClosed) {
				s.log.Error().Err(err).Msg("cannot accept a connection: is LimitNOFILE large enough?")
				time.Sleep(50 * time.Millisecond)
				continue
			}
			return fmt.Errorf("accept on %s: %w", ln.Addr(), err)
		case !s.allowed(conn.RemoteAddr()):
			if s.refused.allow(time.Now()) {
				s.log.Warn().Str("client", conn.RemoteAddr().String()).
					Msg("connection refused: the address is not in allowed_clients")
			}
			conn.Close()
			continue
		}
		s.open(conn)
	}
}

func (s *Server) allowed(addr net.Addr) bool {
	tcp, ok := addr.(*net.TCPAddr)
	if !ok {
		return true
	}
	ip, _ := netip.AddrFromSlice(tcp.IP)
	for _, p := range s.cfg.AllowedClients {
		if p.Contains(ip.Unmap()) {
			return true
		}
	}
	return false
}
