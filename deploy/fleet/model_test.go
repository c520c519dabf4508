package fleet_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"realdocd/deploy/fleet"
	"realdocd/deploy/fleet/memstore"
)

// A happening is one thing that happens to a fleet in the model.
type happening struct {
	What    string
	When    string // the step of a flip that it waits for; "" is now
	Machine int
	Site    string
	Release string
	After   time.Duration // what passes before the next one
}

func (h happening) String() string {
	when := ""
	if h.When != "" {
		when = "at " + h.When + ": "
	}
	return when + fmt.Sprintf("%s web%d %s %s, then %v", h.What, h.Machine+1, h.Site, h.Release, h.After)
}

var happenings = []string{
	"flip", "flip", "flip", "flip at least", "flip at least", "lacks", "kill the command", "cut the command", "cut", "heal", "heal", "deafen", "late", "lose leases", "break watches",
	"kill the agent", "stop the agent", "start the agent", "start the agent", "restart the machine", "compact", "stray",
	"full disk", "daemon down", "slow to prepare", "slow to flip", "well again", "clock off", "all away", "all there",
}

func drawHappenings(t *rapid.T, machines int) []happening {
	pauses := []time.Duration{0, time.Millisecond, 5 * time.Millisecond, 30 * time.Millisecond, 300 * time.Millisecond, 2 * time.Second, 7 * time.Second, 15 * time.Second}
	one := rapid.Custom(func(t *rapid.T) happening {
		what, when := rapid.SampledFrom(happenings).Draw(t, "what"), ""
		if !strings.HasPrefix(what, "flip") {
			when = rapid.SampledFrom([]string{"", "", fleet.PhasePrepare, fleet.PhaseClock, fleet.PhasePromise, "answer", "commit", "registration"}).Draw(t, "when")
		}
		return happening{
			what, when, rapid.IntRange(0, machines-1).Draw(t, "machine"),
			rapid.SampledFrom([]string{"shop", "all/one"}).Draw(t, "site"), rapid.SampledFrom([]string{"41", "42", "43"}).Draw(t, "release"),
			rapid.SampledFrom(pauses).Draw(t, "pause"),
		}
	})
	return rapid.SliceOfN(one, 1, 40).Draw(t, "happenings")
}

// Whatever happens: hosts that say that they are ready serve the same, but for DoubtAfter; and when all is well
// again, all are in step and the next flip goes through.
func TestFleet_NeverSaysReadyForTwoReleasesForLongerThanTheBound(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		machines := rapid.IntRange(2, 4).Draw(rt, "machines")
		lost := rapid.SampledFrom([]time.Duration{0, 0, fleet.LostLeast, time.Minute}).Draw(rt, "lost")
		happen := drawHappenings(rt, machines)
		var wrongs []string
		synctest.Test(t, func(t *testing.T) {
			m := newModel(t, machines, lost)
			wrongs = m.run(happen)
		})
		if len(wrongs) > 0 {
			rt.Fatal(strings.Join(wrongs, "\n"))
		}
	})
}

// A model is a fleet that things happen to, and somebody who watches it.
type model struct {
	t        *testing.T
	store    *memstore.Store
	machines []*machine
	running  []bool
	lost     time.Duration
	began    time.Time

	commands []command
	work     sync.WaitGroup // commands
	struck   sync.WaitGroup // happenings that have waited
	acting   chan struct{}  // taken while something happens; nobody may wait for a mutex while time is to pass

	moved chan struct{} // has an element when a host has changed

	mu      sync.Mutex // guards the following
	wrongs  []string
	story   []string
	differs map[string]time.Time // by site: since when hosts are ready for different releases
	bound   map[string]bool      // sites that have a commit
	waiting []happening          // for a step of a flip
}

type command struct {
	client *memstore.Client
	cancel func()
}

func newModel(t *testing.T, machines int, lost time.Duration) *model {
	m := &model{t: t, store: memstore.New(), lost: lost, began: time.Now(), differs: map[string]time.Time{}, bound: map[string]bool{}, acting: make(chan struct{}, 1), moved: make(chan struct{}, 1)}
	m.store.Observe(m.observe)
	for i := range machines {
		host := newMachine(m.store, fmt.Sprintf("web%d", i+1), "shop", "all/one")
		host.lost = lost
		host.changed = func(*machine) {
			select {
			case m.moved <- struct{}{}:
			default: // watch has yet to look
			}
		}
		host.start(t)
		m.machines, m.running = append(m.machines, host), append(m.running, true)
	}
	return m
}

// observe sees each step of the store, and has happen what waited for it.
func (m *model) observe(step fleet.Changes) {
	for _, e := range step.Events {
		switch {
		case e.Removed:
		case strings.HasPrefix(e.Key, keys.Flips()):
			var p fleet.Proposal
			json.Unmarshal(e.Value, &p)
			m.strike(p.Phase)
		case strings.HasPrefix(e.Key, keys.Base()+"answers/"):
			m.strike("answer")
		case strings.HasPrefix(e.Key, keys.Sites()):
			m.strike("commit")
		case e.Key == keys.Roster():
			m.strike("registration")
		}
		if strings.HasPrefix(e.Key, keys.Sites()) {
			m.say("the store has %s", e.Value)
			m.mu.Lock()
			m.bound[fleet.Last(e.Key)] = true
			m.mu.Unlock()
		}
	}
}

func (m *model) strike(step string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for i, h := range m.waiting {
		if h.When == step {
			m.waiting = slices.Delete(m.waiting, i, i+1)
			m.struck.Go(func() { // until it has happened
				m.say("now %v", h)
				m.happen(h)
			})
			return
		}
	}
}

func (m *model) committed(site string) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.bound[site]
}

func (m *model) say(format string, args ...any) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.story = append(m.story, fmt.Sprintf("%9.3f ", time.Since(m.began).Seconds())+fmt.Sprintf(format, args...))
}

func (m *model) wrong(format string, args ...any) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.wrongs = append(m.wrongs, fmt.Sprintf("%9.3f ", time.Since(m.began).Seconds())+fmt.Sprintf(format, args...))
}

func (m *model) run(happen []happening) []string {
	ctx, cancel := context.WithCancel(context.Background())
	watched := make(chan struct{})
	go func() {
		defer close(watched)
		m.watch(ctx)
	}()
	time.Sleep(6 * time.Second)
	for _, h := range happen {
		if m.say("%v", h); h.When == "" {
			m.happen(h)
		} else {
			m.mu.Lock()
			m.waiting = append(m.waiting, h)
			m.mu.Unlock()
		}
		time.Sleep(h.After)
	}
	m.recover()
	cancel()
	<-watched
	for i, host := range m.machines {
		if m.running[i] {
			host.stop()
		}
	}
	if len(m.wrongs) == 0 {
		return nil
	}
	return append(m.wrongs, m.story...)
}

// watch looks at each change, and every few milliseconds, whether hosts are ready for different releases, and for how long.
func (m *model) watch(ctx context.Context) {
	const every = 50 * time.Millisecond
	for tick := time.NewTicker(every); ; {
		select {
		case <-tick.C:
		case <-m.moved:
		case <-ctx.Done():
			tick.Stop()
			return
		}
		for _, site := range []string{"shop", "all/one"} {
			ready := map[string]string{}
			for _, host := range m.machines {
				if state, _ := host.state(site); state.Ready() && !host.unseen(site) {
					ready[host.serves(site)] += " " + host.name
				}
			}
			since, differ := m.differs[site]
			switch {
			case len(ready) < 2 || !m.committed(site):
				delete(m.differs, site)
			case !differ:
				m.differs[site] = time.Now()
				m.say("ready for different releases of %s: %v", site, ready)
			case time.Since(since) > fleet.DoubtAfter+2*every:
				m.wrong("hosts are ready for different releases of %s for %v: %v", site, time.Since(since), ready)
				m.differs[site] = time.Now().Add(time.Hour)
			}
		}
	}
}

func (m *model) happen(h happening) {
	m.acting <- struct{}{}
	defer func() { <-m.acting }()
	host, running := m.machines[h.Machine], m.running[h.Machine]
	switch h.What {
	case "flip":
		m.flip(fleet.Flip{Site: h.Site, Release: h.Release}, host.name)
	case "flip at least":
		m.flip(fleet.Flip{Site: h.Site, Release: h.Release, AtLeast: fleet.Share{Hosts: 1}}, host.name)
	case "lacks":
		host.lack(h.Site, h.Release)
	case "kill the command":
		if n := len(m.commands); n > 0 {
			m.commands[n-1].client.Cut()
			m.commands[n-1].cancel()
		}
	case "cut the command":
		if n := len(m.commands); n > 0 {
			m.commands[n-1].client.Cut()
		}
	case "cut":
		host.client.Cut()
	case "heal":
		host.client.Heal()
	case "deafen":
		host.client.Deafen()
	case "late":
		host.client.Late(3 * time.Second)
	case "lose leases":
		host.client.LoseLeases()
	case "break watches":
		host.client.BreakWatches()
	case "kill the agent":
		if running {
			host.kill()
			m.running[h.Machine] = false
		}
	case "stop the agent":
		if running {
			host.stop()
			m.running[h.Machine] = false
		}
	case "start the agent":
		if !running {
			host.start(m.t)
			m.running[h.Machine] = true
		}
	case "restart the machine":
		if running {
			host.kill()
		}
		host.restart(m.t)
		m.running[h.Machine] = true
	case "compact":
		m.store.Compact()
	case "stray":
		if running {
			host.byHand(h.Site, h.Release)
		}
	case "full disk":
		host.fail("flip", errors.New("no space left on device"))
	case "daemon down":
		host.fail("tell", errors.New("connection refused"))
	case "slow to prepare":
		host.take("prepare", 20*time.Second)
	case "slow to flip":
		host.take("flip", 3*time.Second)
	case "well again":
		host.recover()
	case "clock off":
		host.offset = 2 * time.Second
	case "all away":
		for _, host := range m.machines {
			host.client.Cut()
		}
	case "all there":
		for _, host := range m.machines {
			host.client.Heal()
		}
	}
}

// flip starts a command.
func (m *model) flip(f fleet.Flip, host string) {
	client := m.store.Client(fmt.Sprint("command", len(m.commands)))
	ctx, cancel := context.WithCancel(context.Background())
	m.commands = append(m.commands, command{client, cancel})
	c := &fleet.Commander{Store: client, Keys: keys, By: "root", Host: host}
	m.work.Go(func() {
		report, err := c.Flip(ctx, f)
		m.say("the flip of %s to %s gives commit %d, %v", f.Site, f.Release, report.Commit.Seq, err)
	})
}

// recover ends all faults, and sees that all is well again.
func (m *model) recover() {
	m.mu.Lock()
	m.waiting = nil
	m.mu.Unlock()
	m.struck.Wait()
	m.say("all is well again")
	for i, host := range m.machines {
		host.client.Heal()
		host.recover()
		if !m.running[i] {
			host.start(m.t)
			m.running[i] = true
		}
	}
	for _, c := range m.commands {
		c.client.Heal()
	}
	m.work.Wait()
	time.Sleep(90 * time.Second)
	m.say("and has been for a while")
	last := m.machines[0].name
	for _, site := range []string{"shop", "all/one"} {
		c := &fleet.Commander{Store: m.store.Client("last"), Keys: keys, By: "root", Host: last}
		_, err := c.Flip(context.Background(), fleet.Flip{Site: site, Release: "43"})
		if err != nil {
			m.wrong("the last flip of %s: %v", site, err)
		}
	}
	time.Sleep(10 * time.Second)
	for _, site := range []string{"shop", "all/one"} {
		for _, host := range m.machines {
			state, why := host.state(site)
			if live := host.serves(site); live != "43" || state != fleet.InStep {
				m.wrong("at the end %s serves %s of %s and is %s (%s)", host.name, live, site, state, why)
			}
		}
	}
	left, _, _ := m.store.Client("test").Get(context.Background(), keys.Base())
	for _, kv := range left {
		for _, prefix := range []string{keys.Flips(), keys.Asks(), keys.Base() + "answers/"} {
			if strings.HasPrefix(kv.Key, prefix) {
				m.wrong("%s is left", kv.Key)
			}
		}
	}
}
