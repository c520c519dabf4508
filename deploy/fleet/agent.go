package fleet

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

var (
	// ErrTaken says that another machine's agent has the host's name.
	ErrTaken = errors.New("the name of this host is taken")
	// ErrRemoved says that an operator has taken the host out of the fleet while its agent ran.
	ErrRemoved = errors.New("this host was taken out of the fleet; the next start of its agent has it join again")
)

// AgentConfig is what an agent works with.
type AgentConfig struct {
	Store Store
	Keys  Keys
	Host  Host
	Name  string // of the host
	// Machine is the same for agents that cannot run at the same time, since whoever starts them
	// sees to that: an agent that was killed is followed at once. One of another machine has to wait
	// until the name is free.
	Machine string
	Version string
	Lost    time.Duration // see Member
	// Now is the host's clock; nil is time.Now.
	Now func() time.Time
	// Slept is how long the machine has slept since it was started: the time of this process stands still meanwhile,
	// and that of others does not. nil is what the kernel says.
	Slept func() time.Duration
	// Note is called with what an operator may want to read; it must not take long. nil is nobody.
	Note func(Note)
}

// Times of an agent.
const (
	tickEvery   = time.Second
	liveEvery   = 2 * time.Second // links that are looked at
	tellEvery   = 5 * time.Second // the daemon is told again, though nothing has changed
	daemonEvery = 5 * time.Second
	sitesEvery  = 30 * time.Second
	sitesPause  = 200 * time.Millisecond // between two looks that somebody wants
	lookEvery   = time.Minute
	firstTell   = 5 * time.Second  // how long the first word to the daemon waits for all sites
	farAhead    = 10 * time.Second // an instant that is further off comes of a wrong clock
	endLimit    = 15 * time.Second // how long work may take to end
)

// An Agent has one host go with its fleet. Its goroutine loop owns all that it knows: see [Agent.Run].
type Agent struct {
	AgentConfig
	id     string
	reload chan struct{}
	status atomic.Pointer[AgentStatus]
	round  atomic.Int64 // when the loop went round last, in Unix nanoseconds
}

// NewAgent makes an agent.
func NewAgent(config AgentConfig) (*Agent, error) {
	switch {
	case config.Name == "":
		return nil, errors.New("a host of a fleet needs a name (host, in [fleet] of realdocd.toml)")
	case config.Store == nil || config.Host == nil || config.Keys.base == "":
		return nil, errors.New("an agent needs a store, keys and a host")
	case config.Lost != 0 && config.Lost < LostLeast:
		return nil, fmt.Errorf("lost = %q is too short: the shortest is %s, or \"keep\"", config.Lost, LostLeast)
	}
	if config.Now == nil {
		config.Now = time.Now
	}
	if config.Slept == nil {
		config.Slept = slept
	}
	if config.Note == nil {
		config.Note = func(Note) {}
	}
	id := make([]byte, 8)
	rand.Read(id)
	a := &Agent{AgentConfig: config, id: hex.EncodeToString(id), reload: make(chan struct{}, 1)}
	a.status.Store(&AgentStatus{Host: a.Name, Since: time.Now()})
	a.round.Store(time.Now().UnixNano())
	return a, nil
}

// Reload has the agent ask its host for the sites again.
func (a *Agent) Reload() {
	select {
	case a.reload <- struct{}{}:
	default: // it will
	}
}

// Alive says whether the agent's loop has gone round lately.
func (a *Agent) Alive() bool {
	return time.Since(time.Unix(0, a.round.Load())) < 10*tickEvery
}

// awaitSites has the sites be listed when the host says that they may have changed. It ends with ctx.
func (l *loop) awaitSites(ctx context.Context) {
	var wait patience
	for {
		err := l.Host.Changed(ctx)
		pause := sitesPause
		if err == nil {
			wait = patience{}
			l.Reload()
		} else {
			pause = wait.next(sitesPause, 2*time.Second)
		}
		if !sleep(ctx, pause) {
			return
		}
	}
}

// loop is what one Run of an agent knows. Only the goroutine of Run touches it. What takes time
// is done by goroutines that it starts, which hand their outcome to it over done; none of them outlives
// Run by more than its bound.
type loop struct {
	*Agent
	ctx     context.Context
	work    sync.WaitGroup
	done    chan func()   // outcomes, as what the loop does with them
	turns   chan struct{} // see takeTurn
	began   time.Time
	changed bool // the status has to be published
	telling bool // the daemon has to be told
	// inStep of here sites are in step, as counted last.
	inStep, here int

	sites  map[string]*site
	asks   map[string]*asked
	listed bool // the host has named its sites

	// the store, as far as its session tells
	viewed  bool // there was one view of it
	writer  *writer
	lease   Lease
	heard   time.Time // the last word
	trouble error     // nil while it answers
	since   time.Time // when trouble began, or ended
	// unwritten is why it does not take what the host says; nil while it does.
	unwritten error

	nap nap // the last sleep of the machine

	presence atomic.Pointer[Presence] // what is registered; only the loop writes it
	teller   *teller
	toldErr  error

	listing, asking, confirming bool // one goroutine of each at a time
	listAgain                   bool
	lastSites, lastLive         time.Time
	lastTell, lastDaemon        time.Time
	lastSeen, lastConfirm       time.Time
}

// Run has the host go with its fleet until ctx ends, or the host may not: ErrTaken, ErrRemoved.
func (a *Agent) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	l := &loop{
		Agent: a, ctx: ctx, done: make(chan func()), began: time.Now(), since: time.Now(),
		sites: map[string]*site{}, asks: map[string]*asked{}, turns: make(chan struct{}, turnsAtATime),
	}
	l.nap.slept = a.Slept()
	l.presence.Store(&Presence{Host: a.Name, Agent: a.id, Machine: a.Machine, Version: a.Version, Since: a.Now()})
	l.teller = newTeller(l)
	session := newSession(l)
	l.spawn(l.teller.run)
	l.spawn(session.run)
	l.spawn(l.awaitSites)
	defer l.end(cancel)

	tick := time.NewTicker(tickEvery)
	defer tick.Stop()
	l.tick()
	for {
		a.round.Store(time.Now().UnixNano())
		if l.telling {
			l.tellNow()
		}
		if l.changed {
			l.publish()
		}
		select {
		case word := <-session.words:
			if word.over != nil {
				return l.leave(word.over)
			}
			l.hear(word)
		case told := <-l.teller.told:
			l.hearTold(told)
		case outcome := <-l.done:
			outcome()
		case <-tick.C:
			l.tick()
		case <-a.reload:
			l.lastSites = time.Time{}
			l.tick()
		case <-ctx.Done():
			return nil
		}
	}
}

// spawn starts a goroutine that Run waits for.
func (l *loop) spawn(f func(ctx context.Context)) {
	l.work.Add(1)
	go func() {
		defer l.work.Done()
		f(l.ctx)
	}()
}

// finish hands an outcome to the loop, unless that ends before.
func (l *loop) finish(outcome func()) {
	select {
	case l.done <- outcome:
	case <-l.ctx.Done():
	}
}

// end ends all goroutines, and waits for them for endLimit.
func (l *loop) end(cancel context.CancelFunc) {
	cancel()
	ended := make(chan struct{})
	go func() {
		l.work.Wait()
		close(ended)
	}()
	bound := time.NewTimer(endLimit)
	defer bound.Stop()
	select {
	case <-ended:
	case <-bound.C:
		l.Note(Note{Bad: true, Text: "some work of the agent does not end"})
	}
	l.publish()
}

// leave tells the daemon that its host is not in the fleet any more: it is not ready, and serves what it has.
func (l *loop) leave(why error) error {
	if !errors.Is(why, ErrRemoved) {
		return why
	}
	var standings []Standing
	for _, s := range l.ordered() {
		if s.here() {
			standings = append(standings, Standing{Site: s.name, State: Lost, Why: why.Error(), Since: l.Now()})
		}
	}
	ctx, cancel := context.WithTimeout(l.ctx, CallLimit)
	defer cancel()
	return errors.Join(why, l.Host.Tell(ctx, standings))
}

// tick does what is to be done from time to time.
func (l *loop) tick() {
	now := time.Now()
	due := func(last *time.Time, every time.Duration) bool {
		if now.Sub(*last) < every && !last.IsZero() {
			return false
		}
		*last = now
		return true
	}
	if due(&l.lastSites, sitesEvery) {
		l.list()
	}
	if due(&l.lastLive, liveEvery) {
		for _, s := range l.sites {
			l.readLink(s)
		}
	}
	if due(&l.lastDaemon, daemonEvery) {
		l.askDaemon()
	}
	if l.writer != nil && due(&l.lastSeen, SeenEvery) {
		l.writer.put(l.Keys.Seen(l.Name), letter{value: encode(l.Now()), durable: true})
	}
	if l.doubtful() && due(&l.lastConfirm, tickEvery) {
		l.confirm()
	}
	for _, s := range l.sites {
		l.decide(s)
	}
	if due(&l.lastTell, tellEvery) {
		l.tell()
	}
	l.count()
}
