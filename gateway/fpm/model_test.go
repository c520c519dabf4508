package fpm

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/rs/zerolog"
	"pgregory.net/rapid"

	"realdocd/gateway/sock"
	"realdocd/test/stack"
)

// A model is a pool as its promises describe it, beside a real one. Each step is done to both.
type model struct {
	t    *rapid.T
	pool *Pool

	limit, queue int
	paused       bool
	running      []*guest
	waiting      []*guest // the oldest first
}

// A guest is a request in a pool. It may be interrupted while it waits.
type guest struct {
	site  string
	place Place
	in    chan error // the end of Enter

	mu    sync.Mutex // guards the following
	waits Interruptible
	ended error
}

func (g *guest) WaitFor(i Interruptible) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.waits = i
}

func (g *guest) Ended() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.ended
}

func (m *model) config() Config {
	return Config{Name: "www", Servers: []sock.Addr{"/a", "/b"}, MaxConns: m.limit, Queue: m.queue, QueueTimeout: time.Hour}
}

func newModel(t *rapid.T) *model {
	m := &model{t: t, limit: rapid.IntRange(1, 4).Draw(t, "max_conns"), queue: rapid.IntRange(0, 5).Draw(t, "queue")}
	m.pool = New(m.config(), zerolog.Nop())
	return m
}

// hasRoom says whether the next request gets a place.
func (m *model) hasRoom() bool { return !m.paused && len(m.running) < m.limit }

// come has a request enter.
func (m *model) come(site string) {
	g := &guest{site: site, in: make(chan error, 1)}
	go func() { g.in <- m.pool.Enter(&g.place, Want{By: g, Flow: Flow{Site: site}}) }()
	switch {
	case m.hasRoom():
		m.got(g)
	case len(m.waiting) < m.queue:
		m.waiting = append(m.waiting, g)
		m.settled()
	default:
		m.refusedOne(g)
	}
}

// refusedOne is for a request that came to a full queue: it is refused, or pushes out the newest one of a flow
// that has more than its share. All that is promised is that exactly one of them goes.
func (m *model) refusedOne(g *guest) {
	m.waiting = append(m.waiting, g)
	var refused *guest
	stack.Until(m.t, "one request is refused", func() bool {
		for _, w := range m.waiting {
			select {
			case err := <-w.in:
				if err == nil {
					m.t.Fatalf("a request of %s got a place where there was none", w.site)
				}
				refused = w
				return true
			default:
			}
		}
		return false
	})
	m.waiting = slices.DeleteFunc(m.waiting, func(w *guest) bool { return w == refused })
	m.settled()
}

// got takes the end of Enter of a request that must have a place.
func (m *model) got(g *guest) {
	if err := stack.Receive(m.t, g.in, "a place"); err != nil {
		m.t.Fatalf("a request of %s was refused: %v", g.site, err)
	}
	m.running = append(m.running, g)
}

// goOn has those enter who must have a place now: of the flows with the fewest requests running, the one that
// has waited longest.
func (m *model) goOn() {
	for m.hasRoom() && len(m.waiting) > 0 {
		of := func(site string) (n int) {
			for _, r := range m.running {
				if r.site == site {
					n++
				}
			}
			return n
		}
		best := 0
		for i, w := range m.waiting {
			if of(w.site) < of(m.waiting[best].site) {
				best = i
			}
		}
		next := m.waiting[best]
		m.waiting = slices.Delete(m.waiting, best, best+1)
		m.got(next)
	}
	m.settled()
}

// settled waits until the pool says the same as the model.
func (m *model) settled() {
	err := stack.Poll(func() error {
		if st := m.pool.Status(); st.Running != len(m.running) || st.Waiting != len(m.waiting) || st.Paused != m.paused {
			return fmt.Errorf("the pool has %d running, %d waiting, paused %v; the model %d, %d, %v",
				st.Running, st.Waiting, st.Paused, len(m.running), len(m.waiting), m.paused)
		}
		return nil
	})
	if err != nil {
		m.t.Fatal(err)
	}
}

func (m *model) actions() map[string]func(*rapid.T) {
	return map[string]func(*rapid.T){
		"come": func(t *rapid.T) { m.come(rapid.SampledFrom([]string{"shop", "blog", "wiki"}).Draw(t, "site")) },
		"leave": func(t *rapid.T) {
			if len(m.running) == 0 {
				t.Skip("nobody runs")
			}
			i := rapid.IntRange(0, len(m.running)-1).Draw(t, "who")
			g := m.running[i]
			m.running = slices.Delete(m.running, i, i+1)
			g.place.Leave(rapid.Bool().Draw(t, "whole"))
			m.goOn()
		},
		"give up": func(t *rapid.T) {
			if len(m.waiting) == 0 {
				t.Skip("nobody waits")
			}
			i := rapid.IntRange(0, len(m.waiting)-1).Draw(t, "who")
			g := m.waiting[i]
			m.waiting = slices.Delete(m.waiting, i, i+1)
			stack.Until(t, "it waits", func() bool {
				g.mu.Lock()
				defer g.mu.Unlock()
				g.ended = errInterrupted
				return g.waits != nil
			})
			g.waits.Interrupt()
			if err := stack.Receive(t, g.in, "the end of a wait"); !errors.Is(err, errInterrupted) {
				t.Fatalf("the wait ended with %v", err)
			}
			m.goOn()
		},
		"pause":  func(*rapid.T) { m.pool.Pause(); m.paused = true },
		"resume": func(*rapid.T) { m.pool.Resume(); m.paused = false; m.goOn() },
		"configure": func(t *rapid.T) {
			m.limit = rapid.IntRange(1, 4).Draw(t, "max_conns")
			m.pool.Configure(m.config())
			m.goOn()
		},
		"": func(*rapid.T) { m.settled() },
	}
}

func TestPool_DoesWhatItsModelDoes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := newModel(t)
		t.Repeat(m.actions())
		m.paused = false
		m.pool.Resume()
		m.goOn()
		for len(m.running) > 0 {
			g := m.running[0]
			m.running = m.running[1:]
			g.place.Leave(false)
			m.goOn()
		}
		if len(m.waiting) > 0 {
			t.Fatalf("%d requests wait for ever", len(m.waiting))
		}
	})
}

// Whatever order messages arrive in, the processes of a handover together never have more requests in FPM than
// the pool has places, and each request is served.
func TestHandover_SharesThePlacesAsItsModelDoes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := newSuccession(t, rapid.IntRange(1, 4).Draw(t, "max_conns"))
		t.Repeat(map[string]func(*rapid.T){
			"come to the newest": func(*rapid.T) { s.arrive(s.pools[len(s.pools)-1]) },
			"come to another":    func(t *rapid.T) { s.arrive(s.pools[rapid.IntRange(0, len(s.pools)-1).Draw(t, "which")]) },
			"leave":              func(*rapid.T) { s.leave() },
			"deliver": func(t *rapid.T) {
				if len(s.onWay) == 0 {
					t.Skip("one process is alone")
				}
				s.deliver(rapid.IntRange(0, len(s.onWay)-1).Draw(t, "way"))
			},
			"take over": func(t *rapid.T) {
				if len(s.pools) == 4 {
					t.Skip("enough")
				}
				s.takeOver()
			},
		})
		s.finish()
		for i, p := range s.pools {
			if st := p.Status(); st.Running != 0 || st.Waiting != 0 {
				t.Fatalf("process %d counts %d running and %d waiting", i, st.Running, st.Waiting)
			}
		}
	})
}
