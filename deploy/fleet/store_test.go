package fleet_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"realdocd/deploy/fleet"
	"realdocd/deploy/fleet/memstore"
)

// A ground is a store that is tested: clients of it, and what happens to it.
type ground struct {
	open    func(t *testing.T) fleet.Store // one more client
	compact func(t *testing.T)             // the store forgets its history
}

// What is true of the store in memory has to be true of etcd, or tests with it prove nothing.
func TestStore_KeepsItsPromises(t *testing.T) {
	promises := []struct {
		what string
		test func(t *testing.T, g ground, s fleet.Store, base string)
	}{
		{"keys come in order, with their revisions", testGet},
		{"a step is done if all of its conditions hold, or not at all", testConditions},
		{"a condition of a prefix holds until something below it is written", testPrefixCondition},
		{"a watch hears each step whole, in order and without a gap", testWatch},
		{"a watch gives signs of life", testSigns},
		{"a watch of what was forgotten says so", testCompacted},
		{"a watch of what the store does not know yet says that it was set back", testSetBack},
		{"keys go with the lease that ends", testLeaseEnds},
		{"keys go when nobody keeps their lease", testLeaseRunsOut},
		{"a lease is kept, and tells until when", testLeaseKept},
		{"nothing is written with a lease that is over", testLeaseOver},
		{"calls end with their context", testContext},
		{"a step that is too large is refused", testTooLarge},
	}
	grounds := map[string]func(t *testing.T) ground{
		"in memory": func(t *testing.T) ground {
			store, clients := memstore.New(), 0
			return ground{
				open: func(t *testing.T) fleet.Store {
					clients++
					return store.Client(fmt.Sprint("client", clients))
				},
				compact: func(*testing.T) { store.Compact() },
			}
		},
		"etcd": func(t *testing.T) ground {
			e := startEtcd(t, plain)
			return ground{open: func(t *testing.T) fleet.Store { return e.open(t, fleet.EtcdConfig{}) }, compact: e.compact}
		},
	}
	for name, make := range grounds {
		t.Run(name, func(t *testing.T) {
			g := make(t)
			for i, promise := range promises {
				t.Run(promise.what, func(t *testing.T) {
					promise.test(t, g, g.open(t), fmt.Sprintf("/realdocd/%d/", i))
				})
			}
		})
	}
}

func put(key, value string) fleet.Op { return fleet.Op{Key: key, Value: []byte(value)} }

// commit does a step, which has to be done or not.
func commit(t *testing.T, s fleet.Store, want bool, when []fleet.Condition, ops ...fleet.Op) int64 {
	t.Helper()
	ok, revision, err := s.Commit(context.Background(), when, ops)
	if err != nil || ok != want {
		t.Fatalf("the step was done: %v (%v), want %v", ok, err, want)
	}
	return revision
}

// get is what the store has below a prefix, as text.
func get(t *testing.T, s fleet.Store, prefix string) string {
	t.Helper()
	kvs, _, err := s.Get(context.Background(), prefix)
	if err != nil {
		t.Fatal(err)
	}
	text := ""
	for _, kv := range kvs {
		text += kv.Key[len(prefix):] + "=" + string(kv.Value) + " "
	}
	return text
}

// heard waits for the next changes that have events, as text.
func heard(t *testing.T, watch <-chan fleet.Changes) (string, fleet.Changes) {
	t.Helper()
	for {
		select {
		case c, ok := <-watch:
			if !ok || c.Err != nil {
				t.Fatalf("the watch ended: %v", c.Err)
			}
			if len(c.Events) == 0 {
				continue
			}
			text := ""
			for _, e := range c.Events {
				if e.Modified != c.Revision {
					t.Errorf("%s was modified at %d in a step at %d", e.Key, e.Modified, c.Revision)
				}
				if e.Removed {
					text += "-" + e.Key[len("/realdocd/"):] + " "
				} else {
					text += e.Key[len("/realdocd/"):] + "=" + string(e.Value) + " "
				}
			}
			return text, c
		case <-time.After(10 * time.Second):
			t.Fatal("the watch hears nothing")
		}
	}
}

// ends waits for the end of a watch, and gives why.
func ends(t *testing.T, watch <-chan fleet.Changes, within time.Duration) error {
	t.Helper()
	bound := time.After(within)
	for {
		select {
		case c, ok := <-watch:
			if !ok {
				t.Fatal("the watch ends without a cause")
			}
			if c.Err != nil {
				return c.Err
			}
		case <-bound:
			t.Fatal("the watch does not end")
		}
	}
}

func testGet(t *testing.T, g ground, s fleet.Store, base string) {
	first := commit(t, s, true, nil, put(base+"b", "1"), put(base+"a", "1"))
	second := commit(t, s, true, nil, put(base+"b", "2"))
	commit(t, s, true, nil, put(base[:len(base)-1]+"x", "other"))
	kvs, revision, err := g.open(t).Get(context.Background(), base)
	if err != nil || len(kvs) != 2 || revision != second+1 {
		t.Fatalf("there are %+v at %d (%v)", kvs, revision, err)
	}
	if b := kvs[1]; kvs[0].Key != base+"a" || b.Created != first || b.Modified != second || string(b.Value) != "2" || b.Lease != 0 {
		t.Errorf("there are %+v", kvs)
	}
}

func testConditions(t *testing.T, g ground, s fleet.Store, base string) {
	absent := []fleet.Condition{{Key: base + "a"}}
	made := commit(t, s, true, absent, put(base+"a", "1"))
	commit(t, s, false, absent, put(base+"a", "2"), put(base+"b", "2"))
	as := []fleet.Condition{{Key: base + "a", Modified: made}, {Key: base + "c"}}
	commit(t, s, true, as, put(base+"a", "3"), put(base+"d", "3"))
	commit(t, s, false, as, put(base+"a", "4"))
	if got := get(t, s, base); got != "a=3 d=3 " {
		t.Errorf("there is %s", got)
	}
}

func testPrefixCondition(t *testing.T, g ground, s fleet.Store, base string) {
	below := func(revision int64) []fleet.Condition {
		return []fleet.Condition{{Key: base + "hosts/", Prefix: true, Modified: revision}}
	}
	commit(t, s, true, below(0), put(base+"a", "1"))
	one := commit(t, s, true, nil, put(base+"hosts/1", "1"))
	commit(t, s, false, below(one-1), put(base+"a", "2"))
	commit(t, s, true, below(one), put(base+"a", "3"))
	two := commit(t, s, true, nil, put(base+"hosts/2", "1"))
	commit(t, s, false, below(one), put(base+"a", "4"))
	commit(t, s, true, nil, fleet.Op{Key: base + "hosts/2", Remove: true})
	commit(t, s, true, below(one), put(base+"a", "5"))
	if got := get(t, s, base); got != "a=5 hosts/1=1 " || two <= one {
		t.Errorf("there is %s", got)
	}
}

func testWatch(t *testing.T, g ground, s fleet.Store, base string) {
	before := commit(t, s, true, nil, put(base+"a/1", "0"))
	commit(t, s, true, nil, put(base+"a/1", "1"), put(base+"b/1", "1"), put(base+"a/2", "1"))
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	watch := g.open(t).Watch(ctx, base+"a/", before)
	name := base[len("/realdocd/"):]
	if got, _ := heard(t, watch); got != name+"a/1=1 "+name+"a/2=1 " {
		t.Errorf("it hears %q", got)
	}
	commit(t, s, true, nil, put(base+"b/1", "2"))
	commit(t, s, true, nil, fleet.Op{Key: base + "a/", Remove: true, Prefix: true}, put(base+"c", "2"))
	last := commit(t, s, true, nil, put(base+"a/3", "3"))
	if got, _ := heard(t, watch); got != "-"+name+"a/1 -"+name+"a/2 " {
		t.Errorf("it hears %q", got)
	}
	if got, c := heard(t, watch); got != name+"a/3=3 " || c.Revision != last {
		t.Errorf("it hears %q at %d", got, c.Revision)
	}
	cancel()
	for range watch { // it is closed
	}
}

func testSigns(t *testing.T, g ground, s fleet.Store, base string) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	began := time.Now()
	_, revision, _ := s.Get(ctx, base)
	watch := s.Watch(ctx, base, revision)
	for i := range 3 {
		c, ok := <-watch
		if !ok || c.Err != nil || len(c.Events) > 0 || c.Revision < revision {
			t.Fatalf("sign %d is %+v", i, c)
		}
		if most := time.Duration(i)*fleet.Heartbeat + time.Second; time.Since(began) > most {
			t.Errorf("sign %d came after %v", i, time.Since(began))
		}
	}
}

func testCompacted(t *testing.T, g ground, s fleet.Store, base string) {
	before := commit(t, s, true, nil, put(base+"a", "1"))
	commit(t, s, true, nil, put(base+"a", "2"))
	commit(t, s, true, nil, put(base+"a", "3"))
	g.compact(t)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	if err := ends(t, s.Watch(ctx, base, before), 5*time.Second); !errors.Is(err, fleet.ErrCompacted) {
		t.Errorf("it ends with %v", err)
	}
}

func testSetBack(t *testing.T, g ground, s fleet.Store, base string) {
	revision := commit(t, s, true, nil, put(base+"a", "1"))
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	if err := ends(t, s.Watch(ctx, base, revision+100), 5*time.Second); !errors.Is(err, fleet.ErrCompacted) {
		t.Errorf("it ends with %v", err)
	}
}

func lease(t *testing.T, s fleet.Store, ctx context.Context) fleet.Lease {
	t.Helper()
	l, err := s.Lease(ctx, 2*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func testLeaseEnds(t *testing.T, g ground, s fleet.Store, base string) {
	l := lease(t, s, context.Background())
	before := commit(t, s, true, nil, fleet.Op{Key: base + "a", Value: []byte("1"), Lease: l.ID()}, fleet.Op{Key: base + "b", Value: []byte("1"), Lease: l.ID()}, put(base+"c", "1"))
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	watch := g.open(t).Watch(ctx, base, before)
	l.End()
	<-l.Lost()
	name := base[len("/realdocd/"):]
	if got, _ := heard(t, watch); got != "-"+name+"a -"+name+"b " {
		t.Errorf("it hears %q", got)
	}
	if got := get(t, s, base); got != "c=1 " {
		t.Errorf("there is %s", got)
	}
}

func testLeaseRunsOut(t *testing.T, g ground, s fleet.Store, base string) {
	ctx, cancel := context.WithCancel(context.Background())
	l := lease(t, s, ctx)
	before := commit(t, s, true, nil, fleet.Op{Key: base + "a", Value: []byte("1"), Lease: l.ID()})
	cancel()
	<-l.Lost()
	if got := get(t, s, base); got != "a=1 " {
		t.Fatalf("there is %q as soon as nobody keeps the lease", got)
	}
	ctx, cancel = context.WithCancel(context.Background())
	defer cancel()
	if got, _ := heard(t, s.Watch(ctx, base, before)); got != "-"+base[len("/realdocd/"):]+"a " {
		t.Errorf("it hears %q", got)
	}
}

func testLeaseKept(t *testing.T, g ground, s fleet.Store, base string) {
	began := time.Now()
	l := lease(t, s, context.Background())
	defer l.End()
	commit(t, s, true, nil, fleet.Op{Key: base + "a", Value: []byte("1"), Lease: l.ID()})
	time.Sleep(5 * time.Second) // two and a half of its times
	if got := get(t, s, base); got != "a=1 " {
		t.Errorf("there is %q", got)
	}
	select {
	case <-l.Lost():
		t.Error("it is lost")
	default:
	}
	if kept := l.Kept(); kept.Sub(began) < 2*time.Second || kept.After(time.Now()) {
		t.Errorf("it was kept for %v", kept.Sub(began))
	}
}

func testLeaseOver(t *testing.T, g ground, s fleet.Store, base string) {
	l := lease(t, s, context.Background())
	l.End()
	ok, _, err := s.Commit(context.Background(), nil, []fleet.Op{put(base+"b", "1"), {Key: base + "a", Value: []byte("1"), Lease: l.ID()}})
	if ok || !fleet.IsFault(err, fleet.FaultForgotten) {
		t.Errorf("it is %v, %v", ok, err)
	}
	if got := get(t, s, base); got != "" {
		t.Errorf("there is %s", got)
	}
}

func testContext(t *testing.T, g ground, s fleet.Store, base string) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, _, err := s.Get(ctx, base); err == nil {
		t.Error("it reads")
	}
	if _, _, err := s.Commit(ctx, nil, []fleet.Op{put(base+"a", "1")}); err == nil {
		t.Error("it writes")
	}
	for range s.Watch(ctx, base, 0) { // it is closed, or was never open
	}
}

func testTooLarge(t *testing.T, g ground, s fleet.Store, base string) {
	var ops []fleet.Op
	for i := range fleet.MaxConditions + 1 {
		ops = append(ops, put(fmt.Sprint(base, i), "1"))
	}
	if _, _, err := s.Commit(context.Background(), nil, ops); err == nil {
		t.Error("it is done")
	}
	commit(t, s, true, nil, ops[:fleet.MaxConditions]...)
}
