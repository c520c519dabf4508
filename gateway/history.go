package gateway

import (
	"sync"
	"time"

	"github.com/rs/zerolog"

	"realdocd/deploy"
	"realdocd/gateway/control"
	"realdocd/gateway/spare"
)

// attributionTime is how long a flip that was seen is not written down, so that
// whoever did it can say so.
const attributionTime = time.Second

// history writes down which releases went live, in order. Requests see a flip
// and must not wait for a disk. So each event is written by a goroutine of its own,
// which waits for the one before.
type history struct {
	dir string // "" keeps none
	log zerolog.Logger

	mu      sync.Mutex              // guards the following
	pending map[string]*pendingFlip // by link
	newest  chan struct{}           // closed when the newest step has ended

	owed []owedEvent // that could not be written, in order; only a step uses it
}

// An owedEvent is to be written as soon as the disk takes it.
type owedEvent struct {
	site  string
	event deploy.Event
}

const (
	owedAgain = 2 * time.Second // how soon the disk is tried again
	maxOwed   = 1000            // the oldest of more are lost
)

type pendingFlip struct {
	site        string
	event       deploy.Event
	writeLocked func() // has it written now
}

func newHistory(dir string, log zerolog.Logger) *history {
	written := make(chan struct{})
	close(written)
	return &history{dir: dir, log: log, pending: map[string]*pendingFlip{}, newest: written}
}

// flipped notes that a release went live.
func (h *history) flipped(site string, f *deploy.Flipped) {
	if h.dir == "" {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	link := f.Live.Link
	if before := h.pending[link]; before != nil {
		before.writeLocked()
	}
	p := &pendingFlip{site: site, event: deploy.Event{Time: time.Now(), Link: link, Release: f.Live.Path, By: "link"}}
	timer := time.AfterFunc(attributionTime, func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		if h.pending[link] == p {
			p.writeLocked()
		}
	})
	p.writeLocked = func() {
		timer.Stop()
		delete(h.pending, link)
		h.stepLocked(func() { h.add(p.site, p.event) })
	}
	h.pending[link] = p
}

// stepLocked does something by a goroutine of its own, after all steps before.
func (h *history) stepLocked(do func()) {
	before, done := h.newest, make(chan struct{})
	h.newest = done
	go func() {
		<-before
		do()
		close(done)
	}()
}

// attribute says who has done the newest flip of link.
func (h *history) attribute(link, by string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if p := h.pending[link]; p != nil {
		p.event.By = by
		p.writeLocked()
	}
}

// add writes an event, behind those that are owed. What cannot be written is owed from then
// on: a disk that was full when a release went live has the event afterwards.
func (h *history) add(site string, e deploy.Event) {
	first := len(h.owed) == 0
	h.owed = append(h.owed, owedEvent{site, e})
	if len(h.owed) > maxOwed {
		h.owed = h.owed[1:]
	}
	if err := h.pay(); err != nil {
		h.log.Error().Err(err).Str("site", site).Str("release", e.Release).
			Msg("history not written: see state_dir; it is tried again until it can be")
		if first {
			h.payLater()
		}
	}
}

// pay writes what is owed, as far as it can.
func (h *history) pay() error {
	for len(h.owed) > 0 {
		var err error
		spare.During(func() { err = deploy.NewHistory(h.dir, h.owed[0].site).Add(h.owed[0].event) })
		if err != nil {
			return err
		}
		h.owed = h.owed[1:]
	}
	return nil
}

// payLater tries again until nothing is owed.
func (h *history) payLater() {
	time.AfterFunc(owedAgain, func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		h.stepLocked(func() {
			if len(h.owed) == 0 {
				return // a later event has paid
			}
			if h.pay() != nil {
				h.payLater()
				return
			}
			h.log.Info().Msg("history written: what could not be written before is in it")
		})
	})
}

// close writes what waits, and returns when it is written.
func (h *history) close() {
	h.flush(func(*pendingFlip) bool { return true })
}

// flush writes at once those that wait and are wanted, and returns when all
// that had begun is written.
func (h *history) flush(wanted func(*pendingFlip) bool) {
	h.mu.Lock()
	for _, p := range h.pending {
		if wanted(p) {
			p.writeLocked()
		}
	}
	newest := h.newest
	h.mu.Unlock()
	<-newest
}

// read reads the history of a site's link, or with "" of all of them.
func (h *history) read(site, link string) (events []deploy.Event, err error) {
	spare.During(func() {
		file := deploy.NewHistory(h.dir, site)
		if link != "" {
			events, err = file.Of(link)
		} else {
			events, err = file.Events()
		}
	})
	return events, err
}

// wentLive is when a release went live, if that is the newest that the history has of the
// link; zero if it is not known.
func (h *history) wentLive(site, link, release string) time.Time {
	events, err := h.read(site, link)
	if err != nil || len(events) == 0 || events[len(events)-1].Release != release {
		return time.Time{}
	}
	return events[len(events)-1].Time
}

// note writes something that is not a release that went live, behind what was there before.
func (h *history) note(site string, n control.Note) {
	if h.dir == "" {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.stepLocked(func() {
		var err error
		spare.During(func() { err = deploy.NewHistory(h.dir, site).AddNote(deploy.Note(n)) })
		if err != nil {
			h.log.Error().Err(err).Str("site", site).Str("what", n.What).Msg("history not written: see state_dir")
		}
	})
}

// notes are those of a site, the newest last; with a docroot those of it and of the whole
// site.
func (h *history) notes(site, docroot string) (notes []control.Note) {
	if h.dir == "" {
		return nil
	}
	h.flush(func(*pendingFlip) bool { return false })
	var all []deploy.Note
	var err error
	spare.During(func() { all, err = deploy.NewHistory(h.dir, site).Notes() })
	if err != nil {
		h.log.Error().Err(err).Str("site", site).Msg("history not read: see state_dir")
	}
	for _, n := range all {
		if docroot == "" || n.Docroot == "" || n.Docroot == docroot {
			notes = append(notes, control.Note(n))
		}
	}
	return notes
}

// maxHistory bounds the history of a site with many links as it is shown.
const maxHistory = 200

// of is the history of a site's link, or with "" of all of them, the newest last.
func (h *history) of(site, link string) []control.HistoryEntry {
	entries := []control.HistoryEntry{}
	if h.dir == "" {
		return entries
	}
	h.flush(func(p *pendingFlip) bool { return p.site == site && (link == "" || p.event.Link == link) })
	events, err := h.read(site, link)
	if err != nil {
		h.log.Error().Err(err).Str("site", site).Msg("history not read: see state_dir")
	}
	for _, e := range events[max(0, len(events)-maxHistory):] {
		entries = append(entries, control.HistoryEntry(e))
	}
	return entries
}
