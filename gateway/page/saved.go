package page

import (
	"encoding/json"
	"errors"
	"fmt"
)

// saved is what Recent gives to the process that takes over. An unknown field, and one
// that is missing, is no error: the other process may be older or newer.
type saved struct {
	Step   int64                  `json:"step"` // seconds
	Now    int64                  `json:"now"`  // the number of the newest step
	PID    int                    `json:"pid"`
	Tracks map[string][]savedBand `json:"tracks"`
	Marks  []Mark                 `json:"marks"`
}

// A savedBand has the steps in their order, the oldest first.
type savedBand struct {
	Path     string    `json:"path"`
	Name     string    `json:"name"`
	Colour   int       `json:"colour"`
	Requests []uint32  `json:"requests"`
	Failed   []uint32  `json:"failed"`
	InPHP    []float32 `json:"php"`
}

func (r *Recent) save() json.RawMessage {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := saved{Step: int64(step.Seconds()), Now: r.now, PID: r.pid, Tracks: map[string][]savedBand{}, Marks: r.marks}
	for name, t := range r.tracks {
		for _, b := range t.Bands {
			sb := savedBand{Path: b.Path, Name: b.Name, Colour: b.Colour}
			for n := r.now - steps + 1; n <= r.now; n++ {
				i := (n + steps) % steps
				sb.Requests, sb.Failed, sb.InPHP = append(sb.Requests, b.Requests[i]), append(sb.Failed, b.Failed[i]), append(sb.InPHP, b.InPHP[i])
			}
			s.Tracks[name] = append(s.Tracks[name], sb)
		}
	}
	text, _ := json.Marshal(s) // it has only numbers and strings
	return text
}

func (r *Recent) restore(text json.RawMessage) error {
	var s saved
	if err := json.Unmarshal(text, &s); err != nil {
		return fmt.Errorf("read what the process before has counted: %w", err)
	}
	if s.Step != int64(step.Seconds()) {
		return errors.New("the process before has counted in other steps")
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if s.Now <= r.now-steps || len(r.tracks) > 0 {
		return nil // it is too old, or this process has counted itself
	}
	r.now, r.pid, r.marks = s.Now, s.PID, s.Marks
	for name, bands := range s.Tracks {
		if len(r.tracks) >= maxTracks {
			break
		}
		t := &track{}
		for _, sb := range bands {
			if len(t.Bands) < maxBands && sb.fits() {
				t.Bands = append(t.Bands, sb.band(s.Now))
			}
		}
		r.tracks[name] = t
	}
	return nil
}

func (sb savedBand) fits() bool {
	return len(sb.Requests) == steps && len(sb.Failed) == steps && len(sb.InPHP) == steps && sb.Colour >= 0 && sb.Colour < maxBands
}

func (sb savedBand) band(now int64) *band {
	b := &band{Path: sb.Path, Name: sb.Name, Colour: sb.Colour}
	for k := range steps {
		n := now - steps + 1 + int64(k)
		i := (n + steps) % steps
		b.Requests[i], b.Failed[i], b.InPHP[i] = sb.Requests[k], sb.Failed[k], sb.InPHP[k]
		if sb.Requests[k] > 0 {
			b.touched = n
		}
	}
	return b
}
