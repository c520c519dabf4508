package fpm

import (
	"context"
	"errors"
	"time"

	"realdocd/gateway/sock"
)

// holdLooks is how often a hold sees whether the queue has room still.
const holdLooks = 10 * time.Millisecond

// errQueueFills is why a hold is given up: the next visitors would be refused.
var errQueueFills = errors.New("the queue fills up")

// Hold has requests wait in the queue, and returns when nothing runs in the pool but what
// goes before the queue. It is for something that takes a moment, within the patience of
// those who wait: the caller calls letGo soon. If ctx ends first, or the queue is three
// quarters full, nothing is held. It knows nothing of a pause, and a pause nothing of it.
func (p *Pool) Hold(ctx context.Context) (letGo func(), err error) {
	p.mu.Lock()
	p.held++
	idle := p.takeAllKeptLocked() // FPM counts them as busy
	drained := p.drainedLocked()
	p.mu.Unlock()
	endAll(idle)
	tick := time.NewTicker(holdLooks)
	defer tick.Stop()
	for {
		select {
		case <-drained:
			return p.letGo, nil
		case <-ctx.Done():
			p.letGo()
			return nil, ctx.Err()
		case <-tick.C:
		}
		if p.queueFills() {
			p.letGo()
			return nil, errQueueFills
		}
	}
}

func (p *Pool) letGo() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.held--
	p.changedLocked()
}

// queueFills says whether few more requests may wait.
func (p *Pool) queueFills() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.queue.len > 0 && p.queue.len*4 >= p.Config().Queue*3
}

// Up are the listeners that take connections; all of them, if none does.
func (p *Pool) Up() (up []sock.Addr) {
	p.mu.Lock()
	defer p.mu.Unlock()
	var all []sock.Addr
	for _, l := range p.listeners {
		all = append(all, l.addr)
		if l.down.Load() == nil {
			up = append(up, l.addr)
		}
	}
	if len(up) == 0 {
		return all
	}
	return up
}
