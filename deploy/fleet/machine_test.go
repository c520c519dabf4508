package fleet_test

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"realdocd/deploy/fleet"
	"realdocd/deploy/fleet/memstore"
)

// A machine is a host with links, releases and a daemon, in memory. What it is like stays when its agent ends.
type machine struct {
	name   string
	store  *memstore.Store
	lost   time.Duration
	offset time.Duration // of its clock
	slept  atomic.Int64  // how long it has slept
	fetch  func(release string) error
	news   chan struct{} // somebody wants to know of its sites

	mu       sync.Mutex // guards the following
	live     map[string]string
	releases map[string]map[string]string // by site and name: the hash
	warm     map[string]bool              // by release; a restart of the machine ends it
	told     []fleet.Standing
	toldAt   time.Time
	hand     map[string]bool  // sites that were flipped by hand, which the daemon has not been told
	fails    map[string]error // by what is done
	takes    map[string]time.Duration
	lacks    []func()
	did      []string
	notes    []fleet.Note
	changed  func(m *machine) // called with the lock held when what it serves or says may have changed

	agents int
	agent  *fleet.Agent
	client *memstore.Client
	kill   func()
	stop   func() error
}

func newMachine(store *memstore.Store, name string, sites ...string) *machine {
	m := &machine{
		name: name, store: store, live: map[string]string{}, releases: map[string]map[string]string{}, warm: map[string]bool{},
		news: make(chan struct{}, 1), hand: map[string]bool{}, fails: map[string]error{}, takes: map[string]time.Duration{}, changed: func(*machine) {},
	}
	for _, site := range sites {
		m.live[site] = "41"
		m.releases[site] = map[string]string{"41": "v1:41", "42": "v1:42", "43": "v1:43"}
	}
	return m
}

// start starts the machine's agent. stop ends it in order, and kill at once, without a word to the store.
func (m *machine) start(t *testing.T) {
	t.Helper()
	m.agents++
	m.client = m.store.Client(fmt.Sprintf("%s/%d", m.name, m.agents))
	agent, err := fleet.NewAgent(fleet.AgentConfig{
		Store: m.client, Keys: keys, Host: m, Name: m.name, Machine: m.name, Version: "1", Lost: m.lost,
		Now:   func() time.Time { return time.Now().Add(m.offset) },
		Slept: func() time.Duration { return time.Duration(m.slept.Load()) },
		Note: func(n fleet.Note) {
			m.mu.Lock()
			defer m.mu.Unlock()
			m.notes = append(m.notes, n)
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	m.agent = agent
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- agent.Run(ctx) }()
	m.stop = sync.OnceValue(func() error {
		cancel()
		return <-ended
	})
	client := m.client
	m.kill = func() {
		client.Cut()
		m.stop()
	}
}

// restart is a start of the whole machine: its daemon knows nothing, and nothing is warm.
func (m *machine) restart(t *testing.T) {
	m.mu.Lock()
	m.told, m.toldAt, m.warm = nil, time.Time{}, map[string]bool{}
	m.changed(m)
	m.mu.Unlock()
	m.start(t)
}

// do is one thing that the agent has the machine do; it may take its time, or fail.
func (m *machine) do(ctx context.Context, what string, f func()) error {
	m.mu.Lock()
	takes := m.takes[what]
	m.mu.Unlock()
	if takes > 0 {
		timer := time.NewTimer(takes)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.fails[what]; err != nil {
		return err
	}
	f()
	return nil
}

// locked does something with what the machine's agent uses too.
func (m *machine) locked(f func()) {
	m.mu.Lock()
	defer m.mu.Unlock()
	f()
}

func (m *machine) fail(what string, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.fails[what] = err
}

func (m *machine) take(what string, d time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.takes[what] = d
}

func (m *machine) Look(ctx context.Context, site, _ string) (seen fleet.Seen, err error) {
	known := true
	if err := m.do(ctx, "look "+site, func() {}); err != nil {
		return seen, err
	}
	err = m.do(ctx, "look", func() {
		if _, known = m.live[site]; !known {
			return
		}
		seen.Live = m.live[site]
		for _, name := range slices.Sorted(maps.Keys(m.releases[site])) {
			seen.Releases = append(seen.Releases, fleet.Release{Name: name, Hash: m.releases[site][name], Warm: m.warm[site+"/"+name]})
		}
	})
	if !known {
		err = fleet.ErrNoSite
	}
	return seen, err
}

func (m *machine) Live(ctx context.Context, site string) (live string, err error) {
	err = m.do(ctx, "live", func() { live = m.live[site] })
	return live, err
}

// Sites gives those that were there when it began: to list takes its time.
func (m *machine) Sites(ctx context.Context) ([]string, error) {
	m.mu.Lock()
	sites := slices.Sorted(maps.Keys(m.live))
	m.mu.Unlock()
	return sites, m.do(ctx, "sites", func() {})
}

func (m *machine) Changed(ctx context.Context) error {
	select {
	case <-m.news:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (m *machine) Prepare(ctx context.Context, site, release string, p fleet.Preparation) ([]string, error) {
	return nil, m.do(ctx, "prepare", func() {
		m.did = append(m.did, "prepare "+site+" "+release)
		m.warm[site+"/"+release] = true
	})
}

func (m *machine) Flip(ctx context.Context, site, release string, at time.Time, by string) (renamed time.Time, err error) {
	if wait := time.Until(at); !at.IsZero() && wait > 0 {
		timer := time.NewTimer(wait)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-ctx.Done():
			return time.Time{}, ctx.Err()
		}
	}
	err = m.do(ctx, "flip", func() {
		m.live[site], renamed = release, time.Now()
		m.did = append(m.did, by+" "+site+" "+release)
		m.changed(m)
	})
	return renamed, err
}

func (m *machine) After(ctx context.Context, site, release string) []string {
	m.do(ctx, "after", func() { m.did = append(m.did, "after "+site+" "+release) })
	return nil
}

func (m *machine) Fetch(ctx context.Context, site, release, hash string) error {
	if m.fetch == nil {
		return fleet.ErrNoFetch
	}
	if err := m.fetch(release); err != nil {
		return err
	}
	return m.do(ctx, "fetch", func() {
		m.releases[site][release] = hash
		m.did = append(m.did, "fetch "+site+" "+release)
	})
}

func (m *machine) Ask(ctx context.Context, ask fleet.Ask, tell func(string)) (string, error) {
	tell(`"half"`)
	return `"all"`, m.do(ctx, "ask", func() { m.did = append(m.did, ask.Kind+" "+ask.Site+" "+ask.Release) })
}

func (m *machine) Tell(ctx context.Context, standings []fleet.Standing) error {
	return m.do(ctx, "tell", func() {
		m.told, m.toldAt = standings, time.Now()
		for _, st := range standings {
			if !st.State.Ready() {
				delete(m.hand, st.Site)
			}
		}
		m.changed(m)
	})
}

func (m *machine) Daemon(context.Context) (wrong, pinKey string) { return "", "key" }

// unseen says whether a site was flipped by hand while the agent cannot reach its daemon. Such a host says that
// it is ready until it can: nobody promises more, and a daemon that answers nobody is not asked either.
func (m *machine) unseen(site string) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.hand[site] && m.fails["tell"] != nil
}

// state is what the daemon says of a site now.
func (m *machine) state(site string) (fleet.State, string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.stateLocked(site)
}

func (m *machine) stateLocked(site string) (fleet.State, string) {
	for _, st := range m.told {
		if st.Site != site {
			continue
		}
		if st.Next != "" && time.Since(m.toldAt) >= st.For {
			return st.Next, st.NextWhy
		}
		return st.State, st.Why
	}
	return fleet.Unknown, "was never told"
}

func (m *machine) serves(site string) string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.live[site]
}

// deeds are what the agent had the machine do, and forgets them.
func (m *machine) deeds() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	did := m.did
	m.did = nil
	return did
}

// byHand flips a link without the fleet.
func (m *machine) byHand(site, release string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.live[site], m.hand[site] = release, true
	m.changed(m)
}

// lack takes a release away that is not live; recover brings it back.
func (m *machine) lack(site, release string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.live[site] != release {
		delete(m.releases[site], release)
		m.lacks = append(m.lacks, func() { m.releases[site][release] = "v1:" + release })
	}
}

// recover ends the faults of the machine.
func (m *machine) recover() {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, bring := range m.lacks {
		bring()
	}
	m.lacks = nil
	m.fails, m.takes = map[string]error{}, map[string]time.Duration{}
}
