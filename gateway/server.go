package gateway

import (
	"errors"
	"net"
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
			s.logLive(st, docroot, v)
		}()
	}
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
