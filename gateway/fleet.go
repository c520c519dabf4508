package gateway

import (
	"context"
	"errors"
	"path"
	"sync"
	"sync/atomic"
	"time"

	"realdocd/gateway/control"
	"realdocd/gateway/handover"
	"realdocd/gateway/spare"
	"realdocd/gateway/standing"
)

// A fleetSeat is this host's place in its fleet: where its sites stand, as the agent has told.
// Whoever replaces that holds the mutex; a request loads what its setup has (standings).
type fleetSeat struct {
	file *standing.File
	turn chan struct{} // is full while somebody writes the file

	mu      sync.Mutex // guards the following
	table   *standing.Table
	kept    *standing.Table   // that the file has; nil if that is not known
	logged  map[string]string // the state of each site that the log has
	unnamed unnamed
	wants   uint64        // see Wanted
	wanted  chan struct{} // closed by the next change of wants
}

// newFleetSeat is that of a process that begins. What it cannot believe of what the one before
// was told is an error, and not known.
func newFleetSeat(cfg *Config) (*fleetSeat, error) {
	f := &fleetSeat{
		turn: make(chan struct{}, 1), logged: map[string]string{}, unnamed: unnamed{}, wanted: make(chan struct{}),
		wants: uint64(time.Now().UnixNano()), // no number of the process before, which the agent has seen
	}
	if cfg.StateDir == "" {
		return f, nil
	}
	boot, err := standing.BootID()
	f.file = standing.NewFile(cfg.StateDir, boot)
	if !cfg.Fleet.On {
		return f, nil
	}
	spare.During(func() {
		var readErr error
		f.table, readErr = f.file.Read()
		err = errors.Join(err, readErr)
	})
	f.kept = f.table
	return f, err
}

// standings are where the sites of one setup stand. They never change, but are replaced: a
// request loads the pointer to them, which is nil without a fleet.
type standings struct {
	byDocroot map[string]*stand
	refuses   bool
	told      bool      // else nothing is known
	began     time.Time // when nothing was known yet
	replaced  chan struct{}
	ignored   []string // names that the configuration does not have
	follows   bool     // a state may follow by itself
}

// A stand is where one docroot stands.
type stand struct {
	standing.Standing
	site *site
	// served says that requests run whatever follows, so that no clock has to be read for one.
	served bool
	// unknown is since when this process has known that its state is not known; zero if it is.
	unknown time.Time
}

// standingsOf are those of a setup, by a table; nil for one that nobody has told. before are those
// that they replace, or nil.
func (now *setup) standingsOf(table *standing.Table, before *standings) *standings {
	if !now.cfg.Fleet.On {
		return nil
	}
	next := &standings{
		byDocroot: map[string]*stand{}, refuses: !now.cfg.Fleet.ServeBehind, told: table != nil,
		began: time.Now(), replaced: make(chan struct{}),
	}
	if before != nil {
		next.began = before.began
	}
	if table == nil {
		return next
	}
	places := map[string]int{} // of sites, by their names
	for i := range now.cfg.Sites {
		places[now.cfg.Sites[i].Name] = i
	}
	for _, told := range table.All() {
		var docroot string
		var err error
		at, known := places[told.Site]
		if !known {
			at, docroot, err = Named(now.cfg.Sites, told.Site)
		}
		if err != nil || docroot == "" && now.cfg.Sites[at].IsGlob() {
			next.ignored = append(next.ignored, told.Site)
			continue
		}
		st := &stand{Standing: told, site: now.sites.all[at]}
		if docroot == "" {
			docroot = path.Clean(st.site.Docroot)
		}
		st.served = servesIn(told.FleetStanding.State) && servesIn(told.Next)
		if told.State(standing.Now) == control.FleetUnknown {
			st.unknown = time.Now()
			if was := before.of(docroot); was != nil && !was.unknown.IsZero() {
				st.unknown = was.unknown
			}
		}
		next.follows = next.follows || told.Next != ""
		next.byDocroot[docroot] = st
	}
	return next
}

// of is where a docroot stands; nil if nobody has told.
func (s *standings) of(docroot string) *stand {
	if s == nil {
		return nil
	}
	return s.byDocroot[docroot]
}

// adopt puts a setup to work together with what is known of where its sites stand.
func (f *fleetSeat) adopt(next *setup, at *atomic.Pointer[setup]) {
	f.mu.Lock()
	defer f.mu.Unlock()
	var before *standings
	if was := at.Load(); was != nil {
		before = was.standings.Load()
	}
	if !next.cfg.Fleet.On {
		f.table = nil
	}
	next.standings.Store(next.standingsOf(f.table, before))
	at.Store(next)
	before.over()
	clear(f.unnamed)
	f.wantLocked() // it may have other sites
}

func (f *fleetSeat) wantLocked() {
	f.wants++
	close(f.wanted)
	f.wanted = make(chan struct{})
}

// missing has the agent look for a docroot that it has not named, and says since when it is missed; that is the
// zero time if nobody may wait for it.
func (f *fleetSeat) missing(docroot string) time.Time {
	f.mu.Lock()
	defer f.mu.Unlock()
	since, ask := f.unnamed.add(docroot, time.Now())
	if ask {
		f.wantLocked()
	}
	return since
}

// Wanted implements [control.Fleet].
func (s *Server) Wanted(ctx context.Context, seen uint64) uint64 {
	f := s.fleet
	for {
		f.mu.Lock()
		count, changed := f.wants, f.wanted
		f.mu.Unlock()
		if count != seen {
			return count
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return count
		}
	}
}

// begins is called when requests can come: from now on they wait for what is not known.
func (f *fleetSeat) begins(at *atomic.Pointer[setup]) {
	f.mu.Lock()
	defer f.mu.Unlock()
	now := at.Load()
	before := now.standings.Load()
	now.standings.Store(now.standingsOf(f.table, nil))
	before.over()
}

// take has a table be what is known. It says whether the file says the same already.
func (f *fleetSeat) take(table *standing.Table, at *atomic.Pointer[setup]) (kept bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	report, _ := table.Report()
	kept = f.kept != nil && f.kept.Same(report)
	same := f.table != nil && f.table.Same(report)
	f.table = table
	if same { // as it is each time that the agent tells only that it is there
		return kept
	}
	now := at.Load()
	before := now.standings.Load()
	next := now.standingsOf(table, before)
	f.unnamed.named(next)
	now.standings.Store(next)
	before.over()
	return kept
}

// over wakes who waits for others.
func (s *standings) over() {
	if s != nil {
		close(s.replaced)
	}
}

// known is the newest table; nil if nobody has told.
func (f *fleetSeat) known() *standing.Table {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.table
}

// Stand takes where the sites stand. Requests go by it at once; when it returns without an error
// the next process does too.
func (s *Server) Stand(ctx context.Context, report control.FleetReport) (control.FleetStatus, error) {
	if !s.setup.Load().cfg.Fleet.On {
		return control.FleetStatus{}, control.ErrNoFleet
	}
	kept := s.fleet.take(standing.New(report, standing.Now(), time.Now()), &s.setup)
	s.tellStandings()
	if !kept {
		if err := s.keepStandings(ctx); err != nil {
			s.log.Error().Err(err).Msg("where the sites stand in the fleet is not kept: see state_dir; until it is, this host takes part in no flip")
			return control.FleetStatus{}, err
		}
	}
	st := s.fleetStatus()
	if st == nil { // a reload has just ended it
		return control.FleetStatus{}, control.ErrNoFleet
	}
	return *st, nil
}

// keepStandings writes the newest table for the next process, in its turn: a disk that hangs
// keeps no requests from going by what is known.
func (s *Server) keepStandings(ctx context.Context) (err error) {
	f := s.fleet
	select {
	case f.turn <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { <-f.turn }()
	table := f.known()
	spare.During(func() {
		if table == nil {
			err = f.file.Remove()
		} else {
			err = f.file.Write(table)
		}
	})
	if err != nil {
		table = nil
	}
	f.mu.Lock()
	f.kept = table
	f.mu.Unlock()
	return err
}

// forgetStandings has the next process know nothing, if the configuration has no fleet: one that
// joins it again later has not been told meanwhile.
func (s *Server) forgetStandings() {
	if s.fleet.file == nil || s.setup.Load().cfg.Fleet.On {
		return
	}
	if err := s.keepStandings(context.Background()); err != nil {
		s.log.Error().Err(err).Msg("where the sites stood in the fleet is not forgotten: see state_dir")
	}
}

// handedOverStandings are what the successor is told; nil for none.
func (f *fleetSeat) handedOver() *handover.Standings {
	table := f.known()
	if table == nil {
		return nil
	}
	report, told := table.Report()
	return &handover.Standings{Report: *report, Boottime: time.Duration(table.At()), Told: told}
}

// restoreStandings takes what the predecessor was told, which is newer than the file.
func (s *Server) restoreStandings(h *handover.Standings) {
	if s.setup.Load().cfg.Fleet.On {
		s.fleet.take(standing.New(h.Report, standing.Moment(h.Boottime), h.Told), &s.setup)
	}
}
