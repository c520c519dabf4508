package fleet_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"realdocd/deploy/fleet"
	"realdocd/deploy/fleet/memstore"
)

var keys = fleet.NewKeys("/realdocd", "www")

// A fakeHost answers as an agent does, or as the test has it. It has release 42, live, and 43.
type fakeHost struct {
	t      *testing.T
	name   string
	client *memstore.Client
	stop   func()

	mu       sync.Mutex    // guards the following
	hash     string        // of 43
	why      string        // what is wrong with 43
	mute     string        // a phase in which it says nothing
	slow     time.Duration // how long it prepares, and promises how long it takes to promise
	promises time.Duration
	offset   time.Duration // of its clock
	lost     time.Duration
	stuck    bool // it goes by no commit
	phases   []string
	// working is an answer to prepare that comes later.
	working *time.Timer
}

func newFakeHost(t *testing.T, store *memstore.Store, name string) *fakeHost {
	return &fakeHost{t: t, name: name, client: store.Client(name), hash: "v1:new"}
}

func (h *fakeHost) put(ctx context.Context, lease fleet.LeaseID, kvs map[string]any) {
	var ops []fleet.Op
	for key, v := range kvs {
		text, err := json.Marshal(v)
		if err != nil {
			h.t.Error(err)
		}
		op := fleet.Op{Key: key, Value: text, Lease: lease}
		if key == keys.Member(h.name) || key == keys.Roster() {
			op.Lease = 0
		}
		ops = append(ops, op)
	}
	if ok, _, err := h.client.Commit(ctx, nil, ops); (err != nil || !ok) && ctx.Err() == nil {
		h.t.Errorf("%s: %v", h.name, err)
	}
}

// start joins the group, and answers until stop.
func (h *fakeHost) start() {
	h.t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	lease, err := h.client.Lease(ctx, fleet.LeaseTTL)
	if err != nil {
		h.t.Error(err) // this may not be the test's goroutine
		stop()
		return
	}
	h.put(ctx, lease.ID(), map[string]any{
		keys.Member(h.name): fleet.Member{Host: h.name, Lost: h.lost}, keys.Roster(): fleet.Roster{Host: h.name},
		keys.Host(h.name): fleet.Presence{Host: h.name}, keys.Have("shop", h.name): h.has("42", 0, time.Time{}),
	})
	kvs, revision, err := h.client.Get(ctx, keys.All())
	if err != nil {
		h.t.Error(err)
		stop()
		return
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for _, kv := range kvs {
			h.hear(ctx, lease.ID(), fleet.Event{KV: kv})
		}
		for changes := range h.client.Watch(ctx, keys.All(), revision) {
			for _, e := range changes.Events {
				h.hear(ctx, lease.ID(), e)
			}
		}
	}()
	h.stop = sync.OnceFunc(func() {
		stop()
		<-done
		lease.End()
	})
	h.t.Cleanup(h.stop)
}

func (h *fakeHost) has(live string, seq int64, applied time.Time) fleet.Have {
	have := fleet.Have{Live: live, Seq: seq, Applied: applied, State: fleet.InStep, Releases: []fleet.Release{{Name: "42", Hash: "v1:old"}}}
	if h.why == "" {
		have.Releases = append(have.Releases, fleet.Release{Name: "43", Hash: h.hash})
	}
	return have
}

func (h *fakeHost) hear(ctx context.Context, lease fleet.LeaseID, e fleet.Event) {
	h.mu.Lock()
	defer h.mu.Unlock()
	now := time.Now().Add(h.offset)
	switch {
	case e.Removed && h.working != nil:
		h.working.Stop()
	case e.Removed:
	case strings.HasPrefix(e.Key, keys.Flips()):
		var p fleet.Proposal
		json.Unmarshal(e.Value, &p)
		h.phases = append(h.phases, p.Phase)
		if h.mute == p.Phase {
			return
		}
		a := fleet.Answer{Host: h.name, Round: p.Round, Phase: p.Phase, OK: true, Clock: now}
		if p.Phase == fleet.PhasePrepare {
			a.OK, a.Why, a.Hash = h.why == "", h.why, h.hash
			if p.Release == "42" {
				a.OK, a.Hash = true, "v1:old"
			}
		}
		answer := func() { h.put(ctx, lease, map[string]any{keys.Answer(p.ID, h.name): a}) }
		switch {
		case p.Phase == fleet.PhasePrepare && h.slow > 0:
			h.working = time.AfterFunc(h.slow, answer)
		case p.Phase == fleet.PhasePromise && h.promises > 0:
			h.working = time.AfterFunc(h.promises, answer)
		default:
			answer()
		}
	case strings.HasPrefix(e.Key, keys.Sites()):
		var c fleet.Commit
		json.Unmarshal(e.Value, &c)
		if h.stuck {
			return
		}
		if !c.At.IsZero() {
			time.Sleep(c.At.Sub(now))
		}
		have := h.has(c.Release, c.Seq, time.Now().Add(h.offset))
		if slices.Contains(c.Fenced, h.name) {
			have = h.has("42", 0, time.Time{})
			have.State, have.Why = fleet.Behind, h.why
		}
		h.put(ctx, lease, map[string]any{keys.Have("shop", h.name): have})
	}
}

// A fakeFleet is hosts around a store in memory, with a command.
type fakeFleet struct {
	t     *testing.T
	store *memstore.Store
	hosts map[string]*fakeHost
	c     *fleet.Commander
}

// inFleet runs a test in a bubble of time, with the hosts web1 to webN.
func inFleet(t *testing.T, n int, test func(f *fakeFleet)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		store := memstore.New()
		f := &fakeFleet{t: t, store: store, hosts: map[string]*fakeHost{}}
		f.c = &fleet.Commander{Store: store.Client("command"), Keys: keys, By: "root@web1", Host: "web1"}
		for i := range n {
			h := newFakeHost(t, store, fmt.Sprintf("web%d", i+1))
			h.start()
			f.hosts[h.name] = h
		}
		test(f)
	})
}

func (f *fakeFleet) flip(change func(*fleet.Flip)) (fleet.Report, error) {
	flip := fleet.Flip{Site: "shop", Release: "43"}
	if change != nil {
		change(&flip)
	}
	return f.c.Flip(context.Background(), flip)
}

// committed is what the store has for the site; nil for nothing.
func (f *fakeFleet) committed() *fleet.Commit {
	f.t.Helper()
	kvs, _, err := f.store.Client("test").Get(context.Background(), keys.Site("shop"))
	if err != nil {
		f.t.Fatal(err)
	}
	if len(kvs) == 0 {
		return nil
	}
	var c fleet.Commit
	if err := json.Unmarshal(kvs[0].Value, &c); err != nil {
		f.t.Fatal(err)
	}
	return &c
}

// wantNothing wants no commit, and nothing left of a flip.
func (f *fakeFleet) wantNothing() {
	f.t.Helper()
	if c := f.committed(); c != nil {
		f.t.Errorf("it is committed: %+v", c)
	}
	f.wantNoFlip()
}

func (f *fakeFleet) wantNoFlip() {
	f.t.Helper()
	for _, prefix := range []string{keys.Flips(), keys.Base() + "answers/", keys.Asks()} {
		if kvs, _, _ := f.store.Client("test").Get(context.Background(), prefix); len(kvs) > 0 {
			f.t.Errorf("%s is left", kvs[0].Key)
		}
	}
}

func wantError(t *testing.T, err error, wants ...string) {
	t.Helper()
	if err == nil {
		t.Fatal("there is no error")
	}
	for _, want := range wants {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q is not in\n%v", want, err)
		}
	}
}
