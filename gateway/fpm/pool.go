package fpm

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"

	"realdocd/gateway/sock"
)

// A Pool shares places in FPM among the requests of its sites. The pool keeps its name
// through reloads of the configuration; everything else of it may change under running
// requests.
type Pool struct {
	Name string

	// SetsIncludePath says that something on the pool sends include_path, so that
	// every request must: FPM leaves it set in the worker for the next one.
	SetsIncludePath atomic.Bool

	// AskFPM asks FPM what it is, and KeepFor is how often connections that were not
	// needed are closed. New sets them; tests have others, before Start.
	AskFPM  func(ctx context.Context, addr sock.Addr, probe string, q Question) (Answer, error)
	KeepFor time.Duration

	// Spare is called when descriptors or memory have run short, and closes what nobody
	// needs; nil is nothing. It is set before the pool is used.
	Spare func()

	// Total bounds all pools together; nil is no bound. It is set before the pool is used.
	Total *Total

	// Turns bounds how many pools ask FPM what it is at once; nil is no bound. It is set
	// before Start.
	Turns *Turns

	part   part // of the Total
	log    zerolog.Logger
	config atomic.Pointer[Config]

	own     own
	carried carried
	looked  looked

	mu        sync.Mutex // guards the following, and what the listeners say that it guards
	listeners []*listener
	next      int    // of listeners: at which the choice among equals begins
	running   int    // requests that have a place
	abandoned int    // of them, those that nobody waits for
	probe     string // the path of a copy of probe.php
	queue     queue
	ahead     []*waiter // that go before the queue, the oldest first
	held      int       // who hold the queue for a moment; see hold.go
	pause     pause
	drained   chan struct{} // closed when nothing runs; nil while nobody waits for that
	lease     *lease        // set once a successor shares the places out
	older     *older        // an older daemon, while it runs beside this one
	requests  uint64        // that have had a place
	refused   uint64        // that were refused one
}

// New makes a pool. log gets what becomes of its listeners.
func New(c Config, log zerolog.Logger) *Pool {
	p := &Pool{Name: c.Name, AskFPM: Ask, KeepFor: keepFor, log: log.With().Str("pool", c.Name).Logger()}
	p.Configure(c)
	return p
}

// Start asks the listeners what FPM they are, if connections are to be kept or FPM has to
// say how many requests it can run. probe is a
// file that [WriteProbe] has written; "" if there is none.
func (p *Pool) Start(probe string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.probe = probe
	if !p.Config().Asks() {
		return
	}
	for _, l := range p.listeners {
		l.learnLocked()
	}
}

// Config is the pool's configuration now. It is not to be changed.
func (p *Pool) Config() *Config { return p.config.Load() }

// Configure takes another configuration. Listeners that stay keep what is known of them;
// requests in those that go run to their end.
func (p *Pool) Configure(c Config) {
	p.mu.Lock()
	p.config.Store(&c)
	known := map[sock.Addr]*listener{}
	for _, l := range p.listeners {
		known[l.addr] = l
	}
	var listeners []*listener
	for _, addr := range c.Servers {
		l := known[addr]
		if l == nil {
			l = newListener(p, addr)
		}
		delete(known, addr)
		listeners = append(listeners, l)
	}
	p.listeners, p.next = listeners, 0
	var idle []*sock.Conn
	for _, l := range known {
		l.gone = true
		l.cancel()
		idle = append(idle, l.takeAllKeptLocked()...)
	}
	for _, l := range listeners {
		if !c.Reuse {
			idle = append(idle, l.takeAllKeptLocked()...)
			l.mayNotKeepLocked(errLearning)
		}
	}
	p.giveLocked()
	p.mu.Unlock()
	endAll(idle)
}

// Discard ends a pool that the configuration no longer has: what runs or waits in it is
// served, nothing is kept, and nothing is tried again.
func (p *Pool) Discard() {
	c := *p.Config()
	c.Reuse = false
	p.Configure(c)
	p.mu.Lock()
	for _, l := range p.listeners {
		l.cancel()
	}
	p.mu.Unlock()
	p.Resume()
}

// hasRoomLocked says whether a place is free, and given to whoever asks.
func (p *Pool) hasRoomLocked() bool {
	return p.hasPlaceLocked() && (p.lease != nil || !p.pause.holds() && p.held == 0)
}

// hasPlaceLocked says whether a place is free, in a pool that is paused too.
func (p *Pool) hasPlaceLocked() bool {
	if p.lease != nil {
		return p.running < p.lease.held()
	}
	limit := p.limitLocked()
	return limit == 0 || p.running < limit
}

// giveLocked gives free places to those who wait.
func (p *Pool) giveLocked() {
	defer p.Total.unusedLocked(p)
	for len(p.ahead) > 0 && p.hasPlaceLocked() {
		if !p.Total.takeLocked(p) {
			return
		}
		w := p.ahead[0]
		p.dropLocked(w)
		p.admitLocked(w.place)
		w.done <- nil
	}
	for p.hasRoomLocked() {
		older := p.older.wants() > 0
		w := p.queue.next()
		if !older && w == nil || !p.Total.takeLocked(p) {
			return
		}
		if older {
			p.giveOlderLocked()
			continue
		}
		p.queue.take(w)
		p.admitLocked(w.place)
		w.done <- nil
	}
}

// dropLocked takes a waiter out of where it waits.
func (p *Pool) dropLocked(w *waiter) {
	if at := slices.Index(p.ahead, w); at >= 0 {
		p.ahead = slices.Delete(p.ahead, at, at+1)
		return
	}
	p.queue.take(w)
}

// waitingLocked is how many requests wait for a place.
func (p *Pool) waitingLocked() int { return p.queue.len + len(p.ahead) + p.older.wants() }

// changedLocked is called when places have become free or wanted: it gives them to those
// who wait, and tells whoever wants to know.
func (p *Pool) changedLocked() {
	p.giveLocked()
	p.reportLocked()
	if p.running == 0 && p.drained != nil {
		close(p.drained)
		p.drained = nil
	}
}

// takeAllKeptLocked takes the kept connections of all listeners.
func (p *Pool) takeAllKeptLocked() (idle []*sock.Conn) {
	for _, l := range p.listeners {
		idle = append(idle, l.takeAllKeptLocked()...)
	}
	return idle
}

// A Status is a pool at one moment.
type Status struct {
	Paused               bool
	Running, Waiting     int
	Abandoned            int           // of Running, those that nobody waits for any more
	LongestWait          time.Duration // of the request that waits for longest
	Requests, Refused    uint64        // that have had a place, or were refused one, since the start
	MaxConns, QueueLimit int           // MaxConns is 0 while there sets no bound
	Listeners            []ListenerStatus
}

// Status is the pool now. An older daemon's requests are counted in.
func (p *Pool) Status() Status {
	c := p.Config()
	p.mu.Lock()
	defer p.mu.Unlock()
	st := Status{
		Paused: p.pause.holds(), Running: p.running, Abandoned: p.abandoned, Waiting: p.waitingLocked(),
		Requests: p.requests, Refused: p.refused, MaxConns: p.limitLocked(), QueueLimit: c.Queue,
	}
	if since := p.queue.longest(); !since.IsZero() {
		st.LongestWait = time.Since(since)
	}
	for _, l := range p.listeners {
		st.Listeners = append(st.Listeners, l.statusLocked(c))
	}
	return st
}
