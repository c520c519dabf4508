package page

import (
	"slices"
	"sync"
	"time"
)

// What Recent keeps: 15 minutes in steps of five seconds.
const (
	step  = 5 * time.Second
	steps = 180

	maxTracks = 2000
	maxBands  = 6
)

// Recent is what was counted in the last 15 minutes. Its methods may be called by
// several goroutines.
type Recent struct {
	mu sync.Mutex // guards the following
	// now is the step that is being filled, as a number of steps since 1970.
	now    int64
	tracks map[string]*track // by Docroot.Name
	pools  map[string]bool   // whether each is paused
	marks  []Mark
	pid    int // of the process that has taken the last sample
}

// A track is one docroot.
type track struct {
	Bands []*band
	live  string // the path of the live release at the last sample
}

// A band is one release of a docroot: what it did in each step. The step n is at n
// modulo steps.
type band struct {
	Path, Name string
	Colour     int // below maxBands; no other band of the track has it
	Requests   [steps]uint32
	Failed     [steps]uint32
	InPHP      [steps]float32 // seconds

	counted Release // at the last sample
	touched int64   // the last step with a request
}

// A Mark is something that happened, at the chart's edge.
type Mark struct {
	Time time.Time `json:"t"`
	// Kind is "flip", "rollback", "deploy", "link", "pause", "resume" or "upgrade".
	Kind string `json:"kind"`
	// Pool is set for a pause and a resume. An upgrade is of all.
	Pool string `json:"pool,omitempty"`
	Text string `json:"text"`
}

func newRecent() *Recent {
	return &Recent{tracks: map[string]*track{}, pools: map[string]bool{}}
}

// add counts what a sample has beyond the one before it. The first sample of a process,
// or of a release, is what the next ones are compared with.
func (r *Recent) add(s Sample) {
	r.mu.Lock()
	defer r.mu.Unlock()
	first := r.now == 0
	r.advance(s.Time.UnixNano() / int64(step))
	renewed := r.pid != s.Status.PID
	if renewed && r.pid != 0 {
		r.mark(Mark{Time: s.Time, Kind: "upgrade", Text: "another process serves"})
	}
	r.pid = s.Status.PID
	for _, p := range s.Status.Pools {
		if was, known := r.pools[p.Name]; known && was != p.Paused {
			kind := "resume"
			if p.Paused {
				kind = "pause"
			}
			r.mark(Mark{Time: s.Time, Kind: kind, Pool: p.Name, Text: kind + " of pool " + p.Name})
		}
		r.pools[p.Name] = p.Paused
	}
	for _, d := range s.Docroots {
		r.count(d, first, renewed)
	}
}

// advance begins a step, and empties those that nobody has filled.
func (r *Recent) advance(to int64) {
	if to <= r.now {
		return // the same step, or the clock went back
	}
	empty := min(to-r.now, steps)
	for name, t := range r.tracks {
		for n := to - empty + 1; n <= to; n++ {
			for _, b := range t.Bands {
				b.Requests[n%steps], b.Failed[n%steps], b.InPHP[n%steps] = 0, 0, 0
			}
		}
		t.Bands = slices.DeleteFunc(t.Bands, func(b *band) bool { return b.touched <= to-steps && b.Path != t.live })
		if !slices.ContainsFunc(t.Bands, func(b *band) bool { return b.touched > to-steps }) {
			delete(r.tracks, name)
		}
	}
	r.now = to
	oldest := time.Unix(0, (to-steps)*int64(step))
	r.marks = slices.DeleteFunc(r.marks, func(m Mark) bool { return m.Time.Before(oldest) })
}

// count counts one docroot. What a release had counted before it was seen first belongs to
// no step, unless it has appeared since the last sample.
func (r *Recent) count(d Docroot, first, renewed bool) {
	t := r.tracks[d.Name]
	if t == nil {
		if !slices.ContainsFunc(d.Releases, func(rel Release) bool { return rel.Requests > 0 }) || len(r.tracks) >= maxTracks {
			return
		}
		t = &track{}
		r.tracks[d.Name] = t
	}
	for _, rel := range d.Releases {
		if rel.Live {
			t.live = rel.Path
		}
		b := t.band(rel)
		if b == nil {
			if rel.Requests == 0 {
				continue
			}
			b = t.newBand(rel)
			if first {
				b.counted = rel
			}
		}
		if renewed && b.counted.Requests > rel.Requests {
			b.counted = Release{}
		}
		b.count(rel, r.now)
	}
}

func (t *track) band(rel Release) *band {
	for _, b := range t.Bands {
		if b.Path == rel.Path {
			return b
		}
	}
	return nil
}

// newBand makes room for a release: the one that was used least lately gives way.
func (t *track) newBand(rel Release) *band {
	if len(t.Bands) >= maxBands {
		oldest := slices.MinFunc(t.Bands, func(a, b *band) int { return int(a.touched - b.touched) })
		t.Bands = slices.DeleteFunc(t.Bands, func(b *band) bool { return b == oldest })
	}
	b := &band{Path: rel.Path, Name: rel.Name}
	for slices.ContainsFunc(t.Bands, func(other *band) bool { return other.Colour == b.Colour }) {
		b.Colour++
	}
	t.Bands = append(t.Bands, b)
	return b
}

// count adds what a release has counted since the last sample to a step.
func (b *band) count(rel Release, now int64) {
	if rel.Requests < b.counted.Requests || rel.Failed < b.counted.Failed { // it was forgotten meanwhile, and begins anew
		b.counted = Release{}
	}
	if n := rel.Requests - b.counted.Requests; n > 0 {
		b.Requests[now%steps] += uint32(n)
		b.Failed[now%steps] += uint32(rel.Failed - b.counted.Failed)
		b.InPHP[now%steps] += float32((rel.InPHP - b.counted.InPHP).Seconds())
		b.touched = now
	}
	b.counted = rel
}

func (r *Recent) mark(m Mark) { r.marks = append(r.marks, m) }
