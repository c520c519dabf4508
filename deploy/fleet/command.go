package fleet

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"maps"
	"slices"
	"time"
)

// A Commander does what operators want of a fleet. Several may be at work at the same time: one flip of a
// site excludes another by its proposal.
type Commander struct {
	Store Store
	Keys  Keys
	// By is who it is: operator@host, and Host the name of the host that it runs on.
	By, Host string
}

// evenClock is a clock that goes on evenly though somebody sets the machine's, from when it was made.
func evenClock() func() time.Time {
	began := time.Now()
	wall := began.Round(0)
	return func() time.Time { return wall.Add(time.Since(began)) }
}

// newID names a proposal or an ask.
func newID() string {
	var id [8]byte
	rand.Read(id[:])
	return hex.EncodeToString(id[:])
}

func (c *Commander) get(ctx context.Context, prefix string) ([]seenKV, error) {
	ctx, cancel := context.WithTimeout(ctx, CallLimit)
	defer cancel()
	kvs, _, err := c.Store.Get(ctx, prefix)
	if err != nil {
		return nil, err
	}
	seen := make([]seenKV, len(kvs))
	for i, kv := range kvs {
		seen[i].KV = kv
	}
	return seen, nil
}

// getOne gives a key, among those that begin like it; its Modified is 0 if it is not there.
func (c *Commander) getOne(ctx context.Context, key string) (KV, error) {
	kvs, err := c.get(ctx, key)
	for _, kv := range kvs {
		if kv.Key == key {
			return kv.KV, err
		}
	}
	return KV{}, err
}

// seen is when each host was there last, but for what has come in the last SeenEvery.
func (c *Commander) seen(ctx context.Context) (map[string]time.Time, error) {
	kvs, err := c.get(ctx, c.Keys.SeenAll())
	if err != nil {
		return nil, err
	}
	return byHost[time.Time](kvs)
}

func (c *Commander) transact(ctx context.Context, when []Condition, then ...Op) (bool, int64, error) {
	ctx, cancel := context.WithTimeout(ctx, CallLimit)
	defer cancel()
	ok, revision, err := c.Store.Commit(ctx, when, then)
	return ok, revision, err
}

// put is the operation that writes a value.
func put(key string, v any, lease LeaseID) Op {
	text, err := json.Marshal(v)
	if err != nil {
		panic(err) // of plain values, it cannot fail
	}
	return Op{Key: key, Value: text, Lease: lease}
}

// lease makes the one that a command's keys go with. It is kept as long as the context is, so that what bounds
// making it is not that.
func (c *Commander) lease(ctx context.Context) (Lease, error) {
	within, cancel := context.WithCancelCause(ctx)
	limit := time.AfterFunc(CallLimit, func() { cancel(context.DeadlineExceeded) })
	lease, err := c.Store.Lease(within, LeaseTTL)
	if !limit.Stop() && err == nil {
		lease.End()
		return nil, context.DeadlineExceeded
	}
	return lease, err
}

// A Wrong is what is wrong with a host, and what to do.
type Wrong struct {
	Host string `json:"host"`
	Why  string `json:"why"`
}

// sorted gives the names of a map in order.
func sorted[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
