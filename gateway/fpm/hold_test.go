package fpm

import (
	"context"
	"errors"
	"testing"
	"time"

	"realdocd/gateway/sock"
)

// ask asks for a place, and returns when the pool has the request in its hands.
func ask(t *testing.T, p *Pool, want Want) (pl *Place, got chan error) {
	t.Helper()
	pl, got = new(Place), make(chan error, 1)
	want.By = new(client)
	before := p.Status()
	go func() { got <- p.Enter(pl, want) }()
	for deadline := time.Now().Add(patience); ; {
		now := p.Status()
		if now.Running+now.Waiting > before.Running+before.Waiting {
			return pl, got
		}
		if time.Now().After(deadline) {
			t.Fatal("the request is neither in the pool nor in its queue")
		}
	}
}

// soon is what a request got, which must come.
func soon(t *testing.T, got chan error) error {
	t.Helper()
	select {
	case err := <-got:
		return err
	case <-time.After(patience):
		t.Fatal("the request waits still")
		return nil
	}
}

func TestPool_GivesAPlaceToAWarmUpBeforeVisitorsAlsoWhilePaused(t *testing.T) {
	for name, pause := range map[string]func(*Pool){"full": func(*Pool) {}, "full and paused": (*Pool).Pause} {
		t.Run(name, func(t *testing.T) {
			p := newTestPool(Config{Servers: []sock.Addr{"/a"}, MaxConns: 1, Queue: 1, QueueTimeout: patience})
			running, ran := ask(t, p, Want{})
			if err := soon(t, ran); err != nil {
				t.Fatal(err)
			}
			pause(p)
			visitor, visits := ask(t, p, Want{})
			warm, warms := ask(t, p, Want{First: true}) // though the queue is full
			running.Leave(true)
			if err := soon(t, warms); err != nil || visitor.Held() {
				t.Fatalf("the warm-up: %v; the visitor has a place: %v", err, visitor.Held())
			}
			warm.Leave(true)
			p.Resume()
			if err := soon(t, visits); err != nil {
				t.Error(err)
			}
		})
	}
	t.Run("paused, with places free", func(t *testing.T) {
		p := newTestPool(Config{Servers: []sock.Addr{"/a"}, MaxConns: 1, Queue: 1, QueueTimeout: patience})
		p.Pause()
		if _, got := ask(t, p, Want{First: true}); soon(t, got) != nil {
			t.Error("a warm-up got no place")
		}
	})
}

func TestPool_AWarmUpWaitsForAsLongAsItsClient(t *testing.T) {
	p := newTestPool(Config{Servers: []sock.Addr{"/a"}, MaxConns: 1, QueueTimeout: time.Millisecond})
	running, ran := ask(t, p, Want{})
	soon(t, ran)
	_, warms := ask(t, p, Want{First: true})
	select {
	case err := <-warms:
		t.Fatalf("it was refused: %v", err)
	case <-time.After(20 * time.Millisecond): // many times queue_timeout
	}
	running.Leave(true)
	if err := soon(t, warms); err != nil {
		t.Error(err)
	}
}

func TestPool_AWarmUpGoesToTheListenerThatItWants(t *testing.T) {
	p := newTestPool(Config{Servers: []sock.Addr{"/a", "/b"}})
	for _, at := range []sock.Addr{"/b", "/b", "/a", "/a"} {
		pl, got := ask(t, p, Want{First: true, At: at})
		if err := soon(t, got); err != nil || pl.listener.addr != at {
			t.Errorf("wants %s, has %s, %v", at, pl.listener.addr, err)
		}
		if pl.move([]*listener{pl.listener}) {
			t.Errorf("it moved to %s", pl.listener.addr)
		}
	}
}

func TestHold_HasVisitorsWaitAndWarmUpsRun(t *testing.T) {
	p := newTestPool(Config{Servers: []sock.Addr{"/a"}, MaxConns: 2, Queue: 8, QueueTimeout: patience})
	running, ran := ask(t, p, Want{})
	soon(t, ran)
	held := make(chan func(), 1)
	go func() {
		letGo, err := p.Hold(t.Context())
		if err != nil {
			t.Error(err)
		}
		held <- letGo
	}()
	for deadline, holds := time.Now().Add(patience), false; !holds; {
		p.mu.Lock()
		holds = p.held > 0
		p.mu.Unlock()
		if time.Now().After(deadline) {
			t.Fatal("nothing is held")
		}
	}
	visitor, visits := ask(t, p, Want{})
	running.Leave(true)
	letGo := <-held
	if visitor.Held() {
		t.Error("a visitor got a place while the queue was held")
	}
	if warm, warms := ask(t, p, Want{First: true}); soon(t, warms) != nil {
		t.Error("a warm-up got no place while the queue was held")
	} else {
		warm.Leave(true)
	}
	letGo()
	if err := soon(t, visits); err != nil {
		t.Error(err)
	}
}

func TestHold_IsGivenUpWhenItTakesTooLongOrTheQueueFills(t *testing.T) {
	for name, row := range map[string]struct {
		queue int
		limit time.Duration
		want  error
	}{
		"a request that does not end": {100, 30 * time.Millisecond, context.DeadlineExceeded},
		"a queue that fills":          {2, patience, errQueueFills},
	} {
		t.Run(name, func(t *testing.T) {
			p := newTestPool(Config{Servers: []sock.Addr{"/a"}, MaxConns: 1, Queue: row.queue, QueueTimeout: patience})
			running, ran := ask(t, p, Want{})
			soon(t, ran)
			visits := make([]chan error, 2)
			for i := range visits {
				_, visits[i] = ask(t, p, Want{})
			}
			ctx, cancel := context.WithTimeout(t.Context(), row.limit)
			defer cancel()
			if _, err := p.Hold(ctx); !errors.Is(err, row.want) {
				t.Errorf("the hold ended with %v, want %v", err, row.want)
			}
			running.Leave(true)
			select { // nothing is held any more
			case err := <-visits[0]:
				if err != nil {
					t.Error(err)
				}
			case err := <-visits[1]:
				if err != nil {
					t.Error(err)
				}
			case <-time.After(patience):
				t.Error("the visitors wait still")
			}
		})
	}
}
