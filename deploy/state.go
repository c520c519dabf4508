package deploy

// A DocrootState is what one process tells the next of a docroot, so that a new
// one knows its releases before it has looked at the link.
type DocrootState struct {
	Path string `json:"path"`
	// Releases are those that are remembered, the newest last; one is live.
	Releases []ReleaseState `json:"releases"`
	// Closed are the releases that no request enters, of the whole Resolver.
	Closed []string `json:"closed,omitempty"`
}

// State is what is known of all docroots that have resolved.
func (r *Resolver) State() []DocrootState {
	var states []DocrootState
	for _, path := range r.Docroots() {
		if releases := r.Releases(path); len(releases) > 0 {
			states = append(states, DocrootState{Path: path, Releases: releases})
		}
	}
	if len(states) > 0 {
		states[0].Closed = r.Closed()
	}
	return states
}

// Restore takes over what another process knew of a docroot, with nobody inside:
// those who are there are that process's to count. The first request looks at
// the link all the same. A docroot that has been looked at stays as it is.
func (r *Resolver) Restore(state DocrootState) {
	for _, release := range state.Closed {
		r.Close(release)
	}
	d := r.docroot(state.Path)
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.begun > 0 || d.live != nil {
		return
	}
	d.releases = nil // what another process has written down is older than what it tells
	for _, s := range state.Releases {
		known := d.remember(Resolved{
			Docroot: state.Path, Link: s.Link, Release: s.Path, Name: nameOf(s.Path), ResolvedDocroot: s.Docroot, RealDocroot: s.Docroot, Home: s.Path,
			Spellings: []Spelling{{s.Link, s.Path}},
		}, s.Identity)
		known.Since = s.FirstSeen
		known.gone.Store(s.Gone)
		known.total.Store(s.Total)
		known.failed.Store(s.Failed)
		known.pins.brought.Store(s.Brought)
		known.pins.end.Store(milliOf(s.PinsEnd))
		known.pins.last.Store(milliOf(s.PinsLast))
		known.pins.void.Store(milliOf(s.PinsVoid))
		if !s.PinsLast.IsZero() {
			d.opts.unkept.Store(true)
		}
		if !s.LastSeen.IsZero() {
			known.last.Store(s.LastSeen.UnixNano())
		}
		if s.Live {
			d.live = known
			known.live.Store(true)
			continue
		}
		known.past.Store(true)
		known.idle.Store(s.Inside == 0)
	}
}

// Idle is a release, by its path, that is not live and has nobody inside here;
// nil if it is not so, or the release unknown.
func (r *Resolver) Idle(release string) *Release {
	for _, d := range r.all() {
		d.mu.Lock()
		for _, known := range d.releases {
			if known.Path == release && known != d.live && known.Inside() == 0 {
				d.mu.Unlock()
				return known
			}
		}
		d.mu.Unlock()
	}
	return nil
}
