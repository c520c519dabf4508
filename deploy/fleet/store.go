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
	// ErrCompacted, in Changes.Err of the last one, says that the store has forgotten what
	// happened since: whoever watches begins with Get again.
	Watch(ctx context.Context, prefix string, after int64) <-chan Changes
	// Commit does all of the operations if all of the conditions hold, or none. The revision
	// is that of the store after it; ok is false if a condition does not hold.
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
// not there.
type Condition struct {
	Key      string
	Modified int64
}

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
	// End ends it at once, with its keys, and returns within a second or so.
	End()
}
