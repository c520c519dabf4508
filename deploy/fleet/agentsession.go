package fleet

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"
)

// A session is the agent's goroutine that talks with the store: it registers the host, reads what all
// agents go by, and hands on what changes. When its lease is over it begins again, for ever.
type session struct {
	l     *loop
	words chan word

	registered bool  // once, in this run
	roster     int64 // revision at which the roster's key was made
	setBack    bool  // the store was, since
	last       int64 // revision of what was handed on last
	lastOwn    int64 // and of the host's own member
}

// A word is what a session tells the loop. One without anything is a sign of life.
type word struct {
	view    *view
	changes []Event
	trouble error
	// leaseOver is set with trouble if what the host has said is gone.
	leaseOver bool
	over      error // the host may not go on
}

// A view is all that agents go by, at once.
type view struct {
	kvs   []KV
	lease Lease
	write *writer
	// anew is set after each registration. setBack says that the store knows less than it did.
	anew, setBack bool
}

func newSession(l *loop) *session { return &session{l: l, words: make(chan word)} }

func (s *session) say(ctx context.Context, w word) bool {
	select {
	case s.words <- w:
		return true
	case <-ctx.Done():
		return false
	}
}

// run ends with ctx, or when the host may not go on.
func (s *session) run(ctx context.Context) {
	var wait patience
	for ctx.Err() == nil {
		began := time.Now()
		err := s.once(ctx)
		if ctx.Err() != nil {
			return
		}
		if errors.Is(err, ErrRemoved) || errors.Is(err, ErrTaken) {
			s.say(ctx, word{over: err})
			return
		}
		s.say(ctx, word{trouble: err, leaseOver: true})
		if time.Since(began) > LeaseTTL {
			wait = patience{}
		}
		sleep(ctx, wait.next(100*time.Millisecond, 2*time.Second))
	}
}

// once is the time of one lease.
func (s *session) once(ctx context.Context) error {
	lease, err := s.l.Store.Lease(ctx, LeaseTTL)
	if err != nil {
		return err
	}
	defer lease.End()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	setBack, presence, err := s.register(ctx, lease)
	if err != nil {
		return err
	}
	writer := newWriter(s.l, lease, presence, cancel)
	s.l.spawn(func(context.Context) { writer.run(ctx) })
	if err := s.read(ctx, view{lease: lease, write: writer, anew: true, setBack: setBack}); err != nil {
		return err
	}
	var wait patience
	for {
		began := time.Now()
		err := s.listen(ctx, lease)
		select {
		case <-lease.Lost():
			return fmt.Errorf("the lease of this host is over: %w", err)
		default:
		}
		switch {
		case ctx.Err() != nil:
			return fmt.Errorf("the lease of this host is over: %w", ctx.Err())
		case errors.Is(err, ErrRemoved):
			return err
		case errors.Is(err, ErrCompacted):
			// A store that was set back does not know our lease either.
			if err := s.read(ctx, view{lease: lease, write: writer}); err != nil {
				return err
			}
		default:
			s.say(ctx, word{trouble: err})
		}
		if time.Since(began) > LeaseTTL {
			wait = patience{}
		}
		sleep(ctx, wait.next(50*time.Millisecond, time.Second))
	}
}

// read hands on all that agents go by.
func (s *session) read(ctx context.Context, v view) error {
	kvs, revision, err := s.l.Store.Get(ctx, s.l.Keys.All())
	if err != nil {
		return err
	}
	v.kvs = kvs
	if revision < s.last {
		v.setBack, s.setBack = true, true
	}
	s.last, s.lastOwn = revision, revision
	s.say(ctx, word{view: &v})
	return nil
}

// listen hands on what changes, until the lease is over or the store cannot tell.
func (s *session) listen(ctx context.Context, lease Lease) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	all := s.l.Store.Watch(ctx, s.l.Keys.All(), s.last)
	member := s.l.Keys.Member(s.l.Name)
	own := s.l.Store.Watch(ctx, member, s.lastOwn)
	ended := errors.New("the watch has ended")
	for {
		select {
		case <-lease.Lost():
			return ended
		case changes, ok := <-all:
			if !ok {
				return ended
			}
			if changes.Err != nil {
				return changes.Err
			}
			if !s.say(ctx, word{changes: changes.Events}) {
				return ctx.Err()
			}
			s.last = max(s.last, changes.Revision)
		case changes, ok := <-own:
			if !ok {
				return ended
			}
			if changes.Err != nil {
				return changes.Err
			}
			for _, event := range changes.Events {
				if event.Key == member && event.Removed {
					return ErrRemoved
				}
			}
			s.lastOwn = max(s.lastOwn, changes.Revision)
		}
	}
}

// register writes down that the host is there. It is in the way of each flip from then on. Whoever
// decides one at this moment finds that the roster was written.
func (s *session) register(ctx context.Context, lease Lease) (setBack bool, presence int64, err error) {
	var waited time.Time
	for {
		member, hosts, roster, revision, err := s.registration(ctx)
		if err != nil {
			return false, 0, err
		}
		setBack = s.registered && (s.setBack || revision < s.last || roster.Created != s.roster)
		if s.registered && member.Modified == 0 && !setBack {
			return false, 0, ErrRemoved
		}
		if other, taken := s.takenBy(hosts); taken {
			if waited.IsZero() {
				waited = time.Now()
			}
			if time.Since(waited) > LeaseTTL+DoubtAfter {
				return false, 0, fmt.Errorf("%w: %q is another machine's, whose agent runs since %s; give each a name of its own (host, in [fleet] of realdocd.toml)",
					ErrTaken, s.l.Name, other.Since.Format(time.RFC3339))
			}
			s.say(ctx, word{trouble: fmt.Errorf("%w: waiting until the agent of another machine with the name %q is gone", ErrTaken, s.l.Name)})
			if !sleep(ctx, time.Second) {
				return false, 0, ctx.Err()
			}
			continue
		}
		ok, written, err := s.l.Store.Commit(ctx,
			[]Condition{{Key: s.l.Keys.Member(s.l.Name), Modified: member.Modified}, {Key: s.l.Keys.Host(s.l.Name), Modified: hosts.Modified}},
			s.joining(member, lease))
		if err != nil {
			return false, 0, err
		}
		if !ok {
			if !sleep(ctx, time.Duration(50+rand.IntN(100))*time.Millisecond) {
				return false, 0, ctx.Err()
			}
			continue
		}
		s.registered, s.setBack, s.roster = true, false, roster.Created
		if s.roster == 0 {
			s.roster = written
		}
		return setBack, written, nil
	}
}

// registration is what the store has of the host, and the roster.
func (s *session) registration(ctx context.Context) (member, host, roster KV, revision int64, err error) {
	for key, into := range map[string]*KV{s.l.Keys.Member(s.l.Name): &member, s.l.Keys.Host(s.l.Name): &host, s.l.Keys.Roster(): &roster} {
		var kvs []KV
		if kvs, revision, err = s.l.Store.Get(ctx, key); err != nil {
			return
		}
		for _, kv := range kvs {
			if kv.Key == key {
				*into = kv
			}
		}
	}
	return
}

// takenBy says whether the host's name is that of another machine, which is there.
func (s *session) takenBy(host KV) (Presence, bool) {
	var other Presence
	if host.Modified == 0 || json.Unmarshal(host.Value, &other) != nil {
		return other, false
	}
	return other, other.Agent != s.l.id && (other.Machine != s.l.Machine || s.l.Machine == "")
}

func (s *session) joining(member KV, lease Lease) []Op {
	now := s.l.Now()
	what := "returned"
	var ops []Op
	self := Member{Host: s.l.Name, Since: now, Lost: s.l.Lost}
	if member.Modified == 0 {
		what = "joined"
	} else if before, ok := parse[Member](member.Value); ok {
		self.Since = before.Since
	}
	if value := encode(self); string(value) != string(member.Value) {
		ops = append(ops, Op{Key: s.l.Keys.Member(s.l.Name), Value: value})
	}
	return append(ops,
		Op{Key: s.l.Keys.Host(s.l.Name), Value: encode(s.l.presence.Load()), Lease: lease.ID()},
		Op{Key: s.l.Keys.Seen(s.l.Name), Value: encode(now)},
		Op{Key: s.l.Keys.Roster(), Value: encode(Roster{Host: s.l.Name, What: what, Time: now})})
}
