package fpm

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"realdocd/gateway/sock"
	"realdocd/test/stack"

	"github.com/rs/zerolog"
)

// succession are the pools of processes that take over from one another, the
// oldest first, with what they tell each other on its way.
type succession struct {
	t     stack.TB
	limit int
	pools []*Pool

	mu      sync.Mutex
	onWay   [][]func() // between a pool and the next, by direction
	running []*visitor
	entered sync.WaitGroup
}

// A visitor is a request that has a place, or waits for one.
type visitor struct {
	pool  *Pool
	place Place
}

func newSuccession(t stack.TB, limit int) *succession {
	s := &succession{t: t, limit: limit}
	s.pools = []*Pool{s.newPool()}
	return s
}

func (s *succession) newPool() *Pool {
	return New(Config{Name: "www", Servers: []sock.Addr{"/fpm"}, MaxConns: s.limit, Queue: 1000, QueueTimeout: time.Hour}, zerolog.Nop())
}

// send puts a message on its way, behind those before.
func (s *succession) send(way int, deliver func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.onWay[way] = append(s.onWay[way], deliver)
}

// deliver lets one message arrive; false when none is on that way.
func (s *succession) deliver(way int) bool {
	s.mu.Lock()
	if len(s.onWay[way]) == 0 {
		s.mu.Unlock()
		return false
	}
	next := s.onWay[way][0]
	s.onWay[way] = s.onWay[way][1:]
	s.mu.Unlock()
	next()
	return true
}

// takeOver adds a process.
func (s *succession) takeOver() {
	old, next := s.pools[len(s.pools)-1], s.newPool()
	down, up := len(s.onWay), len(s.onWay)+1
	s.mu.Lock()
	s.onWay = append(s.onWay, nil, nil)
	s.mu.Unlock()
	first := true
	old.HandOver(func(r Report) {
		if first {
			first = false
			next.HearOlder(r, func(all int) { s.send(up, func() { old.Grant(all) }) })
			return
		}
		s.send(down, func() { next.HearOlder(r, nil) })
	})
	s.pools = append(s.pools, next)
}

// arrive has a request come to a process.
func (s *succession) arrive(p *Pool) {
	v := &visitor{pool: p}
	s.entered.Go(func() {
		if err := p.Enter(&v.place, Want{By: &client{}}); err != nil {
			s.t.Errorf("a request was refused: %v", err)
			return
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		s.running = append(s.running, v)
		if len(s.running) > s.limit {
			s.t.Errorf("%d requests run, of at most %d", len(s.running), s.limit)
		}
	})
}

// leave ends a request that runs; false when none does.
func (s *succession) leave() bool {
	s.mu.Lock()
	if len(s.running) == 0 {
		s.mu.Unlock()
		return false
	}
	i := rand.IntN(len(s.running))
	v := s.running[i]
	s.running = append(s.running[:i], s.running[i+1:]...)
	s.mu.Unlock()
	v.place.Leave(false)
	return true
}

// finish delivers and ends until all requests have been served.
func (s *succession) finish() {
	s.t.Helper()
	served := make(chan struct{})
	go func() { s.entered.Wait(); close(served) }()
	stack.Until(s.t, "every request has had its place", func() bool {
		for busy := true; busy; {
			busy = s.leave()
			for way := range s.onWay {
				busy = s.deliver(way) || busy
			}
		}
		select {
		case <-served:
			return !s.leave()
		default:
			return false
		}
	})
}

// In whatever order requests come and go and word of them arrives.
func TestProcessesThatTakeOverShareThePlacesOfAPool(t *testing.T) {
	for round := range 100 {
		t.Run(fmt.Sprint(round), func(t *testing.T) {
			s := newSuccession(t, 1+rand.IntN(4))
			for range 400 {
				switch n := rand.IntN(20); {
				case n < 6: // to the newest, mostly; to others those that had begun to come
					s.arrive(s.pools[len(s.pools)-1])
				case n < 8:
					s.arrive(s.pools[rand.IntN(len(s.pools))])
				case n < 13:
					s.leave()
				case n < 19 && len(s.onWay) > 0:
					s.deliver(rand.IntN(len(s.onWay)))
				case n == 19 && len(s.pools) < 4:
					s.takeOver()
				}
			}
			s.finish()
			for i, p := range s.pools {
				if st := p.Status(); st.Running != 0 || st.Waiting != 0 {
					t.Errorf("process %d counts %d running and %d waiting", i, st.Running, st.Waiting)
				}
			}
		})
	}
}

// settled delivers all that is on its way.
func (s *succession) settled() {
	for delivered := true; delivered; {
		delivered = false
		for way := range s.onWay {
			delivered = s.deliver(way) || delivered
		}
	}
}

// waits waits until so many requests wait, as the newest process knows it.
func (s *succession) waits(n int) {
	s.t.Helper()
	newest := s.pools[len(s.pools)-1]
	if err := stack.Poll(func() error {
		s.settled()
		if got := newest.Status(); got.Waiting != n {
			return fmt.Errorf("%+v, want %d waiting", got, n)
		}
		return nil
	}); err != nil {
		s.t.Fatalf("%v", err)
	}
}

func TestAPausedPoolGivesNoPlaceToTheProcessBefore(t *testing.T) {
	s := newSuccession(t, 2)
	s.arrive(s.pools[0])
	s.arrive(s.pools[0])
	s.entered.Wait()
	s.arrive(s.pools[0])
	s.takeOver()
	s.waits(1)
	s.pools[1].Pause()
	s.leave()
	s.settled()
	if st := s.pools[1].Status(); st.Running != 1 || st.Waiting != 1 {
		t.Fatalf("a place that became free in a paused pool was taken: %+v", st)
	}
	s.pools[1].Resume()
	if st := s.pools[1].Status(); st.Running != 2 || st.Waiting != 0 {
		t.Errorf("after the pause: %+v, want the one place that is wanted given", st)
	}
	s.finish()
}

func TestAPauseOutlastsTheProcess(t *testing.T) {
	s := newSuccession(t, 2)
	s.pools[0].Pause()
	s.arrive(s.pools[0])
	s.takeOver()
	s.waits(1)
	if !s.pools[1].Status().Paused {
		t.Fatal("the successor's pool is not paused")
	}
	s.pools[1].Resume()
	if st := s.pools[1].Status(); st.Running != 1 {
		t.Errorf("after the pause: %+v, want the one place that is wanted given", st)
	}
	s.finish()
}

// Each process knows only the next.
func TestThreeProcessesShareThePlaces(t *testing.T) {
	s := newSuccession(t, 1)
	s.takeOver()
	s.takeOver()
	s.arrive(s.pools[2])
	s.entered.Wait()
	s.arrive(s.pools[0])
	s.waits(1)
	s.finish()
}

func TestTheEndOfAProcessFreesThePlacesItHad(t *testing.T) {
	s := newSuccession(t, 1)
	s.arrive(s.pools[0])
	s.entered.Wait()
	s.takeOver()
	s.arrive(s.pools[1])
	stack.Until(t, "a request waits in the successor", func() bool { return s.pools[1].Status().Waiting > 0 })
	s.mu.Lock()
	s.running = nil // with the process
	s.mu.Unlock()
	s.pools[1].ForgetOlder()
	s.entered.Wait()
	s.finish()
}
