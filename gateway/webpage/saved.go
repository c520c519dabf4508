package webpage

import (
	"encoding/json"
	"errors"
	"fmt"

	"realdocd/gateway/control"
)

// saved is what Recent gives to the process that takes over. An unknown field, and one
// that is missing, is no error: the other process may be older or newer.
type saved struct {
	Step   int64                  `json:"step"` // seconds
	Now    int64                  `json:"now"`  // the number of the newest step
	PID    int                    `json:"pid"`
	Tracks map[string][]savedBand `json:"tracks"`
	Marks  []Mark                 `json:"marks"`
	Found  *control.Checked       `json:"found,omitempty"`
}

// A savedBand has the steps in their order, the oldest first.
type savedBand struct {
	Path     string    `json:"path"`
	Name     string    `json:"name"`
	Requests []uint32  `json:"requests"`
	Failed   []uint32  `json:"failed"`
	InPHP    []float32 `json:"php"`
}

func (r *Recent) save(found *control.Checked) json.RawMessage {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := saved{Step: int64(step.Seconds()), Now: r.now, PID: r.pid, Tracks: map[string][]savedBand{}, Marks: r.marks, Found: found}
	for name, t := range r.tracks {
		for _, b := range t.Bands {
			sb := savedBand{Path: b.Path, Name: b.Name}
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

// restore also gives what was found by a check; nil for nothing.
func (r *Recent) restore(text json.RawMessage) (*control.Checked, error) {
	var s saved
	if err := json.Unmarshal(text, &s); err != nil {
		return nil, fmt.Errorf("read what the process before has counted: %w", err)
	}
	if s.Step != int64(step.Seconds()) {
		return nil, errors.New("the process before has counted in other steps")
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.now == 0 {
		r.now, r.pid = s.Now, s.PID
	} else if r.pid != s.PID {
		r.mark(upgraded(r.last))
	}
	r.marks = append(s.Marks, r.marks...)
	for name, bands := range s.Tracks {
		t := r.tracks[name]
		if t == nil && len(r.tracks) >= maxTracks {
			continue
		}
		if t == nil {
			t = &track{}
			r.tracks[name] = t
		}
		for _, sb := range bands {
			if sb.fits() {
				t.band(Release{Path: sb.Path, Name: sb.Name}).merge(sb, s.Now, r.now)
			}
		}
	}
	return s.Found, nil
}

func (sb savedBand) fits() bool {
	return len(sb.Requests) == steps && len(sb.Failed) == steps && len(sb.InPHP) == steps
}

// merge adds what another process has counted until then, as far as it is not too old now.
func (b *band) merge(saved savedBand, then, now int64) {
	for k := range steps {
		n := then - steps + 1 + int64(k)
		if n <= now-steps || n > now || saved.Requests[k] == 0 {
			continue
		}
		b.add(counts{uint64(saved.Requests[k]), uint64(saved.Failed[k]), float64(saved.InPHP[k])}, n)
	}
}
