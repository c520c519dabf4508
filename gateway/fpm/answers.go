package fpm

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"realdocd/gateway/sock"
)

const (
	// answersFor is how long what was found serves those who ask next.
	answersFor = time.Second
	// answerTimeout bounds how long FPM may take to answer.
	answerTimeout = time.Second
)

// looked is what is known of whether the FPMs of a pool answer.
type looked struct {
	mu    sync.Mutex    // guards the following
	ended chan struct{} // closed at the end of the look that runs; nil if none does
	at    time.Time     // when the newest look ended
	err   error         // what it found
}

// Answers says whether one of the pool's FPMs answers: nil, or why none does. It looks at
// most once in answersFor, however many ask, and asks FPM's status if that is configured:
// that answers while all workers are busy. Else it asks the listener itself. One that takes a connection and does
// not answer counts as busy, if requests run in it, and else as hung. A listener that takes no connection is
// down from then on, also for requests. The end of ctx ends the wait.
func (p *Pool) Answers(ctx context.Context) error {
	a := &p.looked
	a.mu.Lock()
	if a.ended == nil && time.Since(a.at) >= answersFor {
		a.ended = make(chan struct{})
		go p.lookForAnswers(a.ended)
	}
	ended := a.ended
	a.mu.Unlock()
	if ended != nil {
		select {
		case <-ended:
		case <-ctx.Done():
			return fmt.Errorf("ask FPM: %w", ctx.Err())
		}
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.err
}

// lookForAnswers asks all listeners at once, and notes what it finds.
func (p *Pool) lookForAnswers(ended chan struct{}) {
	defer close(ended)
	ctx, cancel := context.WithTimeout(context.Background(), answerTimeout)
	defer cancel()
	p.mu.Lock()
	listeners := append([]*listener(nil), p.listeners...)
	p.mu.Unlock()
	found := make(chan error, len(listeners))
	for _, l := range listeners {
		go func() { found <- l.answers(ctx) }()
	}
	var errs error
	for range listeners {
		err := <-found
		if err == nil {
			errs = nil
			break
		}
		errs = errors.Join(errs, err)
	}
	a := &p.looked
	a.mu.Lock()
	a.ended, a.at, a.err = nil, time.Now(), errs
	a.mu.Unlock()
}

// answers says whether the FPM of one listener answers.
func (l *listener) answers(ctx context.Context) error {
	p := l.pool
	c := p.Config()
	if c.StatusServer != "" && len(c.Servers) == 1 {
		if _, err := AskPage(ctx, c.StatusServer, c.StatusPath); err == nil {
			return nil
		}
	}
	conn, err := l.dial(time.Now().Add(min(c.ConnectTimeout, answerTimeout)))
	switch {
	case sock.IsOwn(err):
		return fmt.Errorf("realdocd itself has run short: connect to FPM at %s: %w", l.addr, err)
	case errors.Is(err, ErrBacklogFull) && l.isBusy():
		return nil
	case err != nil:
		l.failed(err)
		return fmt.Errorf("connect to FPM at %s: %w", l.addr, err)
	}
	l.answered()
	defer conn.End()
	err = pingOver(ctx, conn)
	if err == nil || l.isBusy() {
		return nil
	}
	return fmt.Errorf("FPM at %s has taken a connection, and did not answer within %s though no request of realdocd runs in it: see its log: %w", l.addr, answerTimeout, err)
}

// isBusy says whether requests run in the listener, so that it may have no worker to
// answer with.
func (l *listener) isBusy() bool {
	l.pool.mu.Lock()
	defer l.pool.mu.Unlock()
	return l.busyLocked() > 0 || len(l.kept) > 0
}
