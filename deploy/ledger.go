package deploy

import (
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"time"
)

// A Release is one directory of code and who is inside it.
type Release struct {
	// Path is the release's directory; Name its base name, as in "42".
	Path, Name string
	// Docroot is the resolved docroot, Of the one that was asked for.
	Docroot, Of string
	// Link is what pointed here: paths below it are mapped below Path.
	Link string
	// Since is when the release was first seen.
	Since time.Time

	// Notes is for whoever uses the Resolver: what that keeps of the release, for as
	// long as the release is remembered.
	Notes atomic.Value

	named atomic.Pointer[names]
	kin   *atomic.Pointer[kin]
	id    Identity // of the directory; the zero one where it could not be looked at
	tag   uint64   // see TagOf
	pins  pins

	docrootz  []byte                   // Docroot and a zero byte, as the kernel takes it
	docrootID atomic.Pointer[Identity] // of Docroot, for those that come by a pin; nil before the first
	checked   atomic.Int64             // when that was last looked at, in Unix nanoseconds, if a look may hang
	checking  atomic.Bool              // somebody looks
	missing   atomic.Bool              // it was not there

	inside atomic.Int64
	total  atomic.Int64
	failed atomic.Int64
	last   atomic.Int64 // when somebody left last, in Unix nanoseconds; 0: never
	live   atomic.Bool  // as the last look at the link has found
	past   atomic.Bool  // it was live and is not any more
	idle   atomic.Bool  // that it is past and empty was told
	gone   atomic.Bool  // the directory is not there any more, or is another
}

// names are what the newest look has found that leads to a release.
type names struct {
	spellings []Spelling
	real      string // its docroot
	roof      string // that it is under
	fault     string // of the way
	home      string // the real path of its directory
}

// take keeps what a look found, and says whether that is new.
func (r *Release) take(res Resolved) bool {
	fault := ""
	if res.Fault != nil {
		fault = res.Fault.Error()
	}
	if was := r.named.Load(); was == nil || was.real != res.RealDocroot || was.roof != res.Roof || was.fault != fault || was.home != res.Home || !slices.Equal(was.spellings, res.Spellings) {
		r.named.Store(&names{res.Spellings, res.RealDocroot, res.Roof, fault, res.Home})
		return true
	}
	return false
}

// Spellings are the paths that lead to the release, the docroot's own first. Two
// calls give the same slice while nothing on the way has changed.
func (r *Release) Spellings() []Spelling { return r.named.Load().spellings }

// Fault says why deploys of the docroot cannot be seen, or flips not be made: there is
// no link on its way, or one that cannot be told from others; "" if all is well.
func (r *Release) Fault() string { return r.named.Load().fault }

// Roof is a directory that has nothing but releases of the link; "" if none is known.
func (r *Release) Roof() string { return r.named.Load().roof }

// RealDocroot is Docroot with the symlinks inside the release followed.
func (r *Release) RealDocroot() string { return r.named.Load().real }

// Below is the docroot below the release, as in "/public".
func (r *Release) Below() string { return strings.TrimPrefix(r.Docroot, r.Path) }

// Live says whether the release was live at the last look at the link.
func (r *Release) Live() bool { return r.live.Load() }

// Inside is how many requests run in the release now.
func (r *Release) Inside() int64 { return r.inside.Load() }

// Total is how many requests have entered the release since it was first seen.
func (r *Release) Total() int64 { return r.total.Load() }

func (r *Release) enter() {
	r.inside.Add(1)
	r.total.Add(1)
	if r.past.Load() {
		r.idle.Store(false)
	}
}

// fellIdle says, once each time, that nobody is inside a release that is not
// live any more, and that no pin leads there. Whoever may have made it so asks: the last to
// leave, the flip that finds it empty, and who sees the last pin end.
func (r *Release) fellIdle() bool {
	return r.past.Load() && !r.pinned(time.Now()) && r.inside.Load() == 0 && r.idle.CompareAndSwap(false, true)
}

// A Visit is one request's stay in a release. Leave ends it, once.
type Visit struct {
	*Release
	// Flip is set for the first request that enters a release which has just
	// gone live.
	Flip *Flipped
	// Stale has why the last good release serves, when the link could not be
	// looked at; nil otherwise.
	Stale error
}

// Leave counts the request out of its release. now is when it ended, failed
// whether it did not end well. It returns true for the last one inside a release
// that is not live any more: the release is idle then.
func (v Visit) Leave(now time.Time, failed bool) (idle bool) {
	v.last.Store(now.UnixNano())
	if failed {
		v.failed.Add(1)
	}
	v.inside.Add(-1)
	return v.fellIdle()
}

// Withdraw ends a visit that was no request's, and has it never counted.
func (v Visit) Withdraw() {
	v.total.Add(-1)
	v.inside.Add(-1)
}

// Flipped is a change of the live release of a docroot.
type Flipped struct {
	// Docroot is the one that was asked for.
	Docroot string
	// Live is the release that is live now, Before the one that was; nil where
	// none is known.
	Live, Before *Release
	// Idle is set when nobody was inside Before any more.
	Idle bool
}

// A ReleaseState is a Release at one moment.
type ReleaseState struct {
	Path, Name, Docroot, Link string
	Live                      bool
	// Closed is set where no request enters it; Gone where the directory was removed,
	// or another has its name.
	Closed, Gone bool
	Identity     Identity
	// Inside, Total and Failed count requests: now, and since FirstSeen.
	Inside, Total, Failed int64
	// FirstSeen is when the release was first seen; LastSeen when a request
	// left it last, zero for never.
	FirstSeen, LastSeen time.Time
	// Notes are what Release.Notes has; nil if nobody has noted anything.
	Notes any `json:"-"`
	// Brought counts the requests that came by a pin. PinsEnd is when the youngest pin ends,
	// PinsLast the same with those that were ended before their time, and PinsVoid the time up
	// to which those were issued that lead here no more; zero for none.
	Brought  int64     `json:",omitempty"`
	PinsEnd  time.Time `json:",omitzero"`
	PinsLast time.Time `json:",omitzero"`
	PinsVoid time.Time `json:",omitzero"`
}

func (r *Release) state(live bool) ReleaseState {
	s := ReleaseState{
		Path: r.Path, Name: r.Name, Docroot: r.Docroot, Link: r.Link, Live: live,
		Inside: r.inside.Load(), Total: r.total.Load(), Failed: r.failed.Load(), FirstSeen: r.Since,
		Gone: r.gone.Load(), Identity: r.id, Notes: r.Notes.Load(), Brought: r.Brought(),
		PinsEnd: r.PinsEnd(), PinsLast: timeOf(r.pins.last.Load()), PinsVoid: timeOf(r.pins.void.Load()),
	}
	if last := r.last.Load(); last != 0 {
		s.LastSeen = time.Unix(0, last)
	}
	return s
}

// beside is another release of the same link, of the docroot path.
func (r *Release) beside(path, release string) Resolved {
	res := Resolved{Docroot: path, Link: r.Link, Release: release, Name: nameOf(release), ResolvedDocroot: release + r.Below(), Roof: r.Roof()}
	res.Home = release
	if real, err := filepath.EvalSymlinks(release); err == nil {
		res.Home = real
	}
	res.RealDocroot = res.ResolvedDocroot
	if real, err := filepath.EvalSymlinks(res.ResolvedDocroot); err == nil {
		res.RealDocroot = real
	}
	for _, s := range r.Spellings() {
		if rest, ok := strings.CutPrefix(s[1], r.Path); ok && (rest == "" || rest[0] == '/') {
			res.Spellings = append(res.Spellings, Spelling{s[0], release + rest})
		}
	}
	return res
}
