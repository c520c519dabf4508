package fpm

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/rs/zerolog"
	"pgregory.net/rapid"

	"realdocd/gateway/sock"
	"realdocd/test/stack"
)

// newMachine makes pools that share a total. Each alone would let ten requests in.
func newMachine(total, pools int) (*Total, []*Pool) {
	t := &Total{}
	t.SetLimit(total)
	var all []*Pool
	for i := range pools {
		p := New(Config{Name: fmt.Sprint(i), Servers: []sock.Addr{"/a"}, MaxConns: 10, Queue: 100, QueueTimeout: time.Hour}, zerolog.Nop())
		p.Total = t
		all = append(all, p)
	}
	return t, all
}

// comes has a request enter a pool.
func comes(p *Pool, site string) *guest {
	g := &guest{site: site, in: make(chan error, 1)}
	go func() { g.in <- p.Enter(&g.place, Want{By: g, Flow: Flow{Site: site}}) }()
	return g
}

func (g *guest) runs(t stack.TB) {
	t.Helper()
	if err := stack.Receive(t, g.in, "a place"); err != nil {
		t.Fatalf("it was refused: %v", err)
	}
}

func waitsIn(t stack.TB, p *Pool, n int) {
	t.Helper()
	stack.Until(t, fmt.Sprintf("%d wait in pool %s", n, p.Name), func() bool { return p.Status().Waiting == n })
}

func TestTotal_BoundsAllPoolsTogether(t *testing.T) {
	total, pools := newMachine(2, 3)
	first, second := comes(pools[0], "a"), comes(pools[1], "b")
	first.runs(t)
	second.runs(t)
	third := comes(pools[2], "c")
	waitsIn(t, pools[2], 1)
	if total.Taken() != 2 {
		t.Errorf("%d are taken", total.Taken())
	}
	first.place.Leave(false) // of another pool
	third.runs(t)
	second.place.Leave(false)
	third.place.Leave(false)
	if total.Taken() != 0 {
		t.Errorf("%d are taken when nothing runs", total.Taken())
	}
}

// A busy pool does not keep its places to itself while another pool waits.
func TestTotal_APlaceGoesToThePoolWithTheFewest(t *testing.T) {
	_, pools := newMachine(3, 3)
	var running []*guest
	for range 2 {
		running = append(running, comes(pools[0], "a"))
	}
	running = append(running, comes(pools[1], "b"))
	for _, g := range running {
		g.runs(t)
	}
	ownNext := comes(pools[0], "a")
	waitsIn(t, pools[0], 1)
	otherNext := comes(pools[1], "b")
	waitsIn(t, pools[1], 1)
	newNext := comes(pools[2], "c")
	waitsIn(t, pools[2], 1)
	running[0].place.Leave(false) // pool 0 has one, pool 1 one, pool 2 none
	newNext.runs(t)
	running[1].place.Leave(false) // pool 0 has none
	ownNext.runs(t)
	newNext.place.Leave(false)
	otherNext.runs(t)
}

func TestTotal_ChangesWhileRequestsWait(t *testing.T) {
	total, pools := newMachine(1, 2)
	running := comes(pools[0], "a")
	running.runs(t)
	next, last := comes(pools[1], "b"), comes(pools[0], "a")
	waitsIn(t, pools[1], 1)
	waitsIn(t, pools[0], 1)
	total.SetLimit(2)
	next.runs(t)
	total.SetLimit(0)
	last.runs(t)
	total.SetLimit(1)
	late := comes(pools[1], "c")
	waitsIn(t, pools[1], 1)
	for _, g := range []*guest{running, next, last} {
		g.place.Leave(false)
	}
	late.runs(t)
}

// A place that was granted to a pool in which nobody waits any more goes on.
func TestTotal_APlaceThatIsNotNeededGoesOn(t *testing.T) {
	_, pools := newMachine(1, 3)
	running := comes(pools[0], "a")
	running.runs(t)
	gone := comes(pools[1], "b")
	waitsIn(t, pools[1], 1)
	next := comes(pools[2], "c")
	waitsIn(t, pools[2], 1)
	stack.Until(t, "it waits", func() bool {
		gone.mu.Lock()
		defer gone.mu.Unlock()
		gone.ended = errInterrupted
		return gone.waits != nil
	})
	gone.waits.Interrupt()
	stack.Receive(t, gone.in, "the end of a wait")
	running.place.Leave(false)
	next.runs(t)
}

func TestTotal_APausedPoolHoldsNoPlace(t *testing.T) {
	_, pools := newMachine(1, 2)
	running := comes(pools[0], "a")
	running.runs(t)
	paused := comes(pools[1], "b")
	waitsIn(t, pools[1], 1)
	pools[1].Pause()
	next := comes(pools[0], "a")
	waitsIn(t, pools[0], 1)
	running.place.Leave(false)
	next.runs(t)
	next.place.Leave(false)
	pools[1].Resume()
	paused.runs(t)
}

func TestTotal_TheOperatorIsToldThatItIsTheMachine(t *testing.T) {
	_, pools := newMachine(1, 2)
	running := comes(pools[0], "a")
	running.runs(t)
	c := *pools[1].Config()
	c.QueueTimeout = time.Millisecond
	pools[1].Configure(c)
	err := stack.Receive(t, comes(pools[1], "b").in, "a refusal")
	want := "no place in time: waited for queue_timeout (1ms); pool 1: 0 requests run, and all pools together have max_conns (1) of them"
	if err == nil || err.Error() != want {
		t.Errorf("got\n%v\nwant\n%s", err, want)
	}
}

// Whatever happens in whichever order, there are never more requests in FPM than the total
// says, nobody waits while there is room, and in the end nothing is left taken.
func TestTotal_IsNeverExceededAndForgetsNobody(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		limit := rapid.IntRange(1, 4).Draw(t, "total")
		total, pools := newMachine(limit, 3)
		var guests, running []*guest
		settle := func() {
			stack.Until(t, "all that may run do", func() bool {
				for i := 0; i < len(guests); i++ {
					select {
					case err := <-guests[i].in:
						if err != nil {
							t.Fatalf("refused: %v", err)
						}
						running = append(running, guests[i])
						guests = append(guests[:i:i], guests[i+1:]...)
						i--
					default:
					}
				}
				if total.Taken() > limit && len(running) > limit {
					t.Fatalf("%d run, of at most %d", len(running), limit)
				}
				waiting := 0
				for _, p := range pools {
					waiting += p.Status().Waiting
				}
				return waiting == len(guests) && (waiting == 0 || len(running) >= limit) && total.Taken() == len(running)
			})
		}
		leave := func(i int) {
			g := running[i]
			running = append(running[:i:i], running[i+1:]...)
			g.place.Leave(false)
			settle()
		}
		t.Repeat(map[string]func(*rapid.T){
			"come": func(t *rapid.T) {
				guests = append(guests, comes(pools[rapid.IntRange(0, 2).Draw(t, "pool")], "a"))
				settle()
			},
			"leave": func(t *rapid.T) {
				if len(running) == 0 {
					t.Skip("nobody runs")
				}
				leave(rapid.IntRange(0, len(running)-1).Draw(t, "who"))
			},
			"more": func(t *rapid.T) {
				limit = max(limit, rapid.IntRange(1, 6).Draw(t, "total"))
				total.SetLimit(limit)
				settle()
			},
		})
		for len(running) > 0 {
			leave(0)
		}
		if len(guests) > 0 || total.Taken() != 0 {
			t.Fatalf("%d wait, %d are taken", len(guests), total.Taken())
		}
	})
}

func TestTotal_UnderTrafficOfManyPools(t *testing.T) {
	const pools, requests = 20, 200
	total, all := newMachine(3, pools)
	var wg sync.WaitGroup
	for _, p := range all {
		for range 5 {
			wg.Go(func() {
				for range requests / 5 {
					g := comes(p, "a")
					if err := <-g.in; err != nil {
						t.Errorf("refused: %v", err)
						return
					}
					if n := total.Taken(); n > 3 {
						t.Errorf("%d are taken", n)
					}
					if rand.IntN(4) == 0 {
						time.Sleep(time.Microsecond)
					}
					g.place.Leave(false)
				}
			})
		}
	}
	wg.Wait()
	if total.Taken() != 0 || total.wants.Load() != 0 {
		t.Errorf("%d are taken, %d pools want one", total.Taken(), total.wants.Load())
	}
}
