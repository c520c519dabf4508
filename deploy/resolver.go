package deploy

import (
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// MaxDocroots is how many docroots one Resolver remembers. Above it one that is
// long unused, with nobody inside, is forgotten; it is resolved afresh when it is
// asked for again.
const MaxDocroots = 10_000

// Options say how a Resolver looks at links.
type Options struct {
	Mode Mode
	// Every is how long one look serves; 0 looks for every request.
	Every time.Duration
	// LinkAfter is a directory, or a link, behind which the first link is the one
	// that deploys flip; "" leaves that to the rule of Way.Flipped.
	LinkAfter string
	// Slots and Releases are where deploys put releases, which tells them from other
	// directories; none if that is not known.
	Slots    []string
	Releases string
	// Places gives Slots and Releases for one docroot, where each has its own; nil is
	// that all have these.
	Places func(docroot string) (slots []string, releases string)
	// Blocking makes a call on a file system that may be slow or hang; nil just makes
	// it. A program with few processors for Go wants to know.
	Blocking func(call func())

	// WasLive tells which release of a link was live when somebody looked last, for a
	// link that is not there or leads nowhere at the first look: another process, or
	// one before, may have written it down. It may read a file. Nil knows nothing.
	WasLive func(link string) (release string, known bool)

	stale       time.Duration // staleAfter, but for tests that say otherwise
	settled     time.Duration // settledAfter, the same
	maxDocroots int
	closed      *closings
	unkept      *atomic.Bool // pins have come, or were ended, that nobody has written down
	read        func(link string, buf []byte) (int, error)
	readLocal   func(linkz, buf []byte) (int, error) // where that cannot hang; nil is read
	inspect     func(docroot string, opts Options) (Resolved, error)
	identify    func(dir string) (Identity, error)
	identLocal  func(dirz []byte) (Identity, error) // where that cannot hang; nil is identify
	now         func() time.Time
}

// of are the options for one docroot.
func (o *Options) of(docroot string) *Options {
	if o.Places == nil {
		return o
	}
	its := *o
	its.Slots, its.Releases = o.Places(docroot)
	its.Places = nil
	return &its
}

// A Resolver resolves the docroots of one site. It may be used by many
// goroutines.
type Resolver struct {
	mu       sync.RWMutex
	opts     *Options
	docroots map[string]*docroot
}

// NewResolver makes a Resolver that has looked at nothing yet.
func NewResolver(opts Options) *Resolver {
	if opts.maxDocroots == 0 {
		opts.maxDocroots = MaxDocroots
	}
	if opts.read == nil {
		opts.read, opts.readLocal = unix.Readlink, readlink
	}
	if opts.inspect == nil {
		opts.inspect = Inspect
	}
	if opts.identify == nil {
		opts.identify, opts.identLocal = IdentityOf, identityOfZ
	}
	if opts.Blocking == nil {
		opts.Blocking = func(call func()) { call() }
	}
	opts.now, opts.stale, opts.settled = time.Now, staleAfter, settledAfter
	opts.closed, opts.unkept = &closings{}, new(atomic.Bool)
	return &Resolver{opts: &opts, docroots: map[string]*docroot{}}
}

// Configure changes how links are looked at, from the next look on.
func (r *Resolver) Configure(opts Options) {
	r.mu.Lock()
	defer r.mu.Unlock()
	next := *r.opts
	next.Mode, next.Every, next.LinkAfter, next.Slots, next.Releases = opts.Mode, opts.Every, opts.LinkAfter, opts.Slots, opts.Releases
	next.Places = opts.Places
	next.WasLive = opts.WasLive
	r.takeLocked(&next)
}

// BePatient changes how long a request that could run on a known release waits for a look
// at the link, which is a tenth of a second: on a machine that is busy, a look may take longer
// though no file system hangs.
func (r *Resolver) BePatient(stale time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	next := *r.opts
	next.stale = stale
	r.takeLocked(&next)
}

// takeLocked has all docroots looked at with other options.
func (r *Resolver) takeLocked(opts *Options) {
	r.opts = opts
	for _, d := range r.docroots {
		d.mu.Lock()
		d.opts = r.opts.of(d.path)
		d.mu.Unlock()
	}
}

// Inside is how many requests run in all releases now.
func (r *Resolver) Inside() (sum int64) {
	for _, d := range r.all() {
		sum += d.inside()
	}
	return sum
}

// Live is the path of the release that path, a cleaned docroot, had at the last
// look; "" if none is known.
func (r *Resolver) Live(path string) string {
	d := r.find(path)
	if d == nil {
		return ""
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.live == nil {
		return ""
	}
	return d.live.Path
}

// Enter resolves path, a cleaned docroot of the site, and enters the live
// release. The caller ends the visit with Leave. It fails when the docroot
// cannot be resolved and no release of it is known.
func (r *Resolver) Enter(path string, now time.Time) (Visit, error) {
	d := r.docroot(path)
	v, err := d.enter(now)
	if err != nil {
		r.forget(d)
	}
	return v, err
}

func (r *Resolver) all() []*docroot {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return slices.Collect(maps.Values(r.docroots))
}

// find is docroot for one that may be unknown; nil then.
func (r *Resolver) find(path string) *docroot {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.docroots[path]
}

func (r *Resolver) docroot(path string) *docroot {
	d := r.find(path)
	if d != nil {
		return d
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if d = r.docroots[path]; d == nil {
		if len(r.docroots) >= r.opts.maxDocroots {
			r.evict()
		}
		// The caller's string may be a view of a buffer that is used again.
		d = &docroot{path: strings.Clone(path)}
		d.opts = r.opts.of(d.path)
		r.docroots[d.path] = d
	}
	return d
}

// evictAmong is how many docroots an eviction looks at, picked at random: to find
// the very oldest of thousands would cost each new one a look at all.
const evictAmong = 32

// evict forgets, of some docroots, the one that is unused for longest and has
// nobody inside.
func (r *Resolver) evict() {
	var oldest *docroot
	var used time.Time
	seen := 0
	for _, d := range r.docroots { // in random order
		d.mu.Lock()
		if d.empty() && (oldest == nil || d.lastUsed.Before(used)) {
			oldest, used = d, d.lastUsed
		}
		d.mu.Unlock()
		if seen++; seen >= evictAmong && oldest != nil {
			break
		}
	}
	if oldest != nil {
		delete(r.docroots, oldest.path)
	}
}

// forget drops a docroot that never resolved, so that names that do not exist
// cost no memory.
func (r *Resolver) forget(d *docroot) {
	r.mu.Lock()
	defer r.mu.Unlock()
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.live == nil && d.running.IsZero() && r.docroots[d.path] == d {
		delete(r.docroots, d.path)
	}
}
