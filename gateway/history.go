package gateway

import (
	"sync"
	"time"

	"github.com/rs/zerolog"

	"realdocd/deploy"
)

// attributionTime is how long a flip that was seen waits for whoever did it to
// say so, before it is written down as nobody's.
const attributionTime = time.Second

// history writes down which releases went live. Requests see a flip and must
// not wait for a disk, so that each is written by a goroutine of its own.
type history struct {
	dir string // "" keeps none
	log zerolog.Logger

	mu      sync.Mutex
	pending map[string]*pendingFlip // by link
	writing sync.WaitGroup
}

type pendingFlip struct {
	site  string
	event deploy.Event
	write func() // at once
}

func newHistory(dir string, log zerolog.Logger) *history {
	return &history{dir: dir, log: log, pending: map[string]*pendingFlip{}}
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
		before.write()
	}
	p := &pendingFlip{site: site, event: deploy.Event{Time: time.Now(), Link: link, Release: f.Live.Path, By: "link"}}
	h.writing.Add(1)
	timer := time.AfterFunc(attributionTime, func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		if h.pending[link] == p {
			p.write()
		}
	})
	p.write = func() {
		timer.Stop()
		delete(h.pending, link)
		go h.add(p.site, p.event)
	}
	h.pending[link] = p
}

// attribute says who has done the newest flip of link.
func (h *history) attribute(link, by string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if p := h.pending[link]; p != nil {
		p.event.By = by
		p.write()
	}
}

func (h *history) add(site string, e deploy.Event) {
	defer h.writing.Done()
	if err := deploy.NewHistory(h.dir, site).Add(e); err != nil {
		h.log.Error().Err(err).Str("site", site).Str("release", e.Release).Msg("history not written: see state_dir")
	}
}

// close writes what waits.
func (h *history) close() {
	h.mu.Lock()
	for _, p := range h.pending {
		p.write()
	}
	h.mu.Unlock()
	h.writing.Wait()
}

// of is the history of a site, the newest last.
func (h *history) of(site string) []HistoryEntry {
	entries := []HistoryEntry{}
	if h.dir == "" {
		return entries
	}
	h.mu.Lock()
	for _, p := range h.pending {
		if p.site == site {
			p.write()
		}
	}
	h.mu.Unlock()
	h.writing.Wait()
	events, err := deploy.NewHistory(h.dir, site).Events()
	if err != nil {
		h.log.Error().Err(err).Str("site", site).Msg("history not read: see state_dir")
	}
	for _, e := range events {
		entries = append(entries, HistoryEntry(e))
	}
	return entries
}
