package fpm

import (
	"context"
	"errors"
	"testing"

	"realdocd/gateway/sock"
)

// busyPool has one request in it.
func busyPool(t *testing.T) (*Pool, *Place) {
	t.Helper()
	p := newTestPool(Config{Servers: []sock.Addr{"/s"}})
	pl := &Place{}
	if err := p.Enter(pl, Want{By: &client{}}); err != nil {
		t.Fatal(err)
	}
	return p, pl
}

// drain begins a drain and returns when it waits.
func drain(t *testing.T, p *Pool) (ended chan error, leave context.CancelFunc) {
	t.Helper()
	ctx, leave := context.WithCancel(t.Context())
	p.mu.Lock()
	before := p.pause.drains
	p.mu.Unlock()
	ended = make(chan error, 1)
	go func() { ended <- p.Drain(ctx) }()
	for waits := false; !waits; {
		p.mu.Lock()
		waits = p.pause.drains > before
		p.mu.Unlock()
	}
	return ended, leave
}

func TestPause_OfAPool(t *testing.T) {
	for _, row := range []struct {
		name string
		do   func(t *testing.T, p *Pool, pl *Place) error
		want string // of the drain's error; "" is none
		then pauseState
	}{
		{"a drain that ends is a pause", func(t *testing.T, p *Pool, pl *Place) error {
			ended, _ := drain(t, p)
			pl.Leave(false)
			return <-ended
		}, "", paused},
		{"a drain that fails undoes its pause", func(t *testing.T, p *Pool, _ *Place) error {
			ended, leave := drain(t, p)
			leave()
			return <-ended
		}, "resumed", open},
		{"a drain that fails leaves a pause from before", func(t *testing.T, p *Pool, _ *Place) error {
			p.Pause()
			ended, leave := drain(t, p)
			leave()
			return <-ended
		}, "stays paused", paused},
		{"a drain that fails leaves a pause that came meanwhile", func(t *testing.T, p *Pool, _ *Place) error {
			ended, leave := drain(t, p)
			p.Pause()
			leave()
			return <-ended
		}, "stays paused", paused},
		{"of two drains the first to fail leaves the other its pause", func(t *testing.T, p *Pool, _ *Place) error {
			first, leave := drain(t, p)
			drain(t, p)
			leave()
			return <-first
		}, "stays paused", draining},
		{"of two drains the last to fail resumes", func(t *testing.T, p *Pool, _ *Place) error {
			first, leaveFirst := drain(t, p)
			last, leaveLast := drain(t, p)
			leaveFirst()
			<-first
			leaveLast()
			return <-last
		}, "resumed", open},
		{"a resume fails the drains that wait", func(t *testing.T, p *Pool, _ *Place) error {
			ended, _ := drain(t, p)
			p.Resume()
			return <-ended
		}, "was resumed meanwhile", open},
		{"a pool that has left the configuration is not paused when it comes back", func(t *testing.T, p *Pool, _ *Place) error {
			p.Pause()
			p.Discard()
			ended, leave := drain(t, p)
			leave()
			return <-ended
		}, "resumed", open},
	} {
		t.Run(row.name, func(t *testing.T) {
			p, pl := busyPool(t)
			got, failed := "", (*DrainError)(nil)
			switch err := row.do(t, p, pl); {
			case errors.Is(err, ErrResumed):
				got = "was resumed meanwhile"
			case errors.As(err, &failed) && failed.Paused:
				got = "stays paused"
			case errors.As(err, &failed):
				got = "resumed"
			}
			if got != row.want || p.pause.state != row.then {
				t.Errorf("the drain %q, want %q; the pool is in state %d, want %d", got, row.want, p.pause.state, row.then)
			}
		})
	}
}

func TestPause_ADrainOfAnIdlePoolEndsAtOnce(t *testing.T) {
	p := newTestPool(Config{Servers: []sock.Addr{"/s"}})
	if err := p.Drain(t.Context()); err != nil || !p.Status().Paused {
		t.Errorf("got %v, paused %v", err, p.Status().Paused)
	}
	p.Resume()
	if p.Status().Paused {
		t.Error("it stays paused after a resume")
	}
}

func TestPause_AFailedDrainSaysWhatWasLeft(t *testing.T) {
	p, _ := busyPool(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	failed := (*DrainError)(nil)
	if err := p.Drain(ctx); !errors.As(err, &failed) || failed.Running != 1 || !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}
