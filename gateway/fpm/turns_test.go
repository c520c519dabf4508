package fpm

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"realdocd/gateway/sock"
	"realdocd/test/stack"
)

// askedPools are pools that take turns, and whose FPMs answer what a test has.
func askedPools(t *testing.T, turns *Turns, n int, answer func(ctx context.Context, pool int) (Answer, error)) (pools []*Pool) {
	for i := range n {
		p := New(Config{Name: fmt.Sprint(i), Servers: []sock.Addr{"127.0.0.1:1"}, MaxConns: Auto, Queue: 10, QueueTimeout: time.Hour}, zerolog.Nop())
		p.Turns = turns
		p.AskFPM = func(ctx context.Context, _ sock.Addr, _ string, _ Question) (Answer, error) { return answer(ctx, i) }
		t.Cleanup(p.Discard)
		pools = append(pools, p)
	}
	return pools
}

func newTurns(most int, lasts time.Duration) *Turns {
	return &Turns{taken: make(chan struct{}, most), lasts: lasts}
}

// hangsDuring is an FPM that does not answer for as long as the test lasts.
func hangsDuring(t *testing.T) (hang func() (Answer, error)) {
	end := make(chan struct{})
	t.Cleanup(func() { close(end) })
	return func() (Answer, error) {
		<-end
		return Answer{}, context.Canceled
	}
}

func TestTurns_BoundHowManyAreAskedAtOnce(t *testing.T) {
	const all, most = 12, 3
	var now atomic.Int32
	began, answer := make(chan int32), make(chan struct{})
	for _, p := range askedPools(t, newTurns(most, time.Hour), all, func(context.Context, int) (Answer, error) {
		began <- now.Add(1)
		<-answer
		now.Add(-1)
		return Answer{Version: "8.2.36", Workers: 2}, nil
	}) {
		p.Start("probe")
	}
	for i := range all {
		if i >= most {
			answer <- struct{}{}
		}
		if n := stack.Receive(t, began, fmt.Sprintf("question %d", i+1)); n > most {
			t.Errorf("%d are asked at once", n)
		}
	}
	for range most {
		answer <- struct{}{}
	}
}

func TestTurns_PoolsBehindHungListenersAreAsked(t *testing.T) {
	const hung, well = 7, 5
	hanging, asked := make(chan int, hung), make(chan int, well)
	hang := hangsDuring(t)
	pools := askedPools(t, newTurns(2, 5*time.Millisecond), hung+well, func(_ context.Context, pool int) (Answer, error) {
		if pool < hung {
			hanging <- pool
			return hang()
		}
		asked <- pool
		return Answer{Version: "8.2.36", Workers: 2}, nil
	})
	for _, p := range pools[:hung] {
		p.Start("probe")
	}
	for range hung {
		stack.Receive(t, hanging, "the question to one that hangs")
	}
	for _, p := range pools[hung:] {
		p.Start("probe")
	}
	for range well {
		stack.Receive(t, asked, "the question to one that answers")
	}
	for _, p := range pools[hung:] {
		stack.Until(t, "it is known what FPM can run", func() bool { return p.Status().MaxConns == 2 })
	}
}

// taken has all turns taken for as long as the test lasts.
func taken(t *testing.T, turns *Turns) {
	t.Helper()
	hanging := make(chan struct{})
	hang := hangsDuring(t)
	askedPools(t, turns, 1, func(context.Context, int) (Answer, error) {
		close(hanging)
		return hang()
	})[0].Start("probe")
	stack.Receive(t, hanging, "the question that takes the turn")
}

func TestTurns_ARequestDoesNotWaitForOne(t *testing.T) {
	turns := newTurns(1, time.Hour)
	taken(t, turns)
	var asked atomic.Int32
	p := askedPools(t, turns, 1, func(context.Context, int) (Answer, error) {
		return Answer{Version: "8.2.36", Workers: 1 + int(asked.Add(1))}, nil
	})[0]
	p.Start("probe")
	p.mu.Lock()
	p.listeners[0].workers = 1 // as was known before a reload
	p.mu.Unlock()
	first := comes(p, "a")
	first.runs(t)
	second := comes(p, "b") // which waits until two can run
	second.runs(t)
	first.place.Leave(false)
	second.place.Leave(false)
}

func TestTurns_APoolIsNotAskedTwiceForWhatCameBeforeItsTurn(t *testing.T) {
	turns := newTurns(1, time.Hour)
	turns.taken <- struct{}{}
	asked := make(chan struct{}, 3)
	p := askedPools(t, turns, 1, func(context.Context, int) (Answer, error) {
		asked <- struct{}{}
		return Answer{Version: "8.2.36", Workers: 2}, nil
	})[0]
	for range 3 { // reloads
		p.Start("probe")
	}
	<-turns.taken
	stack.Until(t, "it has answered", func() bool {
		p.mu.Lock()
		defer p.mu.Unlock()
		return !p.listeners[0].asking
	})
	if n := len(asked); n != 1 {
		t.Errorf("it was asked %d times", n)
	}
}

func TestTurns_APoolThatIsDroppedLeavesItsTurnToOthers(t *testing.T) {
	turns := newTurns(1, time.Hour)
	turns.taken <- struct{}{}
	dropped := askedPools(t, turns, 1, func(ctx context.Context, _ int) (Answer, error) { return Answer{}, ctx.Err() })[0]
	dropped.Start("probe")
	dropped.Discard()
	stack.Until(t, "its question has ended", func() bool {
		dropped.mu.Lock()
		defer dropped.mu.Unlock()
		return !dropped.listeners[0].asking
	})
	<-turns.taken
	if n := len(turns.taken); n > 0 {
		t.Errorf("%d turns are taken", n)
	}
}
