package gateway

import (
	"context"
	"fmt"
	"path"
	"time"

	"realdocd/deploy"
	"realdocd/gateway/spare"
)

const (
	// watchEvery is how soon a flip is noticed if nobody asks for a page, and a
	// release that is removed while somebody is inside.
	watchEvery = time.Second
	// watchAtOnce bounds the docroots of patterns that are looked at each time; where
	// there are more, they take turns.
	watchAtOnce = 500
	// discoverEvery is how often the docroots of a pattern are looked for on disk.
	discoverEvery = time.Minute
)

// watchLinks looks at links, so that a flip is in the log and in the history though no
// request follows, and at releases that may be gone. It ends with its setup, or with
// the last request.
func (s *Server) watchLinks(now *setup) {
	tick := time.NewTicker(watchEvery)
	defer tick.Stop()
	var turns []*turn
	for _, st := range now.sites.globs {
		turns = append(turns, &turn{st: st})
	}
	for s.setup.Load() == now {
		select {
		case <-s.empty:
			return
		case <-tick.C:
		}
		s.watchReleases(now)
		s.watchDocroots(now, turns)
		s.watchPins(now)
		s.watchStandings(now)
	}
}

// watchDocroots looks at links, for as long as there is time: if file systems hang,
// not each docroot has its turn each time.
func (s *Server) watchDocroots(now *setup, turns []*turn) {
	ends := time.Now().Add(watchEvery)
	for docroot, st := range now.sites.exact { // in random order
		if s.look(st, docroot); time.Now().After(ends) { // what fails, requests tell
			break
		}
	}
	for _, t := range turns {
		for _, docroot := range t.next(watchAtOnce / len(turns)) {
			if now.sites.find(docroot) != t.st {
				continue // another site has it
			}
			if s.look(t.st, docroot); time.Now().After(ends) {
				break
			}
		}
	}
}

// A turn goes round the docroots of a pattern.
type turn struct {
	st      *site
	waiting []string      // of this round
	found   chan []string // nil if nobody looks
	looked  time.Time     // when that began
}

// next gives at most so many docroots, at least one. Those of a round are the ones that
// are on disk; to find them may hang, and holds nobody up.
func (t *turn) next(most int) []string {
	if t.found == nil && time.Since(t.looked) >= discoverEvery {
		t.looked = time.Now()
		found := make(chan []string, 1)
		t.found = found
		go func() {
			var docroots []string
			spare.During(func() { docroots, _ = deploy.Docroots(t.st.Docroot) }) // a pattern with a fault is refused
			found <- docroots[:min(len(docroots), deploy.MaxDocroots)]
		}()
	}
	if len(t.waiting) == 0 {
		select {
		case t.waiting = <-t.found: // all of them, once they are found
			t.found = nil
		default:
			t.waiting = t.st.releases.Docroots()
		}
	}
	n := min(max(most, 1), len(t.waiting))
	next := t.waiting[:n]
	t.waiting = t.waiting[n:]
	return next
}

// watchReleases tells of releases that were removed, or removed and made again, while
// somebody was inside. A release that several sites have is told of once.
func (s *Server) watchReleases(now *setup) {
	told := map[string]*loss{}
	for _, st := range now.sites.all {
		var live []string
		if !st.IsGlob() {
			live = append(live, path.Clean(st.Docroot))
		}
		for _, l := range st.releases.Lost(live) {
			known := told[l.Path]
			if known == nil {
				known = &loss{Loss: l, st: st}
				told[l.Path] = known
				continue
			}
			known.Inside += l.Inside
		}
	}
	for _, l := range told {
		s.lost(l)
	}
}

// A loss is a release that is gone, of a site.
type loss struct {
	deploy.Loss
	st *site
}

func (s *Server) lost(l *loss) {
	what := "removed"
	if l.Again {
		what = "removed and made again"
	}
	l.st.metrics.lost.Add(1)
	l.st.metrics.lostRequests.Add(uint64(l.Inside))
	s.log.Error().Str("site", l.st.Name).Str("docroot", l.Docroot).Str("release", l.Path).Int64("inside", l.Inside).
		Msg(fmt.Sprintf("release was %s while it was in use: next time, realdocd drain %s %s first", what, l.st.Name, l.Name))
}

// wantNotLive fails with deploy.ErrLive if a docroot on disk that no request has
// shown yet leads to the release.
func (s *Server) wantNotLive(ctx context.Context, release string) error {
	answer := make(chan error, 1)
	now := s.setup.Load()
	go func() { answer <- now.liveOnDisk(release) }()
	select {
	case err := <-answer:
		return err
	case <-ctx.Done():
		return fmt.Errorf("look for docroots that lead to %s: %w", release, ctx.Err())
	}
}

func (now *setup) liveOnDisk(release string) error {
	id, _ := deploy.IdentityOf(release)
	for _, st := range now.sites.all {
		docroots, err := deploy.Docroots(st.Docroot)
		if err != nil {
			return err
		}
		for _, docroot := range docroots {
			if st.releases.Live(docroot) != "" && !st.IsGlob() {
				continue // it was looked at a moment ago
			}
			got, err := deploy.Inspect(docroot, st.Links())
			if err != nil {
				continue
			}
			other, err := deploy.IdentityOf(got.Release)
			if got.Release == release || err == nil && id != (deploy.Identity{}) && other == id {
				return fmt.Errorf("site %s, docroot %s: %w: %s", st.Name, docroot, deploy.ErrLive, release)
			}
		}
	}
	return nil
}
