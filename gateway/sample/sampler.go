package sample

import (
	"context"
	"slices"
	"sync"
	"time"

	"realdocd/gateway/fpm"
	"realdocd/gateway/sock"
)

const (
	lookEvery    = 2 * time.Second  // how old what Look gives may be before FPM is asked again
	watchEvery   = time.Second      // the same while somebody watches
	opcacheEvery = 15 * time.Second // the same for the opcache
	askTimeout   = 2 * time.Second  // for one answer of FPM
	patience     = 25 * time.Millisecond
	// maxDirs bounds the releases that an opcache is asked about: PHP compares each of its
	// scripts with each of them.
	maxDirs = 50
)

// A Target is a pool whose FPM is asked.
type Target struct {
	Pool *fpm.Pool
	// Dirs gives the releases that may be in opcache, the most important first.
	Dirs func() []string
}

// A Pool is what the FPM of one pool has said.
type Pool struct {
	// Status is what its status said last; nil if it has no status, or never answered.
	Status *Status
	// Err is why the newest question was not answered; nil if it was.
	Err error
	// Opcaches are those of its listeners, as far as they have told, by their addresses.
	Opcaches map[sock.Addr]*Opcache
}

// A Status is one answer of FPM's status page.
type Status struct {
	fpm.Page
	Workers []fpm.Worker
	At      time.Time
}

// A Sampler asks FPM while somebody looks. Several goroutines may use it.
type Sampler struct {
	targets func() []Target
	now     func() time.Time

	mu       sync.Mutex // guards the following
	known    map[string]*known
	changed  chan struct{} // closed with the next answer
	watchers int
	stop     chan struct{} // ends run; nil while nobody watches
	ended    bool
}

// known is what is known of a target.
type known struct {
	pool    Pool
	status  asked
	opcache map[sock.Addr]*asked
}

// asked is one thing that FPM is asked for.
type asked struct {
	begun time.Time
	done  chan struct{} // closed with the answer; nil while it is not asked for
	// requests are how many the pool had had then.
	requests uint64
}

// isDue says whether it is to be asked for.
func (a *asked) isDue(now time.Time, every time.Duration) bool {
	return a.done == nil && now.Sub(a.begun) >= every
}

// New makes a Sampler of the targets that there are whenever it asks. They have different names.
func New(targets func() []Target) *Sampler {
	return &Sampler{targets: targets, now: time.Now, known: map[string]*known{}, changed: make(chan struct{})}
}

// Look gives what is known of each pool, by its name, after a moment in which FPM may say
// what is new. The pools are not to be changed.
func (s *Sampler) Look() map[string]Pool {
	wait := time.After(patience)
	for _, done := range s.ask(lookEvery) {
		select {
		case <-done:
		case <-wait:
			return s.Known()
		}
	}
	return s.Known()
}

// Known is what is known now, without a question.
func (s *Sampler) Known() map[string]Pool {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := map[string]Pool{}
	for name, k := range s.known {
		p := k.pool
		p.Opcaches = map[sock.Addr]*Opcache{}
		for addr, o := range k.pool.Opcaches {
			p.Opcaches[addr] = o
		}
		all[name] = p
	}
	return all
}

// Changed is closed as soon as an answer comes.
func (s *Sampler) Changed() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.changed
}

// Watch has FPM asked once a second until stop is called, by one goroutine for all who
// watch.
func (s *Sampler) Watch() (stop func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.watchers++; s.stop == nil && !s.ended {
		s.stop = make(chan struct{})
		go s.run(s.stop)
	}
	return sync.OnceFunc(func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.watchers--; s.watchers == 0 && s.stop != nil {
			close(s.stop)
			s.stop = nil
		}
	})
}

// Close ends what watches. Nothing is asked any more.
func (s *Sampler) Close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ended = true
	if s.stop != nil {
		close(s.stop)
		s.stop = nil
	}
}

// run asks until stop is closed.
func (s *Sampler) run(stop chan struct{}) {
	tick := time.NewTicker(watchEvery)
	defer tick.Stop()
	for {
		s.ask(watchEvery / 2) // what is asked for at each tick is a little younger than that
		select {
		case <-stop:
			return
		case <-tick.C:
		}
	}
}

// ask asks for what is older than every, and does not wait. It gives what is closed with
// each answer.
func (s *Sampler) ask(every time.Duration) (waits []chan struct{}) {
	targets := s.targets()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended {
		return nil
	}
	s.forgetLocked(targets)
	now := s.now()
	for _, t := range targets {
		k := s.known[t.Pool.Name]
		if k == nil {
			k = &known{opcache: map[sock.Addr]*asked{}}
			s.known[t.Pool.Name] = k
		}
		if c := t.Pool.Config(); c.StatusServer != "" && k.status.isDue(now, every) {
			waits = append(waits, s.beginLocked(&k.status, now, func(ctx context.Context) func() { return askStatus(ctx, t, k) }))
		} else if c.StatusServer == "" {
			k.pool.Status, k.pool.Err = nil, nil
		}
		for _, addr := range s.opcachesLocked(t, k, now) {
			// Nobody waits for this one: it takes longer.
			s.beginLocked(k.opcache[addr], now, func(ctx context.Context) func() { return askOpcache(ctx, t, k, addr) })
		}
	}
	return waits
}

// forgetLocked drops what is known of pools that are not there any more.
func (s *Sampler) forgetLocked(targets []Target) {
	for name := range s.known {
		if !slices.ContainsFunc(targets, func(t Target) bool { return t.Pool.Name == name }) {
			delete(s.known, name)
		}
	}
}

// beginLocked asks by a goroutine of its own. what gives what is to be done with the
// answer, with the mutex held.
func (s *Sampler) beginLocked(a *asked, now time.Time, what func(context.Context) func()) (done chan struct{}) {
	done = make(chan struct{})
	a.begun, a.done = now, done
	go func() {
		ctx, cancel := context.WithTimeout(context.Background(), askTimeout)
		defer cancel()
		take := what(ctx)
		s.mu.Lock()
		defer s.mu.Unlock()
		take()
		a.done = nil
		close(done)
		close(s.changed)
		s.changed = make(chan struct{})
	}()
	return done
}

func askStatus(ctx context.Context, t Target, k *known) (take func()) {
	c := t.Pool.Config()
	page, workers, err := fpm.AskFull(ctx, c.StatusServer, c.StatusPath)
	at := time.Now()
	return func() {
		if k.pool.Err = err; err == nil {
			k.pool.Status = &Status{page, workers, at}
		}
	}
}
