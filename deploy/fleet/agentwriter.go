package fleet

import (
	"context"
	"sync"
	"time"
)

// A writer writes what a host says into the store, for the time of one lease. For each key it
// has the last word only, so that it holds little however long the store takes.
type writer struct {
	l        *loop
	lease    Lease
	presence int64 // revision of the host's presence; only run touches it
	over     func()

	mu    sync.Mutex // guards the following
	mail  map[string]letter
	order []string
	wake  chan struct{}
}

// A letter is one key's new value.
type letter struct {
	value  []byte
	remove bool
	when   []Condition
	urgent bool // goes before all that is not
	// durable outlives the lease. presence goes only where the host's presence is.
	durable, presence bool
}

func newWriter(l *loop, lease Lease, presence int64, over func()) *writer {
	return &writer{l: l, lease: lease, presence: presence, over: over, mail: map[string]letter{}, wake: make(chan struct{}, 1)}
}

// put has a key written; it does not wait for that.
func (w *writer) put(key string, x letter) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if _, waits := w.mail[key]; !waits {
		w.order = append(w.order, key)
	}
	w.mail[key] = x
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

// run ends with the lease.
func (w *writer) run(ctx context.Context) {
	var wait patience
	for {
		keys, letters := w.take()
		if len(keys) == 0 {
			select {
			case <-w.wake:
				continue
			case <-ctx.Done():
				return
			}
		}
		if err := w.write(ctx, keys, letters); err != nil {
			w.putBack(keys, letters)
			if IsFault(err, FaultForgotten) {
				w.over()
				return
			}
			if !sleep(ctx, wait.next(100*time.Millisecond, 2*time.Second)) {
				return
			}
			continue
		}
		wait = patience{}
	}
}

// take takes what one step can write: a letter with conditions alone, others together.
func (w *writer) take() (keys []string, letters []letter) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, urgent := range []bool{true, false} {
		for _, key := range w.order {
			x := w.mail[key]
			if x.urgent != urgent {
				continue
			}
			alone := len(x.when) > 0 || x.presence
			if alone && len(keys) > 0 {
				continue
			}
			keys, letters = append(keys, key), append(letters, x)
			if alone || len(keys) == MaxConditions/2 {
				break
			}
		}
		if len(keys) > 0 {
			break
		}
	}
	for _, key := range keys {
		delete(w.mail, key)
	}
	left := w.order[:0]
	for _, key := range w.order {
		if _, waits := w.mail[key]; waits {
			left = append(left, key)
		}
	}
	w.order = left
	return keys, letters
}

// putBack keeps what could not be written, unless there is newer word meanwhile.
func (w *writer) putBack(keys []string, letters []letter) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for i, key := range keys {
		if _, newer := w.mail[key]; !newer {
			w.mail[key] = letters[i]
			w.order = append(w.order, key)
		}
	}
}

// write does one step. If its conditions do not hold, it is not wanted any more.
func (w *writer) write(ctx context.Context, keys []string, letters []letter) error {
	when := letters[0].when
	if letters[0].presence {
		when = []Condition{{Key: keys[0], Modified: w.presence}}
	}
	var ops []Op
	for i, key := range keys {
		op := Op{Key: key, Value: letters[i].value, Remove: letters[i].remove, Lease: w.lease.ID()}
		if op.Remove || letters[i].durable {
			op.Lease = 0
		}
		ops = append(ops, op)
	}
	ok, revision, err := w.l.Store.Commit(ctx, when, ops)
	if err == nil && ok && letters[0].presence {
		w.presence = revision
	}
	return err
}
