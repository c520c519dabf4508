package fleet

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"
)

// hear takes in what the session tells.
func (l *loop) hear(w word) {
	if w.trouble != nil {
		if l.trouble == nil {
			l.since = time.Now()
			l.Note(Note{Bad: true, Text: "the store does not answer", Err: w.trouble})
		}
		l.trouble, l.changed = w.trouble, true
		if w.leaseOver {
			l.writer = nil
			l.pauseAsks()
		}
		l.tell() // whoever asks the daemon wants to know
		return
	}
	l.heard = time.Now()
	if w.view != nil {
		l.see(w.view)
	} else if l.trouble != nil || !l.viewed {
		l.Note(Note{Text: "the store answers", Took: time.Since(l.since)})
		l.trouble, l.since, l.changed = nil, time.Now(), true
	}
	if len(w.changes) > 0 {
		l.apply(w.changes)
	}
}

// see takes in all that agents go by. What it does not have any more is gone.
func (l *loop) see(v *view) {
	l.viewed, l.lease = true, v.lease
	if l.writer != v.write {
		l.writer, l.unwritten = v.write, nil
	}
	if l.trouble != nil {
		l.Note(Note{Text: "the store answers", Took: time.Since(l.since)})
		l.trouble, l.since, l.changed = nil, time.Now(), true
	}
	there := map[string]bool{}
	var events []Event
	for _, kv := range v.kvs {
		there[kv.Key] = true
		events = append(events, Event{KV: kv})
	}
	gone := func(key string) {
		if !there[key] {
			events = append(events, Event{KV: KV{Key: key}, Removed: true})
		}
	}
	for name, s := range l.sites {
		gone(l.Keys.Flip(name))
		switch {
		case s.commit == nil || there[l.Keys.Site(name)]:
		case v.setBack:
			l.giveBack(s, 0)
		default:
			gone(l.Keys.Site(name))
		}
		if v.anew {
			// What it says is gone with the lease, and a link that somebody has flipped meanwhile goes
			// to what is committed.
			s.lastHave, s.seq = "", 0
		}
	}
	for id := range l.asks {
		gone(l.Keys.Ask(id))
	}
	l.apply(events)
	for _, s := range l.sites {
		l.decide(s)
	}
}

// apply takes in one step of the store, and then does what follows from all of it.
func (l *loop) apply(events []Event) {
	var touched []*site
	ended := map[*site]bool{}
	for _, event := range events {
		name := Last(event.Key)
		switch key := event.Key; {
		case strings.HasPrefix(key, l.Keys.Sites()):
			s := l.site(name)
			touched = append(touched, s)
			l.hearCommit(s, event)
		case strings.HasPrefix(key, l.Keys.Flips()):
			s := l.site(name)
			touched = append(touched, s)
			ended[s] = event.Removed
		case strings.HasPrefix(key, l.Keys.Asks()):
			l.hearAsk(name, event)
		}
	}
	for _, event := range events { // commits are known now
		if strings.HasPrefix(event.Key, l.Keys.Flips()) {
			s := l.site(Last(event.Key))
			p, ok := parse[Proposal](event.Value)
			if s.proposal != nil && (event.Removed || !ok || p.ID != s.proposal.ID) {
				l.dropProposal(s)
			}
			if !event.Removed && ok {
				l.hearProposal(s, &p, event.Modified)
			}
		}
	}
	for _, s := range touched {
		l.decide(s)
	}
}

// site is the one of a name; a site that only the store names is known as well.
func (l *loop) site(name string) *site {
	s := l.sites[name]
	if s == nil {
		s = &site{name: name, standing: Standing{Site: name, State: Unknown, Since: l.Now()}}
		l.sites[name] = s
	}
	return s
}

func (l *loop) ordered() []*site {
	var all []*site
	for _, s := range l.sites {
		all = append(all, s)
	}
	slices.SortFunc(all, func(a, b *site) int { return strings.Compare(a.name, b.name) })
	return all
}

// hearCommit takes in what is committed. A store that knows less than this host was set back, and gets
// its commit again: it was one, and others have gone by it.
func (l *loop) hearCommit(s *site, event Event) {
	if event.Removed {
		s.commit, s.written = nil, 0
		s.why = ""
		return
	}
	c, ok := parse[Commit](event.Value)
	if !ok || c.Seq < 1 {
		l.Note(Note{Bad: true, Site: s.name, Text: "the store has no commit at " + event.Key + ", but something else"})
		return
	}
	if s.commit != nil && c.Seq < s.commit.Seq {
		l.giveBack(s, event.Modified)
		return
	}
	if l.writer != nil {
		l.writer.drop(l.Keys.Site(s.name)) // nothing is to be given back any more
	}
	if s.commit == nil || commitOf(s.commit) != commitOf(&c) {
		s.why, s.wait, s.retry = "", patience{}, time.Time{}
	}
	s.commit, s.written = &c, event.Modified
}

func (l *loop) giveBack(s *site, revision int64) {
	l.Note(Note{Bad: true, Site: s.name, Release: s.commit.Release, Seq: s.commit.Seq, Text: "the store was set back; it gets the last commit again"})
	if l.writer != nil {
		l.writer.put(l.Keys.Site(s.name), letter{
			value: encode(s.commit), durable: true, urgent: true,
			when: []Condition{{Key: l.Keys.Site(s.name), Modified: revision}},
			also: []Op{{Key: l.Keys.History(s.name, s.commit.Seq), Value: encode(s.commit)}},
		})
	}
}

// hearWriter takes in that the store does not take what this host says, though it answers, or does again.
func (l *loop) hearWriter(w *writer, err error) {
	if w != l.writer {
		return
	}
	if err != nil {
		l.Note(Note{Bad: true, Text: "the store does not take what this host says", Err: err})
	} else {
		l.Note(Note{Text: "the store takes what this host says"})
	}
	if (err == nil) != (l.unwritten == nil) { // or else there is only another reason
		l.since = time.Now()
	}
	l.unwritten, l.changed = err, true
	l.tell()
}

// list asks the host for its sites.
func (l *loop) list() {
	if l.listing {
		l.listAgain = true
		return
	}
	l.listing = true
	l.spawn(func(context.Context) {
		ctx, stop := context.WithTimeout(l.ctx, lookLimit)
		defer stop()
		names, err := l.Host.Sites(ctx)
		l.finish(func() {
			l.listing = false
			if l.listAgain { // since somebody wanted it, there may be more
				l.listAgain = false
				l.list()
			}
			if err != nil {
				l.Note(Note{Bad: !errors.Is(err, context.Canceled), Text: "cannot name the sites of this host", Err: err})
				return
			}
			l.hearSites(names)
		})
	})
}

func (l *loop) hearSites(names []string) {
	for _, s := range l.sites {
		s.listed = false
	}
	for _, name := range names {
		s := l.site(name)
		s.listed = true
		if !s.read {
			l.readLink(s) // somebody may wait for the first word of it
		}
		if errors.Is(s.lookErr, ErrNoSite) {
			s.lookDue = true
		}
	}
	l.listed = true
	for name, s := range l.sites {
		s.noFetch = false
		if !s.listed && s.commit == nil && s.proposal == nil && s.job == nil && s.after == nil {
			delete(l.sites, name)
			if l.writer != nil && s.lastHave != "" {
				l.writer.put(l.Keys.Have(name, l.Name), letter{remove: true})
			}
			continue
		}
		l.decide(s)
	}
	l.tell()
}

// askDaemon asks what is wrong with the daemon, for the host's presence.
func (l *loop) askDaemon() {
	if l.asking {
		return
	}
	l.asking = true
	l.spawn(func(context.Context) {
		ctx, stop := context.WithTimeout(l.ctx, CallLimit)
		defer stop()
		wrong, pinKey := l.Host.Daemon(ctx)
		l.finish(func() {
			l.asking = false
			was := *l.presence.Load()
			now := was
			now.Daemon, now.PinKey = wrong, pinKey
			if now == was {
				return
			}
			l.presence.Store(&now)
			if l.writer != nil {
				l.writer.put(l.Keys.Host(l.Name), letter{value: encode(now), presence: true})
			}
		})
	})
}
