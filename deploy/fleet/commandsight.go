package fleet

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"
)

// A sight is what a command sees of the keys that begin with some prefixes. It has a goroutine for each
// prefix, which ends with the context. What goes away and comes back while the store cannot tell
// is seen as it is then.
type sight struct {
	store Store
	now   func() time.Time

	mu sync.Mutex // guards the following
	// keys are those that are there, each with when it was seen so.
	keys map[string]seenKV
	// gone is when keys were first seen not to be there any more, and whole since when all is
	// known that happened to the keys of a prefix.
	gone    map[string]time.Time
	whole   map[string]time.Time
	changed chan struct{} // closed by the next change
	// wrong is why the store cannot tell of a prefix now.
	wrong map[string]error
}

type seenKV struct {
	KV
	at time.Time
}

// see begins to look, and gives an error if the store does not answer.
func see(ctx context.Context, store Store, now func() time.Time, prefixes ...string) (*sight, error) {
	s := &sight{
		store: store, now: now, keys: map[string]seenKV{}, gone: map[string]time.Time{}, whole: map[string]time.Time{},
		changed: make(chan struct{}), wrong: map[string]error{},
	}
	revisions := make([]int64, len(prefixes))
	for i, prefix := range prefixes {
		var err error
		if revisions[i], err = s.readAll(ctx, prefix); err != nil {
			return nil, err
		}
		s.begin(prefix)
	}
	for i, prefix := range prefixes {
		go s.follow(ctx, prefix, revisions[i])
	}
	return s, nil
}

// readAll takes the keys of a prefix as they are now.
func (s *sight) readAll(ctx context.Context, prefix string) (int64, error) {
	ctx, cancel := context.WithTimeout(ctx, CallLimit)
	defer cancel()
	kvs, revision, err := s.store.Get(ctx, prefix)
	if err != nil {
		return 0, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	there := map[string]bool{}
	for _, kv := range kvs {
		there[kv.Key] = true
		if s.keys[kv.Key].Modified != kv.Modified {
			s.putLocked(kv)
		}
	}
	for key := range s.keys {
		if strings.HasPrefix(key, prefix) && !there[key] {
			s.removeLocked(key)
		}
	}
	s.changedLocked()
	return revision, nil
}

// begin notes that nothing is known of what happened to a prefix before.
func (s *sight) begin(prefix string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.whole[prefix] = s.now()
}

func (s *sight) putLocked(kv KV) {
	s.keys[kv.Key] = seenKV{kv, s.now()}
	delete(s.gone, kv.Key)
}

func (s *sight) removeLocked(key string) {
	if _, there := s.keys[key]; there {
		delete(s.keys, key)
		s.gone[key] = s.now()
	}
}

func (s *sight) changedLocked() {
	close(s.changed)
	s.changed = make(chan struct{})
}

// follow is the goroutine of a prefix. If a watch ends it goes on from where that was, so that nothing is
// missed, unless the store cannot tell any more.
func (s *sight) follow(ctx context.Context, prefix string, revision int64) {
	for ctx.Err() == nil {
		err := errors.New("etcd does not tell what happens")
		for changes := range s.store.Watch(ctx, prefix, revision) {
			if changes.Err != nil {
				err = changes.Err
				continue
			}
			if len(changes.Events) > 0 {
				revision = changes.Revision
			}
			s.take(prefix, changes)
		}
		s.note(prefix, err)
		if errors.Is(err, ErrCompacted) {
			if read, err := s.readAll(ctx, prefix); err == nil {
				revision = read
				s.begin(prefix)
				continue
			}
		}
		select {
		case <-ctx.Done():
		case <-time.After(200 * time.Millisecond):
		}
	}
}

func (s *sight) take(prefix string, changes Changes) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.wrong, prefix)
	for _, e := range changes.Events {
		switch known := s.keys[e.Key].Modified; {
		case known >= changes.Revision: // it was read since
		case e.Removed:
			s.removeLocked(e.Key)
		default:
			s.putLocked(e.KV)
		}
	}
	if len(changes.Events) > 0 {
		s.changedLocked()
	}
}

func (s *sight) note(prefix string, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.wrong[prefix] = err
	s.changedLocked()
}

// until waits until done, which is called with each change and at least every tick, and always at the beginning.
func (s *sight) until(ctx context.Context, done func() bool) error {
	for {
		s.mu.Lock()
		changed := s.changed
		s.mu.Unlock()
		if done() {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-changed:
		case <-time.After(sightTick):
		}
	}
}

// sightTick is how often something is looked at that changes with time alone.
const sightTick = 250 * time.Millisecond

// get gives a key; its Modified is 0 if it is not there.
func (s *sight) get(key string) seenKV {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.keys[key]
}

// below gives the keys that begin with a prefix.
func (s *sight) below(prefix string) (all []seenKV) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for key, kv := range s.keys {
		if strings.HasPrefix(key, prefix) {
			all = append(all, kv)
		}
	}
	return all
}

// absentFor is how long a key below a prefix was seen not to be there, without a break.
func (s *sight) absentFor(key, prefix string) time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, there := s.keys[key]; there {
		return 0
	}
	since := s.whole[prefix]
	if gone := s.gone[key]; gone.After(since) {
		since = gone
	}
	return s.now().Sub(since)
}

// decode reads a value; what cannot be read was written by something else.
func decode[T any](kv KV) (v T, err error) {
	if err := json.Unmarshal(kv.Value, &v); err != nil {
		return v, fmt.Errorf("the key %s cannot be read; has another realdocd written it? %w", kv.Key, err)
	}
	return v, nil
}

// byHost reads the values below a prefix, by the last component of their keys. The one that cannot be read
// is an error: what it says may matter.
func byHost[T any](kvs []seenKV) (map[string]T, error) {
	all := map[string]T{}
	var errs []error
	for _, kv := range kvs {
		v, err := decode[T](kv.KV)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		all[Last(kv.Key)] = v
	}
	return all, errors.Join(errs...)
}
