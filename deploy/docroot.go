package deploy

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

const (
	// staleAfter is how long a request that could run on a known release
	// waits for a look at the link.
	staleAfter = 100 * time.Millisecond
	// unknownAfter is how long a request waits for the first look.
	unknownAfter = 5 * time.Second
	// checkEvery is how long a look may be content with the link's own text.
	// Then it must lead to the same directory still.
	checkEvery = time.Second
	// walkEvery is how long that may do. Then the whole path is walked again,
	// for what no deploy does: a directory above the link that has become a
	// symlink.
	walkEvery = time.Minute
	// keepReleases is how many releases of a docroot are remembered when
	// nobody is inside them.
	keepReleases = 16
	// keepPinned is how many are when pins lead to the older ones.
	keepPinned = 100
)

var errHung = errors.New("the file system does not answer")

// docroot is what is known of one docroot. Its mutex is never held over a
// system call on the site's file system.
type docroot struct {
	path string

	mu       sync.Mutex
	opts     *Options
	live     *Release
	releases []*Release // seen, the newest last, live among them
	kin      atomic.Pointer[kin]
	flip     *Flipped  // that made it live, while nobody was told
	err      error     // of the last look
	local    bool      // a look cannot hang
	glances  bool      // nor does a glance wait
	glance   *glance   // of the link with the text; nil if a look cannot be one
	text     string    // the link's own text, where it alone decides; else ""
	buf      []byte    // for one byte more than text
	linkz    []byte    // the link's path and a zero byte, as the kernel takes it
	id       Identity  // of the resolved docroot
	checked  time.Time // when the docroot was last seen to lead there
	walked   time.Time // when the whole path was last resolved
	walkedAs *Options  // with these
	looked   time.Time // when the last look that ended began
	begun    uint64    // looks begun
	done     uint64    // the number of the last look that ended
	running  time.Time // when the running look began; zero: none runs
	waiters  chan struct{}
	lastUsed time.Time
	looking  bool   // somebody looks whether releases are gone
	losses   []Loss // that nobody was told of
}

// enter gives the live release, counted. now is when the request came.
func (d *docroot) enter(now time.Time) (Visit, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.lastUsed = now
	if d.done > 0 && d.opts.Every > 0 && now.Sub(d.looked) < d.opts.Every {
		return d.admit(d.err)
	}
	if err := d.lookAfresh(now, 0); err != nil {
		return d.admit(err)
	}
	return d.admit(d.err)
}

// lookAfresh waits for the end of a look that begins no sooner than now; its
// result is in err. It fails with errHung when that takes too long, and longer than atLeast.
// The mutex is held before and after.
func (d *docroot) lookAfresh(now time.Time, atLeast time.Duration) error {
	need := d.begun + 1
	for d.done < need {
		if d.running.IsZero() {
			d.startLook(now)
			continue
		}
		patience := unknownAfter
		if d.live != nil {
			patience = d.opts.stale
		}
		if !d.await(max(patience, atLeast) - now.Sub(d.running)) {
			return errHung
		}
		now = d.opts.now()
	}
	return nil
}

// admit enters the live release; err says why it may not be what the link
// points to.
func (d *docroot) admit(err error) (Visit, error) {
	if d.live == nil {
		return Visit{}, fmt.Errorf("resolve docroot %s: %w", d.path, err)
	}
	v := Visit{Release: d.live, Flip: d.flip, Stale: err}
	d.flip = nil
	d.live.enter()
	return v, nil
}

// startLook looks in this goroutine where that cannot hang, else in its own.
func (d *docroot) startLook(now time.Time) {
	d.begun++
	d.running = now
	known, opts := d.live, d.opts
	if d.local {
		d.mu.Unlock()
		began := time.Now()
		f := d.look(known, opts, now)
		if time.Since(began) >= opts.stale {
			f.local = false // until the path is walked again: others must not wait for one that takes so long
		}
		d.mu.Lock()
		d.finish(now, f)
		return
	}
	go func() {
		var f found
		opts.Blocking(func() { f = d.look(known, opts, now) })
		d.mu.Lock()
		defer d.mu.Unlock()
		d.finish(now, f)
	}()
}

// await waits for the running look to end; false when patience ran out.
func (d *docroot) await(patience time.Duration) bool {
	if patience <= 0 {
		return false
	}
	if d.waiters == nil {
		d.waiters = make(chan struct{})
	}
	ended := d.waiters
	d.mu.Unlock()
	defer d.mu.Lock()
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case <-ended:
		return true
	case <-timer.C:
		return false
	}
}

// found is what a look found.
type found struct {
	same    bool // the link is as the last walk found it
	checked bool // and leads to the same directory
	local   bool
	glances bool
	glance  *glance
	text    string
	id      Identity
	home    Identity // of the release's directory
	opts    *Options // it was looked with
	res     Resolved
	err     error
	was     *Resolved // with err: the release that was live once, if no other is known
}

// look finds what the link points to now. It reads what finish writes without
// the mutex, since only one look runs at a time.
func (d *docroot) look(known *Release, opts *Options, now time.Time) found {
	if known != nil && d.text != "" && d.walkedAs == opts && now.Sub(d.walked) < walkEvery {
		if f := d.lookAgain(known, opts, now); f.same {
			return f
		}
	}
	res, err := opts.inspect(d.path, *opts)
	if known == nil {
		res, err = d.firstLook(res, err, opts)
	}
	if err != nil {
		f := found{err: err, was: d.wasLive(known, opts)}
		if f.was != nil {
			f.home, _ = IdentityOf(f.was.Release)
		}
		return f
	}
	f := found{res: res, opts: opts, local: localFilesystem(filepath.Dir(res.Link), res.ResolvedDocroot)}
	f.glances = f.local && opts.readLocal != nil && glances(res.Link)
	if f.id, f.err = opts.identify(res.ResolvedDocroot); f.err != nil {
		return f
	}
	f.home, _ = IdentityOf(res.Release)
	var buf [unix.PathMax]byte
	if n, err := opts.read(res.Link, buf[:]); err == nil && res.Doubt == nil && target(res.Link, string(buf[:n])) == res.Release {
		f.text = string(buf[:n])
	}
	return f
}

// lookAgain looks whether the link, whose text is known, is as the last walk found it.
func (d *docroot) lookAgain(known *Release, opts *Options, now time.Time) (f found) {
	check, soon := now.Sub(d.checked) >= checkEvery, now.Sub(d.looked) < glanceWithin
	if !check && soon && d.local && d.glance != nil && d.glance.same(d.linkz) {
		return found{same: true, local: d.local}
	}
	var next *glance // only for a link that is looked at all the time
	if check && soon && d.local && d.glances {
		if next = new(glance); !next.begin(d.linkz) {
			next = nil
		}
	}
	n, err := d.readLink(known.Link, opts)
	if err != nil || string(d.buf[:n]) != d.text {
		return found{}
	}
	if !check {
		return found{same: true, local: d.local}
	}
	if id, err := opts.identify(d.path); err != nil || id != d.id {
		return found{}
	}
	if next != nil && !next.end(d.linkz, opts.settled) {
		next = nil
	}
	return found{same: true, checked: true, local: d.local, glance: next}
}

// readLink reads the link's text into buf.
func (d *docroot) readLink(link string, opts *Options) (int, error) {
	if d.local && opts.readLocal != nil {
		return opts.readLocal(d.linkz, d.buf)
	}
	return opts.read(link, d.buf)
}

// finish takes what a look found. The mutex is held.
func (d *docroot) finish(began time.Time, f found) {
	d.err, d.local = f.err, f.local
	d.done, d.looked, d.running = d.begun, began, time.Time{}
	if d.waiters != nil {
		close(d.waiters)
		d.waiters = nil
	}
	if f.checked {
		d.checked, d.glance = began, f.glance
	}
	if f.was != nil && d.live == nil {
		d.live = d.remember(*f.was, f.home)
		d.live.live.Store(true)
	}
	if f.same || f.err != nil {
		return
	}
	d.id, d.checked = f.id, began
	d.glances, d.glance = f.glances, nil
	d.linkz = append([]byte(f.res.Link), 0)
	d.text, d.buf, d.walked, d.walkedAs = f.text, make([]byte, len(f.text)+1), began, f.opts
	if d.live == nil || d.live.Path != f.res.Release || d.live.Link != f.res.Link || !d.live.is(f.home) {
		d.goLive(f.res, f.home)
	}
	if d.live.take(f.res) {
		d.noteKinLocked()
	}
	if was := d.live.docrootID.Load(); was == nil || *was != f.id {
		id := f.id
		d.live.docrootID.Store(&id)
	}
}

func (d *docroot) goLive(res Resolved, home Identity) {
	flip := &Flipped{Docroot: d.path, Before: d.live}
	if before := d.live; before != nil {
		before.live.Store(false)
		before.past.Store(true)
		flip.Idle = before.fellIdle()
	}
	d.live = d.release(res.Release, res.Link, home)
	if d.live == nil {
		d.live = d.remember(res, home)
	}
	d.live.past.Store(false)
	d.live.live.Store(true)
	d.live.gone.Store(false)
	d.opts.closed.open(d.live.Path)
	d.live.idle.Store(false)
	i := slices.Index(d.releases, d.live)
	d.releases = append(slices.Delete(d.releases, i, i+1), d.live)
	flip.Live, d.flip = d.live, flip
}

// release is a release that is remembered; nil when it is not.
func (d *docroot) release(path, link string, home Identity) *Release {
	for _, r := range d.releases {
		if r.Path == path && r.Link == link && r.is(home) {
			return r
		}
	}
	return nil
}

// is says whether the release is the directory that was looked at. One that could not
// be looked at is taken for what its path says.
func (r *Release) is(home Identity) bool {
	if !r.id.known() {
		r.id = home
	}
	return !home.known() || r.id.Is(home)
}

// remember adds a release, and forgets the oldest with nobody inside where there
// are too many.
func (d *docroot) remember(res Resolved, home Identity) *Release {
	r := &Release{
		Path: res.Release, Name: res.Name, Of: d.path,
		Docroot: res.ResolvedDocroot, Link: res.Link, Since: d.opts.now(), id: home, tag: TagOf(res.Link, res.Release),
	}
	if slices.ContainsFunc(d.releases, func(old *Release) bool { return old.Path == r.Path }) {
		// A pin to the directory that had this path before does not lead to this one.
		r.pins.void.Store(r.Since.UnixMilli() - 1)
	}
	r.pins.unkept, r.docrootz = d.opts.unkept, append([]byte(r.Docroot), 0)
	r.take(res)
	r.kin = &d.kin
	d.releases = append(d.releases, r)
	if len(d.releases) > keepReleases {
		d.forgetOldest(r)
	}
	d.noteKinLocked()
	return r
}

// forgetOldest forgets the oldest release that nobody is inside of, other than the one that
// was just remembered. One that pins lead to stays, while there are not far too many.
func (d *docroot) forgetOldest(newest *Release) {
	now, many := d.opts.now().UnixMilli(), len(d.releases) > keepPinned
	oldest := slices.IndexFunc(d.releases, func(old *Release) bool {
		return old != newest && old != d.live && old.Inside() == 0 && (many || old.pins.last.Load() <= now)
	})
	if oldest >= 0 {
		d.releases = slices.Delete(d.releases, oldest, oldest+1)
	}
}

func (d *docroot) empty() bool { return d.running.IsZero() && d.count() == 0 }

// count is how many requests are inside all releases. The mutex is held.
func (d *docroot) count() (sum int64) {
	for _, r := range d.releases {
		sum += r.Inside()
	}
	return sum
}

func (d *docroot) inside() int64 {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.count()
}
