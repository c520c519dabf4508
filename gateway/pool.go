package gateway

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"

	"realdocd/gateway/control"
)

// A pool shares places in FPM among the requests of its sites. A request has a
// place from enter to leave, and the place is in one of the pool's servers. The
// pool keeps its name through reloads of the configuration; everything else of it
// may change under running requests.
type pool struct {
	name            string
	log             zerolog.Logger
	config          atomic.Pointer[PoolConfig]
	setsIncludePath atomic.Bool // something on the pool sends include_path
	keepFor         time.Duration
	noStatus        limiter // of log events
	askFPM          func(ctx context.Context, addr, probe string) (fpmFacts, error)

	mu       sync.Mutex
	servers  []*server
	next     int    // of servers, where the choice among equals begins
	running  int    // requests that have a place
	probe    string // a PHP file that tells FPM's version
	queue    queue
	paused   bool
	drained  chan struct{} // closed when nothing runs; nil where nobody waits for that
	lease    *lease        // once a successor shares the places out
	tenant   *tenant       // an older daemon, while it runs beside this one
	requests uint64        // that have had a place
	refused  uint64        // that were refused one
}

func newPool(c PoolConfig, log zerolog.Logger) *pool {
	p := &pool{name: c.Name, askFPM: askFacts, keepFor: keepFor, log: log.With().Str("pool", c.Name).Logger()}
	p.configure(c)
	return p
}

// start asks the servers what they are, where connections are to be kept.
// probe is the PHP file that tells FPM's version.
func (p *pool) start(probe string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.probe = probe
	if !p.cfg().Reuse {
		return
	}
	for _, s := range p.servers {
		s.learn()
	}
}

// cfg is the pool's configuration now.
func (p *pool) cfg() *PoolConfig { return p.config.Load() }

// configure takes another configuration. Servers that stay keep what is known
// of them; requests in those that go run to their end.
func (p *pool) configure(c PoolConfig) {
	p.mu.Lock()
	p.config.Store(&c)
	known := map[string]*server{}
	for _, s := range p.servers {
		known[s.addr] = s
	}
	var servers []*server
	for _, addr := range c.Servers {
		s := known[addr]
		if s == nil {
			s = newServer(p, addr)
		}
		delete(known, addr)
		servers = append(servers, s)
	}
	p.servers, p.next = servers, 0
	var idle []*sock
	for _, s := range known {
		s.gone = true
		s.cancel()
		idle = append(idle, s.takeAllKept()...)
	}
	for _, s := range servers {
		if !c.Reuse {
			idle = append(idle, s.takeAllKept()...)
			s.keeps.Store(false)
			s.why = errLearning
		}
	}
	p.grant()
	p.mu.Unlock()
	closeAll(idle)
}

// retire ends a pool that the configuration no longer has: what runs or waits
// in it is served, nothing is kept, and nothing is tried again.
func (p *pool) retire() {
	c := *p.cfg()
	c.Reuse = false
	p.configure(c)
	p.mu.Lock()
	for _, s := range p.servers {
		s.cancel()
	}
	p.mu.Unlock()
	p.resume()
}

// errQueueFull and errQueueTimeout are why a request got no place.
var (
	errQueueFull    = errors.New("the queue is full")
	errQueueTimeout = errors.New("no place in time")
)

// enter gives the request a place, and waits in the queue for one where all are
// taken.
func (p *pool) enter(rq *request) error {
	p.mu.Lock()
	if p.hasRoom() {
		p.admit(rq)
		p.mu.Unlock()
		return nil
	}
	w, pushedOut := p.enqueue(rq)
	p.settle()
	p.mu.Unlock()
	if pushedOut != nil {
		pushedOut.done <- errQueueFull
	}
	if w == nil {
		return p.refusal(errQueueFull)
	}
	return p.await(w)
}

func (p *pool) hasRoom() bool {
	if p.lease != nil {
		return p.running < p.lease.held()
	}
	limit := p.cfg().MaxConns
	return !p.paused && (limit == 0 || p.running < limit)
}

// admit gives the request a place in the least busy server. The mutex is held.
func (p *pool) admit(rq *request) {
	p.running++
	p.requests++
	rq.placed = true
	if p.cfg().MaxConns > 0 {
		rq.line = p.queue.line(rq.lineKey())
		p.queue.count(rq.line, 1)
	}
	p.assign(rq, nil)
}

// enqueue puts the request into the queue; w is nil when there is no room for
// it. pushedOut had to go for it. The mutex is held.
func (p *pool) enqueue(rq *request) (w, pushedOut *waiter) {
	l := p.queue.line(rq.lineKey())
	if limit := p.cfg().Queue; p.queue.len >= limit {
		if limit > 0 {
			pushedOut = p.queue.newestOfLongest(l)
		}
		p.refused++
		if pushedOut == nil {
			p.queue.forget(l)
			return nil, nil
		}
		p.queue.take(pushedOut)
	}
	w = &waiter{pool: p, line: l, rq: rq, since: time.Now(), done: make(chan error, 1)}
	p.queue.push(w)
	return w, pushedOut
}

// await waits for the waiter's turn, for at most queue_timeout and no longer
// than its visitor.
func (p *pool) await(w *waiter) error {
	rq := w.rq
	rq.queued = w.since
	defer func() { rq.dequeued = time.Now() }()
	rq.waitFor(w)
	defer rq.waitNoMore()
	if rq.conn.ended() != nil {
		w.interrupt()
	}
	timer := time.NewTimer(p.cfg().QueueTimeout)
	defer timer.Stop()
	var err error
	select {
	case err = <-w.done:
	case <-timer.C:
		w.withdraw(errQueueTimeout)
		err = <-w.done
	}
	if ended := rq.conn.ended(); ended != nil {
		return ended
	}
	if err != nil {
		return p.refusal(err)
	}
	return nil
}

// withdraw takes the waiter out of the queue, unless its turn has come.
func (w *waiter) withdraw(err error) {
	p := w.pool
	p.mu.Lock()
	waits := w.in != nil
	if waits {
		p.queue.take(w)
		if err != errClientGone {
			p.refused++
		}
		p.settle()
	}
	p.mu.Unlock()
	if waits {
		w.done <- err
	}
}

// interrupt ends the wait. It may be called by any goroutine.
func (w *waiter) interrupt() { w.withdraw(errClientGone) }

// refusal says to the operator why there was no place.
func (p *pool) refusal(why error) error {
	c := p.cfg()
	p.mu.Lock()
	running, waiting, paused := p.running, p.queue.len, p.paused
	p.mu.Unlock()
	state := fmt.Sprintf("pool %s: %d requests run, of at most %d", p.name, running, c.MaxConns)
	if paused {
		state = fmt.Sprintf("pool %s is paused: realdocd resume %s", p.name, p.name)
	}
	if why == errQueueFull {
		return refuse(causeQueueFull, "%w: %s, and %d wait, of at most %d (queue)", why, state, waiting, c.Queue)
	}
	return refuse(causeQueueTimeout, "%w: waited for queue_timeout (%s); %s", why, c.QueueTimeout, state)
}

// leave gives the request's place back, and hands it to whose turn it is. fpm
// is its connection where that may be kept, else nil; enter and leave keep the
// two in step, so that the next request finds it.
func (p *pool) leave(rq *request, fpm *sock) {
	p.mu.Lock()
	p.freed(1)
	rq.server.running--
	if rq.line != nil {
		p.queue.count(rq.line, -1)
	}
	kept := fpm != nil && rq.server.keep(fpm)
	p.regrant()
	p.mu.Unlock()
	rq.line, rq.placed = nil, false
	if fpm != nil && !kept {
		fpm.close()
	}
}

// grant gives free places to those who wait. The mutex is held.
func (p *pool) grant() {
	for p.hasRoom() {
		if p.tenant != nil && p.grantTenant() {
			continue
		}
		if p.queue.len == 0 {
			return
		}
		w := p.queue.next()
		p.queue.take(w)
		p.admit(w.rq)
		w.done <- nil
	}
}

// pause has new requests wait, and closes the connections that are kept.
func (p *pool) pause() {
	p.mu.Lock()
	p.paused = true
	idle := p.takeAllKept()
	p.mu.Unlock()
	closeAll(idle)
}

func (p *pool) isPaused() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.paused
}

// takeAllKept takes the kept connections of all servers. The mutex is held.
func (p *pool) takeAllKept() (idle []*sock) {
	for _, s := range p.servers {
		idle = append(idle, s.takeAllKept()...)
	}
	return idle
}

// drain waits until no request has a place.
func (p *pool) drain(ctx context.Context) error {
	p.mu.Lock()
	if p.running == 0 {
		p.mu.Unlock()
		return nil
	}
	if p.drained == nil {
		p.drained = make(chan struct{})
	}
	drained := p.drained
	p.mu.Unlock()
	select {
	case <-drained:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// resume lets requests in again.
func (p *pool) resume() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.paused = false
	p.regrant()
}

// status is the pool now.
func (p *pool) status() control.PoolStatus {
	c := p.cfg()
	p.mu.Lock()
	defer p.mu.Unlock()
	st := control.PoolStatus{
		Name: p.name, Paused: p.paused, Running: p.running, MaxConns: c.MaxConns,
		Waiting: p.queue.len + p.tenant.wants(), Queue: c.Queue, Requests: p.requests, Refused: p.refused,
	}
	if since := p.queue.longest(); !since.IsZero() {
		st.LongestWait = time.Since(since).Seconds()
	}
	for _, s := range p.servers {
		st.Servers = append(st.Servers, s.status(c))
	}
	return st
}
