package gateway

import (
	"errors"
	"net"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/rs/zerolog"

	"realdocd/gateway/control"
	"realdocd/gateway/fpm"
	"realdocd/gateway/sock"
)

// A Server is the daemon without its command line.
type Server struct {
	log     zerolog.Logger
	setup   atomic.Pointer[setup]
	hang    *sock.Watcher
	metrics *metrics
	history *history
	started time.Time

	life   life
	began  chan struct{} // closed when Serve has begun to serve
	empty  chan struct{} // closed when conns is empty in the phases finishing and cutting
	failed chan error    // what ended an accept loop

	// Whoever has begun the present phase may change the following, as "Life"
	// in the package documentation has it.
	sockets     atomic.Pointer[sockets]  // never nil
	accepting   sync.WaitGroup           // accept loops
	adopted     []net.Conn               // to be served when Serve begins
	probe       string                   // a PHP file that tells FPM's version; "" until a pool needs it
	store       func(syscall.Conn) error // takes idle connections at Shutdown
	successor   *Successor               // that is told what is known here, from the phase yielding on
	predecessor *Predecessor             // nil for the first of its line

	api      *control.Handler // answers what operators ask
	refused  limiter          // of log events about clients that are not allowed
	noStatus limiter          // of log events about an FPM that does not tell its status
	refusals refusals

	mu       sync.Mutex // guards the following
	conns    map[*webConn]struct{}
	commands map[*command]struct{} // of realdocd exec
	cutOff   []CutOff              // requests that Shutdown cut off
}

// New makes a Server that has not begun to listen.
func New(cfg Config, log zerolog.Logger) *Server {
	s := &Server{
		log: log, metrics: newMetrics(), history: newHistory(cfg.StateDir, log), started: time.Now(),
		commands: map[*command]struct{}{}, conns: map[*webConn]struct{}{},
		began: make(chan struct{}), empty: make(chan struct{}), failed: make(chan error, 1),
	}
	s.api = control.NewHandler(s, s.metrics.handler())
	s.sockets.Store(&sockets{})
	s.metrics.watch(s)
	s.setup.Store(newSetup(cfg, nil, s))
	return s
}

// Serve accepts connections until Shutdown or Retire, and returns nil once the
// last request has ended. It returns nil at once if Shutdown was called before.
func (s *Server) Serve() error {
	if err := s.life.become(starting); err != nil {
		if s.life.now().leaves() {
			return nil
		}
		return err
	}
	if err := s.start(); err != nil {
		s.life.must(opening)
		return err
	}
	defer s.hang.Stop()
	s.life.must(serving)
	close(s.began)
	select {
	case err := <-s.failed:
		return err
	case <-s.empty:
		return nil
	}
}

// Serving is closed when Serve has begun to serve: from then on Reload and HandOver
// may be called.
func (s *Server) Serving() <-chan struct{} { return s.began }

// start starts what serves.
func (s *Server) start() (err error) {
	open := s.sockets.Load()
	if len(open.listeners) == 0 {
		return errors.New("there is nothing to listen on")
	}
	if s.hang, err = sock.NewWatcher(); err != nil {
		return err
	}
	go s.hang.Run()
	s.begin(s.setup.Load(), nil)
	for _, ln := range open.listeners {
		s.startAccepting(ln)
	}
	for _, conn := range s.adopted {
		s.welcome(conn)
	}
	open.control.serve()
	open.exporter.serve()
	s.predecessor.serve()
	return nil
}

// begin starts what a setup has and the one before it had not. Docroots that
// are written out are resolved, so that the log tells of faults before the first
// visitor meets them and a docroot that is sent already resolved is known.
func (s *Server) begin(now, before *setup) {
	for _, p := range now.pools {
		if s.probe == "" && (p.Config().Reuse || now.cfg.Control != "") {
			s.layProbe(now.cfg.Control)
		}
		p.Start(s.probe)
	}
	go s.watchLinks(now)
	if now.looksForSlow() {
		go s.watchSlow(now)
	}
	for docroot, st := range now.sites.exact {
		if before != nil && before.sites.exact[docroot] != nil {
			continue
		}
		go func() {
			if err := s.look(st, docroot); err != nil {
				s.log.Error().Err(err).Str("site", st.Name).Msg("docroot cannot be resolved")
			}
		}()
	}
}

// layProbe writes the probe beside the control socket, or else into a directory
// that other users can read too.
func (s *Server) layProbe(control string) {
	dir := controlDir(control)
	var err error
	if dir == "" {
		if dir, err = os.MkdirTemp("", "realdocd-"); err == nil {
			err = os.Chmod(dir, 0o755)
		}
	}
	if err == nil {
		s.probe, err = fpm.WriteProbe(dir)
	}
	if err != nil {
		s.log.Warn().Err(err).Msg("connections to FPM are not kept: the PHP file that tells its version cannot be written")
	}
}

// removeProbe removes the probe if it has a directory to itself.
func (s *Server) removeProbe() {
	if s.probe != "" && controlDir(s.setup.Load().cfg.Control) == "" {
		os.RemoveAll(filepath.Dir(s.probe))
	}
}

// open begins to serve a connection.
func (s *Server) open(conn net.Conn) { s.openPinned(conn, "") }

// openPinned is open for requests that run on one release; "" is the live one.
func (s *Server) openPinned(conn net.Conn, release string) {
	web, err := sock.New(conn.(sock.FileConn))
	if err != nil {
		conn.Close()
		return
	}
	c := &webConn{s: s, web: web, pin: release}
	if !s.add(c) {
		web.End()
		return
	}
	if err := s.hang.Watch(web, c); err != nil {
		s.log.Error().Err(err).Msg("connection closed")
		s.closed(c)
		return
	}
	if s.life.now().leaves() && release == "" {
		c.endIdle(s.idleUntil()) // it came too late for endIdle of all
	}
	go c.serve()
}

// add counts a connection; false if the last one has ended already.
func (s *Server) add(c *webConn) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	select {
	case <-s.empty:
		return false
	default:
	}
	s.conns[c] = struct{}{}
	return true
}

// closed ends a connection.
func (s *Server) closed(c *webConn) {
	s.hang.Forget(c.web)
	c.web.End()
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.conns, c)
	s.signalEmptyLocked()
}

// Status is the daemon now, with a predecessor that finishes its requests and is
// asked about them, for at most askTimeout.
func (s *Server) Status() control.Status {
	st := s.OwnStatus()
	s.predecessor.addTo(&st)
	return st
}

// OwnStatus is Status without asking anybody. Its pools are whole: the places of a
// predecessor are counted here.
func (s *Server) OwnStatus() control.Status {
	now := s.setup.Load()
	s.mu.Lock()
	conns := len(s.conns)
	s.mu.Unlock()
	st := control.Status{PID: os.Getpid(), Started: s.started, Connections: conns, Pools: []control.PoolStatus{}, Sites: []control.SiteStatus{}}
	for _, c := range now.cfg.Pools {
		st.Pools = append(st.Pools, poolStatus(now.pools[c.Name]))
	}
	for _, site := range now.sites.all {
		st.Sites = append(st.Sites, site.status())
	}
	return st
}
