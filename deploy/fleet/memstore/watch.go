package memstore

import (
	"context"
	"time"

	"realdocd/deploy/fleet"
)

// watch is one of a client; the store's mu guards it.
type watch struct {
	c      *Client
	prefix string
	last   int64
	broken bool
	out    chan fleet.Changes
}

// Watch implements [fleet.Store].
func (c *Client) Watch(ctx context.Context, prefix string, after int64) <-chan fleet.Changes {
	w := &watch{c: c, prefix: prefix, last: after, out: make(chan fleet.Changes)}
	c.set(func() { c.watches[w] = true })
	go w.run(ctx)
	return w.out
}

// run hands changes on until ctx ends, the watch is broken, or nothing was heard for fleet.Silence.
func (w *watch) run(ctx context.Context) {
	defer close(w.out)
	defer w.c.set(func() { delete(w.c.watches, w) })
	heard := time.Now()
	beat := time.NewTicker(fleet.Heartbeat)
	defer beat.Stop()
	sign := true
	for {
		steps, changed, late, err := w.next(sign)
		sign = false
		if len(steps) > 0 {
			heard = time.Now()
		}
		if err == nil && time.Since(heard) >= fleet.Silence {
			err = errCut("watching")
		}
		if err != nil {
			steps = append(steps, fleet.Changes{Err: err})
		}
		for _, step := range steps {
			if late > 0 && step.Err == nil && !sleep(ctx, late) {
				return
			}
			select {
			case w.out <- step:
			case <-ctx.Done():
				return
			}
		}
		if err != nil {
			return
		}
		select {
		case <-changed:
		case <-beat.C:
			sign = true
		case <-ctx.Done():
			return
		}
	}
}

func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// next are the steps since the last ones; with sign there is one without events if nothing has
// happened.
func (w *watch) next(sign bool) (steps []fleet.Changes, changed <-chan struct{}, late time.Duration, err error) {
	s := w.c.store
	s.mu.Lock()
	defer s.mu.Unlock()
	changed, late = s.changed, w.c.late
	switch {
	case w.c.cut || w.c.deaf:
		return nil, changed, late, nil
	case w.c.failing != nil:
		return nil, changed, late, w.c.failing
	case w.broken:
		return nil, changed, late, errCut("watching")
	case w.last < s.compacted || w.last > s.revision:
		return nil, changed, late, fleet.ErrCompacted
	}
	for _, step := range s.history {
		if step.Revision <= w.last {
			continue
		}
		w.last = step.Revision
		if events := prefixed(step, w.prefix); len(events) > 0 {
			steps = append(steps, fleet.Changes{Revision: step.Revision, Events: events})
		}
	}
	if sign && len(steps) == 0 {
		steps = append(steps, fleet.Changes{Revision: s.revision})
	}
	return steps, changed, late, nil
}
