package fpm

import (
	"context"
	"time"
)

const (
	// asksAtOnce is how many pools ask FPM what it is at once. A question has FPM start a
	// worker under pm = ondemand, and realdocd read FPM's configuration: hundreds at once,
	// as after a start or a reload, have every request wait.
	asksAtOnce = 4
	// turnLasts is how long a question keeps others from being asked. One that takes longer
	// waits for an FPM that is busy or hangs, and costs nothing meanwhile.
	turnLasts = 250 * time.Millisecond
)

// Turns are those of the pools of a daemon in asking FPM what it is. Questions are asked in
// the order in which they came. What a request waits for takes no turn: how many requests FPM
// can run, while some wait in the queue, and what a pool's FPM is asked before its first
// request.
type Turns struct {
	taken chan struct{} // has one for each question that is asked
	lasts time.Duration
}

// NewTurns are those of one daemon.
func NewTurns() *Turns {
	return &Turns{taken: make(chan struct{}, asksAtOnce), lasts: turnLasts}
}

// take waits for a turn, until ctx ends or hurry is closed, which need none. done ends the
// turn, if it is not over by then.
func (t *Turns) take(ctx context.Context, hurry <-chan struct{}) (done func()) {
	if t == nil {
		return func() {}
	}
	select {
	case t.taken <- struct{}{}:
	case <-hurry:
		return func() {}
	case <-ctx.Done():
		return func() {}
	}
	end := func() { <-t.taken }
	over := time.AfterFunc(t.lasts, end)
	return func() {
		if over.Stop() {
			end()
		}
	}
}
