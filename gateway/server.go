package gateway

import (
	"context"
	"errors"
	"net"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/rs/zerolog"

	"realdocd/gateway/control"
	"realdocd/gateway/fpm"
	"realdocd/gateway/pin"
	"realdocd/gateway/sample"
	"realdocd/gateway/sock"
	"realdocd/gateway/webpage"
)

// A Server is the daemon without its command line.
type Server struct {
	log     zerolog.Logger
	setup   atomic.Pointer[setup]
	hang    *sock.Watcher
	memory  *budget // of all requests
	total   fpm.Total
	turns   *fpm.Turns
	floods  *floods
	metrics *metrics
	sampler *sample.Sampler // asks FPM while somebody looks
	page    *webpage.Page   // shows it
	reloads reloads
	tracer  tracer
	build   atomic.Pointer[buildOf]
	history *history
	fleet   *fleetSeat
	keys    atomic.Pointer[pin.Keys] // of pins; nil until something needs them
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
	reread      func(context.Context) error

	api      *control.Handler // answers what operators ask
	refused  limiter          // of log events about clients that are not allowed
	short    limiter          // of log events about descriptors that have run short
	crowded  limiter          // of log events about connections that were one too many
	tooMany  limiter          // the same, of web servers
	noStatus limiter          // of log events about an FPM that does not tell its status
	roles    limiter          // of log events about web servers that ask for another role
	unpinned limiter          // of log events about requests that are forwarded as they came
	refusals refusals

	spool   spool        // the room for bodies that are too large for memory
	foreign atomic.Int64 // when a client that does not speak FastCGI was logged last, since epoch
	drains  atomic.Int32 // of releases and pools, that wait
	deploys atomic.Int32 // of commands, that are under way

	awake atomic.Int64 // connections that a goroutine serves

	answerFor time.Duration // ownAnswerTimeout

	mu    sync.Mutex // guards the following
	conns map[*webConn]struct{}
	// abandoned are the requests that nobody waits for and whose scripts may run.
	abandoned map[*abandoned]struct{}
	commands  map[*command]struct{} // of realdocd exec
	cutOff    []CutOff              // requests that Shutdown cut off
}

// New makes a Server that has not begun to listen.
func New(cfg Config, log zerolog.Logger) *Server {
	s := &Server{
		log: log, memory: newBudget(), metrics: newMetrics(), history: newHistory(cfg.StateDir, log), started: time.Now(),
		commands: map[*command]struct{}{}, conns: map[*webConn]struct{}{}, abandoned: map[*abandoned]struct{}{},
		began: make(chan struct{}), empty: make(chan struct{}), failed: make(chan error, 1),
		answerFor: ownAnswerTimeout, turns: fpm.NewTurns(),
	}
	s.floods = newFloods(log, s.metrics)
	s.sampler = sample.New(s.sampled)
	s.page = webpage.New(pageSource{s}, cfg.Page != "")
	s.api = control.NewHandler(s, s.metricsHandler(), s.page.Handler())
	s.sockets.Store(&sockets{})
	var err error
	if s.fleet, err = newFleetSeat(&cfg); err != nil {
		log.Error().Err(err).Msg("what was told of the fleet is not believed: where the sites stand is not known until the agent tells")
	}
	s.fleet.adopt(newSetup(cfg, nil, s), &s.setup)
	s.forgetStandings()
	s.reloads.took(&cfg)
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
	s.tellStandings()
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
	go s.watchStalls()
	s.fleet.begins(&s.setup)
	s.begin(s.setup.Load(), nil)
	for _, ln := range open.listeners {
		s.startAccepting(ln)
	}
	for _, conn := range s.adopted {
		s.welcome(conn, listener{})
	}
	open.control.serve(s)
	open.exporter.serve(s)
	open.page.serve(s)
	go s.page.Run()
	s.predecessor.serve()
	return nil
}

// begin starts what a setup has and the one before it had not. Docroots that
// are written out are resolved, so that the log tells of faults before the first
// visitor meets them and a docroot that is sent already resolved is known.
func (s *Server) begin(now, before *setup) {
	s.traceTo(&now.cfg.Trace)
	for _, p := range now.pools {
		if s.probe == "" && (p.Config().Asks() || p.Config().IncludePath == "" || now.cfg.Control != "" || now.cfg.ProbeDir != "") {
			s.layProbe(&now.cfg)
		}
		p.Start(s.probe)
	}
	go s.watchLinks(now)
	if now.looksForSlow() {
		go s.watchSlow(now)
	}
	for _, st := range now.sites.globs {
		if st.pool == nil {
			go s.tellMissingPools(now, st)
		}
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
