package webpage

import (
	"time"

	"realdocd/gateway/control"
)

// A Source is the daemon that a page shows. Several goroutines may call its methods at
// the same time.
type Source interface {
	// Snapshot is what is known now, without a question to PHP-FPM.
	Snapshot() Snapshot
	// Watch has PHP-FPM asked once a second until stop is called.
	Watch() (stop func())
	// Site is a site with who is inside its releases; docroot is one that its docroot, a
	// pattern, stands for, or "".
	Site(name, docroot string) (control.SiteDetail, error)
}

// A Snapshot is the daemon at one moment. Its counters begin at 0 when a process starts.
type Snapshot struct {
	Time   time.Time
	Status control.Status
	// Version is that of realdocd.
	Version string
	// Docroots are all docroots that the daemon remembers, in the order of its
	// configuration.
	Docroots []Docroot
	// FPM is what PHP-FPM has said last, by the name of the pool. It may be of a while ago.
	FPM map[string]FPM
}

// FPM is what the PHP-FPM of one pool has said of itself.
type FPM struct {
	// At is when it told its status last; the zero time means never, and then Workers is
	// empty. Err is why it has not told it since; "" if it has.
	At  time.Time
	Err string
	// Workers are how many are in which state; Queue is how many connections no worker has
	// taken, Reached how often all of pm.max_children were needed, Slow how many requests
	// were slow for it.
	Workers        []Workers
	Queue, Reached int
	Slow           int64
	Opcaches       []Opcache
}

// Workers are those in one state.
type Workers struct {
	State string // of PHP-FPM, in lower case
	N     int
}

// An Opcache is that of one listener. Memory is in bytes.
type Opcache struct {
	Server             string
	At                 time.Time
	Used, Free, Wasted int64
	Scripts            int64
	Full               bool
	// Releases are the memory and scripts of the releases that it was asked about, by their
	// paths.
	Releases map[string]Share
}

// A Share is a part of an opcache.
type Share struct{ Bytes, Scripts int64 }

// A Docroot is one docroot of a site. Name is what operators call it: the site's name, and
// behind a slash that of the docroot if the site's is a pattern.
type Docroot struct {
	Name, Site, Docroot string
	Pool                string
	Releases            []Release
}

// A Release is one of a docroot. Requests counts those that have ended, Failed those of
// them that failed, and InPHP is how long they were with PHP-FPM in all.
type Release struct {
	Path, Name       string
	Live             bool
	Running          int64
	Requests, Failed uint64
	InPHP            time.Duration
}
