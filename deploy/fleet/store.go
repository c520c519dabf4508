package fleet

import (
	"context"
	"errors"
	"time"
)

// A Store keeps what the hosts of a group agree on: keys with values, of which several can be
// changed in one step, and some go away with whoever has written them. Etcd is one. Several
// goroutines may call its methods at the same time, and all of them end with their ctx.
type Store interface {
	// Get gives the keys that begin with prefix, in order, and the revision of the store
	// at which they were so.
	Get(ctx context.Context, prefix string) ([]KV, int64, error)
	// Watch gives what happens to keys that begin with prefix after a revision, in order and
	// without a gap, until ctx ends or the store cannot tell any more: then the channel is closed.
	// All that one step of the store has changed comes together. Changes without events are
	// signs of life: the first comes as soon as the store watches, and then one every Heartbeat
	// or so. If nothing has come for Silence, the watch ends. Changes.Err of the last one says why.
	// ErrCompacted is that the store has forgotten what happened since, or never knew it
	// because it was set back: whoever watches begins with Get again.
	Watch(ctx context.Context, prefix string, after int64) <-chan Changes
	// Commit does all of the operations if all of the conditions hold, or none. The revision
	// is that of the store after it; ok is false if a condition does not hold. An error
	// leaves open whether it was done: who needs to know reads again.
	Commit(ctx context.Context, when []Condition, then []Op) (ok bool, revision int64, err error)
	// Lease makes a lease, which the store ends when it was not kept for ttl. It is kept
	// until ctx ends, or Lease.End. Lease.Lost is closed when it is over, as far as is known here:
	// that is so at the latest when ttl has passed without word from the store.
	Lease(ctx context.Context, ttl time.Duration) (Lease, error)
	// Close ends the connection.
	Close() error
}

// ErrCompacted says that a store has forgotten the changes that were asked for.
var ErrCompacted = errors.New("the store has forgotten what happened since")

const (
	// Heartbeat is how often a watch gives a sign of life while nothing happens.
	Heartbeat = 2 * time.Second
	// Silence is how long a watch goes on without one.
	Silence = 6 * time.Second
	// CallLimit bounds one call of a store.
	CallLimit = 3 * time.Second
)

// A KV is a key as it is now. Created and Modified are the revisions at which it was made and
// written last; Lease is the lease that it goes with, 0 for none.
type KV struct {
	Key               string
	Value             []byte
	Created, Modified int64
	Lease             LeaseID
}

// Changes are what one step of the store has changed.
type Changes struct {
	Revision int64
	Events   []Event
	// Err ends a watch.
	Err error
}

// An Event is a key that was written, or removed: then it has no value.
type Event struct {
	KV
	Removed bool
}

// A Condition holds if the key was written last at the revision Modified; 0 is a key that is
// not there. With Prefix it holds if no key that begins with Key, and is there, was written after
// the revision Modified.
type Condition struct {
	Key      string
	Modified int64
	Prefix   bool
}

// MaxConditions is how many conditions, or operations, one step of a store may have.
const MaxConditions = 128

// An Op writes a key, or removes it; Prefix removes all that begin with it.
type Op struct {
	Key            string
	Value          []byte
	Lease          LeaseID
	Remove, Prefix bool
}

// A LeaseID names a lease; 0 is none.
type LeaseID int64

// A Lease is a time for which keys stay that were written with it.
type Lease interface {
	ID() LeaseID
	// Lost is closed when the lease is over, or may be.
	Lost() <-chan struct{}
	// Kept is a time at which the lease was not over yet: the store answered a word that was
	// sent then, or later.
	Kept() time.Time
	// End ends it at once, with its keys, and returns within a second or so.
	End()
}
