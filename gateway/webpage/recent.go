package webpage

import (
	"cmp"
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
	tracks map[string]*track // by Docroot.Name: those with a request in the last 15 minutes
	// counted are all docroots' releases at the last snapshot, by Docroot.Name and path.
	counted map[string]map[string]Release
	pools   map[string]bool // whether each is paused
	marks   []Mark
	last    time.Time // of the last snapshot
	pid     int       // of the process that has taken it
}

// A track is one docroot.
type track struct {
	Bands []*band
	live  string // the path of the live release at the last snapshot
}

// A band is one release of a docroot: what it did in each step. The step n is at n
// modulo steps.
type band struct {
	Path, Name string
	Colour     int // below maxBands; no other band of the track has it
	Requests   [steps]uint32
	Failed     [steps]uint32
	InPHP      [steps]float32 // seconds

	touched int64 // the last step with a request
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
	return &Recent{tracks: map[string]*track{}, counted: map[string]map[string]Release{}, pools: map[string]bool{}}
}

// add counts what a snapshot has beyond the one before it. If there is none, or it is too
// old, or another process has taken it, the next snapshots are compared with this one.
func (r *Recent) add(s Snapshot) {
	r.mu.Lock()
	defer r.mu.Unlock()
	anew := r.pid != s.Status.PID || s.Time.Sub(r.last) > 2*step
	if anew && r.pid != 0 && r.pid != s.Status.PID {
		r.mark(upgraded(s.Time))
	}
	r.pid, r.last = s.Status.PID, s.Time
	r.advance(s.Time.UnixNano() / int64(step))
	for _, p := range s.Status.Pools {
		r.notePaused(p.Name, p.Paused, s.Time)
	}
	if len(r.counted) > 2*len(s.Docroots)+100 { // docroots have gone
		anew, r.counted = true, map[string]map[string]Release{}
	}
	for _, d := range s.Docroots {
		r.count(d, anew)
	}
}

func upgraded(now time.Time) Mark {
	return Mark{Time: now, Kind: "upgrade", Text: "another process serves"}
}

func (r *Recent) notePaused(pool string, paused bool, now time.Time) {
	if was, known := r.pools[pool]; known && was != paused {
		kind := "resume"
		if paused {
			kind = "pause"
		}
		r.mark(Mark{Time: now, Kind: kind, Pool: pool, Text: "pool " + pool})
	}
	r.pools[pool] = paused
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

// count counts one docroot. What its releases had counted before, if they are counted anew,
// belongs to no step.
func (r *Recent) count(d Docroot, anew bool) {
	before := r.counted[d.Name]
	known := before != nil
	if !known || len(before) > len(d.Releases)+maxBands {
		before = map[string]Release{}
		r.counted[d.Name] = before
	}
	t := r.tracks[d.Name]
	for _, rel := range d.Releases {
		if rel.Live && t != nil {
			t.live = rel.Path
		}
		more := rel.beyond(before[rel.Path])
		before[rel.Path] = rel
		if anew || more.Requests == 0 {
			continue
		}
		if t == nil {
			if len(r.tracks) >= maxTracks {
				return
			}
			t = &track{}
			r.tracks[d.Name] = t
		}
		if rel.Live {
			t.live = rel.Path
		}
		t.band(rel).add(more, r.now)
	}
}

// beyond is what a release has counted since before. It begins anew if it was forgotten
// meanwhile.
func (rel Release) beyond(before Release) counts {
	if rel.Requests < before.Requests || rel.Failed < before.Failed {
		before = Release{}
	}
	return counts{rel.Requests - before.Requests, rel.Failed - before.Failed, (rel.InPHP - before.InPHP).Seconds()}
}

// band is that of a release. If there is no room for a new one, the one that was used
// least lately gives way.
func (t *track) band(rel Release) *band {
	for _, b := range t.Bands {
		if b.Path == rel.Path {
			return b
		}
	}
	if len(t.Bands) >= maxBands {
		oldest := slices.MinFunc(t.Bands, func(a, b *band) int { return cmp.Compare(a.touched, b.touched) })
		t.Bands = slices.DeleteFunc(t.Bands, func(b *band) bool { return b == oldest })
	}
	b := &band{Path: rel.Path, Name: rel.Name}
	for slices.ContainsFunc(t.Bands, func(other *band) bool { return other.Colour == b.Colour }) {
		b.Colour++
	}
	t.Bands = append(t.Bands, b)
	return b
}

// add adds counts to a step.
func (b *band) add(c counts, now int64) {
	b.Requests[now%steps] += uint32(c.Requests)
	b.Failed[now%steps] += uint32(c.Failed)
	b.InPHP[now%steps] += float32(c.InPHP)
	b.touched = max(b.touched, now)
}

func (r *Recent) mark(m Mark) { r.marks = append(r.marks, m) }
