package deploy

import (
	"fmt"
	"path/filepath"
	"time"
)

const pinsFile = "pins.json"

// Unkept says, once each time, whether pins have come, or were ended, that Pinned has not told
// of.
func (r *Resolver) Unkept() bool {
	unkept := r.options().unkept
	return unkept.Load() && unkept.CompareAndSwap(true, false)
}

// KeepAgain has Unkept say so, for what Pinned has told could not be written.
func (r *Resolver) KeepAgain() { r.options().unkept.Store(true) }

// Pinned is what of a site's docroots a later process has to know: the releases to which
// a pin may be on its way, for as long. It has slack added to when the pins end, so that it
// holds for that long without being written anew.
func (r *Resolver) Pinned(now time.Time, slack time.Duration) (states []DocrootState) {
	for _, d := range r.all() {
		if kept := d.pinned(now, slack); len(kept) > 0 {
			states = append(states, DocrootState{Path: d.path, Releases: kept})
		}
	}
	return states
}

func (d *docroot) pinned(now time.Time, slack time.Duration) (kept []ReleaseState) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, known := range d.releases {
		s := known.state(false)
		if !s.PinsLast.After(now) || s.Gone {
			continue
		}
		s.Inside, s.Total, s.Failed = 0, 0, 0
		if !s.PinsEnd.IsZero() {
			s.PinsEnd = s.PinsEnd.Add(slack)
		}
		s.PinsLast = s.PinsLast.Add(slack)
		known.pins.kept.Store(milliOf(s.PinsLast))
		kept = append(kept, s)
	}
	return kept
}

// Pins are the releases of a site that pins may lead to, as PutPins has written them, for a
// process that begins.
func (h *History) Pins() (states []DocrootState, err error) {
	if err := h.readSite(pinsFile, &states); err != nil {
		return nil, fmt.Errorf("read which releases have pins: %w", err)
	}
	return states, nil
}

// PutPins writes them.
func (h *History) PutPins(states []DocrootState) error {
	if err := h.writeSite(pinsFile, states); err != nil {
		return fmt.Errorf("write which releases have pins: %w", err)
	}
	return nil
}

// EndPins ends the pins to a release, a directory by its absolute path, while no process runs
// that follows any: the next one does not.
func (h *History) EndPins(release string, now time.Time) error {
	states, err := h.Pins()
	if err != nil {
		return err
	}
	changed := false
	for _, state := range states {
		for i := range state.Releases {
			if s := &state.Releases[i]; s.Path == filepath.Clean(release) {
				s.PinsEnd, s.PinsVoid, changed = time.Time{}, now, true
			}
		}
	}
	if !changed {
		return nil
	}
	return h.PutPins(states)
}
