package memstore

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"realdocd/deploy/fleet"
)

// errCut is what calls fail with whose client is cut off.
func errCut(doing string) error {
	return &fleet.StoreError{Fault: fleet.FaultUnreachable, Doing: doing, Store: "memory", Since: time.Now(), Err: errors.New("no answer")}
}

// A Client is the store as one host or command reaches it.
type Client struct {
	store *Store
	name  string
	faults
	watches map[*watch]bool
	closed  chan struct{}
}

// faults of a client; the store's mu guards them.
type faults struct {
	cut     bool          // nothing comes through
	deaf    bool          // what it asks is done, and no answer comes
	late    time.Duration // what it hears is so late
	failing error         // calls fail at once
	refuses func(fleet.Op) error
}

// Client is the client of a name; each name has one.
func (s *Store) Client(name string) *Client {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.clients[name] == nil {
		s.clients[name] = &Client{store: s, name: name, watches: map[*watch]bool{}, closed: make(chan struct{})}
	}
	return s.clients[name]
}

func (c *Client) set(f func()) {
	c.store.mu.Lock()
	defer c.store.mu.Unlock()
	f()
	c.store.wakeLocked()
}

// Cut has nothing of the client come through, until Heal.
func (c *Client) Cut() { c.set(func() { c.cut = true }) }

// Deafen has what the client asks be done without an answer, until Heal.
func (c *Client) Deafen() { c.set(func() { c.deaf = true }) }

// Late has watches of the client hear everything so much later.
func (c *Client) Late(by time.Duration) { c.set(func() { c.late = by }) }

// Fail has calls fail with an error at once, until Heal.
func (c *Client) Fail(err error) { c.set(func() { c.failing = err }) }

// Refuse has the store refuse steps of the client for what one of their operations is, as it does whose
// rights do not go as far, or whose disk is full, until Heal.
func (c *Client) Refuse(f func(fleet.Op) error) { c.set(func() { c.refuses = f }) }

// Heal ends all faults of the client.
func (c *Client) Heal() { c.set(func() { c.faults = faults{} }) }

// LoseLeases ends the client's leases in the store, which the client is not told of before it asks.
func (c *Client) LoseLeases() {
	c.set(func() {
		for _, l := range c.store.leases {
			if l.c == c {
				l.overLocked()
			}
		}
	})
}

// BreakWatches ends the client's watches.
func (c *Client) BreakWatches() { c.set(c.breakWatchesLocked) }

func (c *Client) breakWatchesLocked() {
	for w := range c.watches {
		w.broken = true
	}
}

// call does f if the client reaches the store. Otherwise it waits as one does who gets no answer.
func (c *Client) call(ctx context.Context, f func()) error {
	c.store.mu.Lock()
	cut, deaf, failing := c.cut, c.deaf, c.failing
	if !cut && failing == nil {
		f()
	}
	c.store.mu.Unlock()
	switch {
	case failing != nil:
		return failing
	case !cut && !deaf:
		return ctx.Err()
	}
	bound := time.NewTimer(fleet.CallLimit)
	defer bound.Stop()
	select {
	case <-bound.C:
		return errCut("calling")
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Get implements [fleet.Store].
func (c *Client) Get(ctx context.Context, prefix string) (kvs []fleet.KV, revision int64, err error) {
	err = c.call(ctx, func() { kvs, revision = c.store.getLocked(prefix), c.store.revision })
	if err != nil {
		return nil, 0, err
	}
	return kvs, revision, nil
}

// Commit implements [fleet.Store]. It refuses what etcd refuses.
func (c *Client) Commit(ctx context.Context, when []fleet.Condition, then []fleet.Op) (ok bool, revision int64, err error) {
	if len(when) > fleet.MaxConditions || len(then) > fleet.MaxConditions {
		return false, 0, fmt.Errorf("memstore: %d conditions and %d operations are too many", len(when), len(then))
	}
	written := map[string]bool{}
	for _, op := range then {
		if written[op.Key] {
			return false, 0, fmt.Errorf("memstore: one step has the key %s twice", op.Key)
		}
		written[op.Key] = true
	}
	var refused error
	err = c.call(ctx, func() {
		for _, op := range then { // rights come before conditions
			if c.refuses != nil && refused == nil {
				refused = c.refuses(op)
			}
		}
		if refused != nil {
			return
		}
		for _, condition := range when {
			if !c.store.holdsLocked(condition) {
				revision = c.store.revision
				return
			}
		}
		for _, op := range then {
			if op.Lease != 0 && c.store.leases[op.Lease] == nil {
				refused = &fleet.StoreError{Fault: fleet.FaultForgotten, Doing: "writing", Store: "memory", Since: time.Now(), Err: errors.New("the lease is over")}
				return
			}
		}
		c.store.doLocked(then)
		ok, revision = true, c.store.revision
	})
	if err = errors.Join(err, refused); err != nil {
		return false, 0, err
	}
	return ok, revision, nil
}

// Lease implements [fleet.Store]. It goes by the caller's ctx: a Client that ends it so is one that was
// killed, and the keys stay until the lease's time is over.
func (c *Client) Lease(ctx context.Context, ttl time.Duration) (fleet.Lease, error) {
	l := &held{}
	err := c.call(ctx, func() {
		s := c.store
		s.lastLease++
		l.lease = &lease{c: c, id: s.lastLease, ttl: ttl, lost: make(chan struct{}), kept: time.Now()}
		l.timer = time.AfterFunc(ttl, func() {
			s.mu.Lock()
			defer s.mu.Unlock()
			l.overLocked()
		})
		s.leases[l.id] = l.lease
	})
	if err != nil {
		return nil, err
	}
	ctx, l.stop = context.WithCancel(ctx)
	go l.keep(ctx)
	return l, nil
}

// held is a lease as its client sees it.
type held struct {
	*lease
	stop context.CancelFunc
}

func (l *held) ID() fleet.LeaseID     { return l.id }
func (l *held) Lost() <-chan struct{} { return l.lost }

func (l *held) Kept() time.Time {
	l.c.store.mu.Lock()
	defer l.c.store.mu.Unlock()
	return l.kept
}

// keep keeps the lease until ctx ends or it is over, as far as the client knows.
func (l *held) keep(ctx context.Context) {
	defer close(l.lost)
	s := l.c.store
	tick := time.NewTicker(l.ttl / 3)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
		s.mu.Lock()
		reached := !l.c.cut && !l.c.deaf && l.c.failing == nil
		over := l.over && reached
		if reached && !l.over {
			l.kept = time.Now()
			l.timer.Reset(l.ttl)
		}
		over = over || time.Since(l.kept) >= l.ttl
		s.mu.Unlock()
		if over {
			return
		}
	}
}

// End implements [fleet.Lease].
func (l *held) End() {
	l.stop()
	<-l.lost
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	l.c.call(ctx, l.overLocked) // if this fails, the lease ends by itself
}

// Close implements [fleet.Store].
func (c *Client) Close() error {
	c.BreakWatches()
	return nil
}

// prefixed is what of a step a watch of a prefix hears.
func prefixed(step fleet.Changes, prefix string) []fleet.Event {
	var events []fleet.Event
	for _, event := range step.Events {
		if strings.HasPrefix(event.Key, prefix) {
			events = append(events, event)
		}
	}
	return events
}
