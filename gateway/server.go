package gateway

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"
)

// A Server is the daemon without its command line.
type Server struct {
	cfg   Config
	log   zerolog.Logger
	sites siteTable
	pools []*pool
	hang  *hangups

	mu        sync.Mutex
	listeners []net.Listener
	conns     map[*webConn]struct{}
	empty     chan struct{} // closed when stopping and conns is empty
	cutOff    []string      // requests that Shutdown cut off

	stopping atomic.Bool
	cut      atomic.Bool
	refused  limiter // of log events about clients that are not allowed
}

// New checks cfg and makes a Server that has not begun to listen. The error
// names everything that is wrong with cfg.
func New(cfg Config, log zerolog.Logger) (*Server, error) {
	if err := cfg.check(); err != nil {
		return nil, err
	}
	s := &Server{cfg: cfg, log: log, conns: map[*webConn]struct{}{}, empty: make(chan struct{})}
	byName := map[string]*pool{}
	for _, c := range cfg.Pools {
		p := newPool(c)
		s.pools = append(s.pools, p)
		byName[c.Name] = p
	}
	var sites []*site
	for _, c := range cfg.Sites {
		st := newSite(c, byName[c.Pool])
		if c.IncludePath != "" {
			st.pool.setsIncludePath.Store(true)
		}
		sites = append(sites, st)
	}
	s.sites = newSiteTable(sites)
	return s, nil
}

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

// Serve accepts connections until Shutdown, and returns nil then.
func (s *Server) Serve() error {
	var err error
	if s.hang, err = newHangups(); err != nil {
		return err
	}
	defer s.hang.stop()
	go s.hang.run()
	s.lookAtSites()
	s.mu.Lock()
	listeners := s.listeners
	s.mu.Unlock()
	if len(listeners) == 0 {
		return errors.New("serve: there is nothing to listen on")
	}
	errs := make(chan error, len(listeners))
	for _, ln := range listeners {
		go func() { errs <- s.accept(ln) }()
	}
	for range listeners {
		err = errors.Join(err, <-errs)
	}
	if s.stopping.Load() {
		<-s.empty
		return nil
	}
	return err
}

// lookAtSites resolves every docroot that is written out, so that the log
// tells of faults before the first visitor meets them and a docroot that is
// sent already resolved is known.
func (s *Server) lookAtSites() {
	for docroot, st := range s.sites.exact {
		go func() {
			v, err := st.releases.Enter(docroot, time.Now())
			if err != nil {
				s.log.Error().Err(err).Str("site", st.Name).Msg("docroot cannot be resolved")
				return
			}
			v.Leave()
			s.log.Info().Str("site", st.Name).Str("docroot", docroot).Str("release", v.Path).Msg("release is live")
		}()
	}
}

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

// open begins to serve a connection.
func (s *Server) open(conn net.Conn) {
	web, err := newSock(conn.(fileConn))
	if err != nil {
		conn.Close()
		return
	}
	c := &webConn{s: s, web: web}
	s.mu.Lock()
	s.conns[c] = struct{}{}
	s.mu.Unlock()
	if err := s.hang.watch(c); err != nil {
		s.log.Error().Err(err).Msg("connection closed")
		s.closed(c)
		return
	}
	go c.serve()
}

// closed ends a connection.
func (s *Server) closed(c *webConn) {
	s.hang.forget(c)
	c.web.close()
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.conns, c)
	s.signalEmpty()
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

// Shutdown stops accepting, lets requests that have begun end until ctx is
// done, and then cuts them off. It returns a line for each it cut off.
func (s *Server) Shutdown(ctx context.Context) (cut []string) {
	s.stopping.Store(true)
	s.mu.Lock()
	for _, ln := range s.listeners {
		ln.Close()
	}
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
		c.interruptFPM()
	}
	s.mu.Unlock()
	<-s.empty
	return s.cutOff
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

func (s *Server) noteCut(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.cutOff = append(s.cutOff, name)
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

func (c *Config) check() error {
	var errs []error
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	pools := map[string]bool{}
	for _, p := range c.Pools {
		if pools[p.Name] {
			bad("pool %q is there twice", p.Name)
		}
		pools[p.Name] = true
		if len(p.Servers) == 0 {
			bad("pool %q has no server", p.Name)
		}
		for _, addr := range p.Servers {
			if isUnix(addr) && len(addr) > maxUnixPath {
				bad("pool %q: server %s: the path of a unix socket has at most %d bytes", p.Name, addr, maxUnixPath)
			}
		}
	}
	docroots := map[string]string{}
	for _, st := range c.Sites {
		root := path.Clean(st.Docroot)
		if !path.IsAbs(root) {
			bad("site %q: docroot %q is not an absolute path", st.Name, st.Docroot)
		}
		if _, err := path.Match(root, ""); err != nil {
			bad("site %q: docroot %q: %w", st.Name, st.Docroot, err)
		}
		if other, ok := docroots[root]; ok {
			bad("site %q has the docroot of site %q", st.Name, other)
		}
		docroots[root] = st.Name
		if !pools[st.Pool] {
			bad("site %q: there is no pool %q", st.Name, st.Pool)
		}
	}
	for _, addr := range c.Listen {
		if !isUnix(addr) && len(c.AllowedClients) == 0 {
			bad("listen on %s: a TCP listener needs allowed_clients", addr)
		}
	}
	if c.ForwardUnmatched && len(c.Pools) != 1 {
		bad("forwarding unmatched requests needs exactly one pool, there are %d", len(c.Pools))
	}
	return errors.Join(errs...)
}
