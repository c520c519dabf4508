package memstore

import (
	"sort"
	"strings"
	"sync"
	"time"

	"realdocd/deploy/fleet"
)

// A Store is keys with values, their history, and leases.
type Store struct {
	mu        sync.Mutex // guards the following, and all of its clients
	revision  int64
	compacted int64 // what happened until then is forgotten
	keys      map[string]fleet.KV
	history   []fleet.Changes
	leases    map[fleet.LeaseID]*lease
	lastLease fleet.LeaseID
	clients   map[string]*Client
	changed   chan struct{} // closed, and made anew, when something changes
	observers []func(fleet.Changes)
}

// New is an empty store.
func New() *Store {
	return &Store{
		keys: map[string]fleet.KV{}, leases: map[fleet.LeaseID]*lease{}, clients: map[string]*Client{},
		changed: make(chan struct{}),
	}
}

// Observe has f called with each step, within it: f must not call the store.
func (s *Store) Observe(f func(fleet.Changes)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.observers = append(s.observers, f)
}

// Compact has the store forget what happened.
func (s *Store) Compact() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.compacted = s.revision
	s.history = nil
	s.wakeLocked()
}

// A Backup is what a store was.
type Backup struct {
	revision int64
	keys     map[string]fleet.KV
}

// Backup is what the store is now, but for what is under a lease: those end before anybody restores it.
func (s *Store) Backup() Backup {
	s.mu.Lock()
	defer s.mu.Unlock()
	b := Backup{s.revision, map[string]fleet.KV{}}
	for key, kv := range s.keys {
		if kv.Lease == 0 {
			b.keys[key] = kv
		}
	}
	return b
}

// Restore sets the store back, as an etcd is that is made anew from a backup: all leases are over,
// all watches end, and revisions begin again.
func (s *Store) Restore(b Backup) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, l := range s.leases {
		l.overLocked()
	}
	s.revision, s.compacted, s.history = b.revision, b.revision, nil
	s.keys = map[string]fleet.KV{}
	for key, kv := range b.keys {
		s.keys[key] = kv
	}
	for _, c := range s.clients {
		c.breakWatchesLocked()
	}
	s.wakeLocked()
}

func (s *Store) wakeLocked() {
	close(s.changed)
	s.changed = make(chan struct{})
}

func (s *Store) getLocked(prefix string) []fleet.KV {
	var kvs []fleet.KV
	for key, kv := range s.keys {
		if strings.HasPrefix(key, prefix) {
			kvs = append(kvs, kv)
		}
	}
	sort.Slice(kvs, func(i, j int) bool { return kvs[i].Key < kvs[j].Key })
	return kvs
}

func (s *Store) holdsLocked(c fleet.Condition) bool {
	if !c.Prefix {
		return s.keys[c.Key].Modified == c.Modified
	}
	for _, kv := range s.getLocked(c.Key) {
		if kv.Modified > c.Modified {
			return false
		}
	}
	return true
}

// doLocked is one step. What removes nothing is none, as with etcd.
func (s *Store) doLocked(ops []fleet.Op) {
	step := fleet.Changes{Revision: s.revision + 1}
	remove := func(key string) {
		delete(s.keys, key)
		step.Events = append(step.Events, fleet.Event{KV: fleet.KV{Key: key, Modified: step.Revision}, Removed: true})
	}
	for _, op := range ops {
		switch _, there := s.keys[op.Key]; {
		case op.Remove && op.Prefix:
			for _, kv := range s.getLocked(op.Key) {
				remove(kv.Key)
			}
		case op.Remove && there:
			remove(op.Key)
		case !op.Remove:
			kv := fleet.KV{Key: op.Key, Value: append([]byte(nil), op.Value...), Created: step.Revision, Modified: step.Revision, Lease: op.Lease}
			if there {
				kv.Created = s.keys[op.Key].Created
			}
			s.keys[op.Key] = kv
			step.Events = append(step.Events, fleet.Event{KV: kv})
		}
	}
	if len(step.Events) == 0 {
		return
	}
	s.revision = step.Revision
	s.history = append(s.history, step)
	for _, observe := range s.observers {
		observe(step)
	}
	s.wakeLocked()
}

// lease is one of a client; timer ends it.
type lease struct {
	c     *Client
	id    fleet.LeaseID
	ttl   time.Duration
	timer *time.Timer
	lost  chan struct{}
	over  bool
	kept  time.Time
}

// overLocked ends the lease with its keys, in one step.
func (l *lease) overLocked() {
	if l.over {
		return
	}
	l.over = true
	l.timer.Stop()
	s := l.c.store
	delete(s.leases, l.id)
	var ops []fleet.Op
	for key, kv := range s.keys {
		if kv.Lease == l.id {
			ops = append(ops, fleet.Op{Key: key, Remove: true})
		}
	}
	sort.Slice(ops, func(i, j int) bool { return ops[i].Key < ops[j].Key })
	s.doLocked(ops)
}
