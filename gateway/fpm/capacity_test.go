package fpm

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"realdocd/gateway/sock"
	"realdocd/test/stack"
)

func TestPool_LimitsRequestsToWhatFPMCanRun(t *testing.T) {
	const none = 0
	for _, row := range []struct {
		name  string
		first func(l *listener)
		more  func(l *listener) // a second listener of the pool
		want  int
	}{
		{"nothing is known", func(l *listener) {}, nil, none},
		{"pm.max_children", func(l *listener) { l.children, l.workers = 12, 3 }, nil, 12},
		{"the workers that there are", func(l *listener) { l.workers = 5 }, nil, 5},
		{"a trial whether FPM starts more", func(l *listener) { l.workers, l.more = 5, 2 }, nil, 7},
		{"other clients have workers", func(l *listener) { l.children, l.others = 12, 4 }, nil, 8},
		{"other clients have all workers", func(l *listener) { l.children, l.others = 4, 9 }, nil, 1},
		{"two listeners", func(l *listener) { l.children = 12 }, func(l *listener) { l.children = 4 }, 16},
		{"one of two is not known", func(l *listener) { l.children = 12 }, func(l *listener) {}, none},
		{"one of two is down", func(l *listener) { l.children = 12 }, func(l *listener) { l.down.Store(&outage{}) }, 12},
		{"both are down", func(l *listener) { l.children = 12; l.down.Store(&outage{}) }, func(l *listener) { l.down.Store(&outage{}) }, none},
	} {
		c := Config{Servers: []sock.Addr{"/a"}, MaxConns: Auto}
		if row.more != nil {
			c.Servers = append(c.Servers, "/b")
		}
		p := newTestPool(c)
		row.first(p.listeners[0])
		if row.more != nil {
			row.more(p.listeners[1])
		}
		if got := p.Status().MaxConns; got != row.want {
			t.Errorf("%s: %d requests at once, want %d", row.name, got, row.want)
		}
	}
}

func TestPool_SharesWhatFPMCanRunWithOtherPoolsOfTheListener(t *testing.T) {
	p := newTestPool(Config{Servers: []sock.Addr{"/a"}, MaxConns: Auto, Reuse: true, Sharers: map[sock.Addr]int{"/a": 2}})
	l := p.listeners[0]
	l.children = 7
	if got := p.Status().MaxConns; got != 4 {
		t.Errorf("%d of 7 places for one of two pools", got)
	}
	if err := l.mayKeep(Answer{Version: "8.2.36", Workers: 7}); !errors.Is(err, errShared) {
		t.Errorf("connections are kept: %v", err)
	}
}

func TestPool_GivesAListenerNoMoreThanItCanRunWhileAnotherHasRoom(t *testing.T) {
	p := newTestPool(Config{Servers: []sock.Addr{"/small", "/large"}, MaxConns: Auto})
	small, large := p.listeners[0], p.listeners[1]
	small.children, large.children = 2, 10
	for range 12 {
		p.chooseLocked(nil).running++
	}
	if small.running != 2 || large.running != 10 {
		t.Errorf("%d requests in the one for 2, %d in the one for 10", small.running, large.running)
	}
}

// answering is a pool of which somebody waits, whose FPM has so many workers at each look.
func answering(t *testing.T, workers *atomic.Int32) *Pool {
	t.Helper()
	p := newTestPool(Config{Servers: []sock.Addr{"127.0.0.1:1"}, MaxConns: Auto, Queue: 10, QueueTimeout: time.Hour})
	p.AskFPM = func(context.Context, sock.Addr, string, Question) (Answer, error) {
		return Answer{Version: "8.2.36", Workers: int(workers.Load())}, nil
	}
	t.Cleanup(p.Discard)
	p.Start("probe")
	return p
}

// Where FPM's configuration cannot be read, whether it starts more workers shows only if more requests come.
func TestPool_LetsInMoreRequestsWhileFPMStartsWorkersForThem(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var workers atomic.Int32
		workers.Store(2)
		p := answering(t, &workers)
		defer func() { // everybody in
			c := *p.Config()
			c.MaxConns = 0
			p.Configure(c)
		}()
		synctest.Wait()
		if got := p.Status().MaxConns; got != 2 {
			t.Fatalf("%d requests at once, want the 2 that FPM has workers for", got)
		}
		for range 20 {
			go p.Enter(new(Place), Want{By: &client{}}) // most wait
		}
		time.Sleep(2 * recountEvery)
		go p.Enter(new(Place), Want{By: &client{}}) // which has the workers counted
		synctest.Wait()
		if got := p.Status().MaxConns; got != 3 {
			t.Fatalf("%d requests at once, want one more than workers", got)
		}
		workers.Store(3) // FPM has followed
		time.Sleep(growTakes)
		synctest.Wait()
		if got := p.Status().MaxConns; got != 4 {
			t.Errorf("%d requests at once, want one more than the workers that there are now", got)
		}
		time.Sleep(growTakes) // and no more
		synctest.Wait()
		if got := p.Status().MaxConns; got != 3 {
			t.Errorf("%d requests at once though FPM has not followed, want 3", got)
		}
	})
}

func TestPool_KnowsWhatFPMCanRunThoughOneQuestionHadNoAnswer(t *testing.T) {
	var workers atomic.Int32
	workers.Store(2)
	p := answering(t, &workers)
	stack.Until(t, "the workers are counted", func() bool { return p.Status().MaxConns == 2 })
	asked := make(chan struct{})
	p.mu.Lock()
	p.AskFPM = func(context.Context, sock.Addr, string, Question) (Answer, error) {
		defer close(asked)
		return Answer{}, errors.New("a timeout")
	}
	p.listeners[0].learnLocked()
	p.mu.Unlock()
	<-asked
	stack.Until(t, "the failure is noted", func() bool { p.mu.Lock(); defer p.mu.Unlock(); return !p.listeners[0].asking })
	if got := p.Status().MaxConns; got != 2 {
		t.Errorf("%d requests at once", got)
	}
}

func TestPool_LetsAConnectionGoNowAndThenWhileItHoldsAllWorkers(t *testing.T) {
	p := newTestPool(Config{Servers: []sock.Addr{"/a"}, Reuse: true})
	l := p.listeners[0]
	l.why, l.workers, l.running, l.reaping = nil, 4, 3, true
	c := new(sock.Conn)
	if l.keepLocked(c) {
		t.Error("the connection is kept that holds the last worker, and nobody else has come in before")
	}
	if !l.keepLocked(c) {
		t.Error("no connection is kept")
	}
}

// What FPM can run is in its configuration; the real one names it in the title of its master.
func TestListener_ReadsTheConfigurationOfFPM(t *testing.T) {
	for _, row := range []struct {
		config stack.FPMConfig
		hide   bool // the configuration
		status bool
		want   int
	}{
		{config: stack.FPMConfig{MaxChildren: 3}, want: 3},
		{config: stack.FPMConfig{MaxChildren: 5, PM: "dynamic"}, want: 5},
		{config: stack.FPMConfig{MaxChildren: 5, PM: "ondemand"}, want: 5},
		{config: stack.FPMConfig{MaxChildren: 5, PM: "ondemand"}, hide: true, want: 0},
		{config: stack.FPMConfig{MaxChildren: 3, Status: true}, hide: true, status: true, want: 3},
		{config: stack.FPMConfig{MaxChildren: 3, PM: "dynamic", Status: true}, hide: true, status: true, want: 0},
	} {
		t.Run(fmt.Sprintf("%s, hidden %v", row.config.PM, row.hide), func(t *testing.T) {
			s := stack.For(t, "php-fpm")
			fpm := s.FPM(row.config)
			c := Config{Servers: []sock.Addr{sock.Addr(fpm.Addr)}, MaxConns: Auto}
			if row.status {
				c.StatusServer, c.StatusPath = sock.Addr(fpm.Status), stack.StatusPath
			}
			l := newTestPool(c).listeners[0]
			if row.hide {
				if err := os.Remove(filepath.Join(filepath.Dir(string(fpm.Addr)), "fpm.conf")); err != nil {
					t.Fatal(err)
				}
			}
			master, err := l.whoListens()
			if err != nil {
				t.Fatal(err)
			}
			if got, pm := l.mostWorkers(t.Context(), master, Answer{Title: "php-fpm: pool www"}); got != row.want {
				t.Errorf("%d, pm %q, want %d", got, pm, row.want)
			}
			if got, _ := l.mostWorkers(t.Context(), master, Answer{Title: "php-fpm: pool other"}); !row.hide && got != 0 {
				t.Errorf("%d for a worker of another pool", got)
			}
		})
	}
}
