package page

import (
	"time"

	"realdocd/gateway/control"
)

// A Source is the daemon that a page shows. Several goroutines may call its methods at
// the same time. None of them waits for PHP-FPM or another process for more than a second.
type Source interface {
	// Snapshot is what has been counted until now.
	Snapshot() Snapshot
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
}

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
