package fleet

import (
	"context"
	"slices"
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
	given map[string]bool // keys that are being written; false for one that is to be dropped
	wake  chan struct{}
	wrong string // why the store does not take something; "" if it takes all
}

// A letter is one key's new value.
type letter struct {
	value  []byte
	remove bool
	when   []Condition
	urgent bool // goes before all that is not
	// durable outlives the lease. presence goes only where the host's presence is.
	durable, presence bool
	// also is done in the same step.
	also []Op
	// alone goes in a step of its own, not before: the store has refused a step that it was in.
	alone  bool
	before time.Time
}

// Bounds of a step: etcd takes 1.5 MiB and 128 operations. What was refused is tried again after refusedAgain,
// since somebody may grant a right.
const (
	maxStepBytes = 512 << 10
	refusedAgain = 10 * time.Second
)

func newWriter(l *loop, lease Lease, presence int64, over func()) *writer {
	return &writer{l: l, lease: lease, presence: presence, over: over, mail: map[string]letter{}, given: map[string]bool{}, wake: make(chan struct{}, 1)}
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
		keys, letters, due := w.take(time.Now())
		if len(keys) == 0 {
			if !w.await(ctx, due) {
				return
			}
			continue
		}
		err := w.write(ctx, keys, letters)
		switch {
		case err == nil:
			wait = patience{}
			if due.IsZero() { // nothing is left that was refused
				w.say(nil)
			}
			continue
		case IsFault(err, FaultForgotten):
			w.putBack(keys, letters)
			w.over()
			return
		}
		w.say(err)
		if refusesTheStep(err) { // the others go on
			for i := range letters {
				if letters[i].alone = true; len(letters) == 1 {
					letters[i].before = time.Now().Add(refusedAgain)
				}
			}
			w.putBack(keys, letters)
			continue
		}
		w.putBack(keys, letters)
		if !sleep(ctx, wait.next(100*time.Millisecond, 2*time.Second)) {
			return
		}
	}
}

// await waits for something to write, or until what was refused is due.
func (w *writer) await(ctx context.Context, due time.Time) bool {
	var again <-chan time.Time
	if !due.IsZero() {
		timer := time.NewTimer(time.Until(due))
		defer timer.Stop()
		again = timer.C
	}
	select {
	case <-w.wake:
	case <-again:
	case <-ctx.Done():
		return false
	}
	return true
}

// refusesTheStep says whether the store has refused what the step is: another one it may take.
func refusesTheStep(err error) bool {
	return IsFault(err, FaultForbidden) || IsFault(err, FaultTooLarge)
}

// say tells the loop why the store does not take what the host says, also if that is another reason than
// before, or that it does again.
func (w *writer) say(err error) {
	text := ""
	if err != nil {
		text = err.Error()
	}
	if text == w.wrong {
		return
	}
	w.wrong = text
	w.l.finish(func() { w.l.hearWriter(w, err) })
}

// take takes what one step can write: a letter with conditions alone, others together. due is when something is
// to be tried again that was refused; zero is nothing.
func (w *writer) take(now time.Time) (keys []string, letters []letter, due time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	bytes := 0
	for _, urgent := range []bool{true, false} {
		for _, key := range w.order {
			x := w.mail[key]
			if x.urgent != urgent || x.before.After(now) {
				continue
			}
			alone := x.alone || len(x.when) > 0 || x.presence
			if len(keys) > 0 && (alone || bytes+len(x.value) > maxStepBytes) {
				continue
			}
			keys, letters, bytes = append(keys, key), append(letters, x), bytes+len(x.value)
			if alone || len(keys) == MaxConditions/2 {
				break
			}
		}
		if len(keys) > 0 {
			break
		}
	}
	clear(w.given)
	for _, key := range keys {
		delete(w.mail, key)
		w.given[key] = true
	}
	left := w.order[:0]
	for _, key := range w.order {
		if _, waits := w.mail[key]; waits {
			left = append(left, key)
		}
	}
	w.order = left
	for _, x := range w.mail {
		if x.before.After(now) && (due.IsZero() || x.before.Before(due)) {
			due = x.before
		}
	}
	return keys, letters, due
}

// drop has a key not be written any more, if it can still be helped.
func (w *writer) drop(key string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.given[key] {
		w.given[key] = false
	}
	if _, waits := w.mail[key]; waits {
		delete(w.mail, key)
		w.order = slices.DeleteFunc(w.order, func(other string) bool { return other == key })
	}
}

// putBack keeps what could not be written, unless it was dropped or there is newer word meanwhile.
func (w *writer) putBack(keys []string, letters []letter) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for i, key := range keys {
		if _, newer := w.mail[key]; !newer && w.given[key] {
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
		ops = append(append(ops, op), letters[i].also...)
	}
	ok, revision, err := w.l.Store.Commit(ctx, when, ops)
	if err == nil && ok && letters[0].presence {
		w.presence = revision
	}
	return err
}
