package control

import "time"

// A SiteDetail is one site at one moment, with who is inside which release.
type SiteDetail struct {
	SiteStatus
	// Docroots are the docroots that the daemon remembers. It is one if the site's
	// docroot is not a pattern.
	Docroots []DocrootStatus `json:"docroots"`
	// History are the releases that have been live, the newest last.
	History []HistoryEntry `json:"history"`
	// Notes are what else the site's history has, the newest last.
	Notes []Note `json:"notes,omitempty"`
}

// A DocrootStatus is one docroot of a site.
type DocrootStatus struct {
	Docroot string `json:"docroot"`
	Link    string `json:"link"`
	// Tenant is its name if the site's docroot is a pattern: what the wildcards have
	// matched.
	Tenant string `json:"tenant,omitempty"`
	// Pool is the pool that runs it.
	Pool string `json:"pool"`
	// Stale and Gone are as those of a site.
	Stale string `json:"stale,omitempty"`
	Gone  bool   `json:"gone,omitempty"`
	// Releases are those that the daemon remembers: the live one, those with
	// somebody inside, and the last few that were live.
	Releases []ReleaseStatus `json:"releases"`
}

// A ReleaseStatus is one release of a docroot.
type ReleaseStatus struct {
	Path string `json:"path"`
	Name string `json:"name"`
	Live bool   `json:"live"`
	// Running are the requests and commands inside. Requests counts them since
	// FirstSeen, and Failed those of them that failed.
	Running   int64     `json:"running"`
	Requests  int64     `json:"requests"`
	Failed    int64     `json:"failed"`
	FirstSeen time.Time `json:"first_seen"`
	// LastSeen is when a request left the release last. The zero time means never.
	LastSeen time.Time `json:"last_seen"`
	// Pinned are the requests that a pin has brought, of Requests. PinsEnd is when the
	// youngest pin to the release ends; it is not there if no pin leads to it.
	Pinned  int64     `json:"pinned,omitempty"`
	PinsEnd time.Time `json:"pins_end,omitzero"`
	// Closed is set if no request enters the release, because it was drained.
	Closed bool `json:"closed,omitempty"`
	// Gone is set if its directory was removed, or another has its name.
	Gone bool `json:"gone,omitempty"`
	// Inside are the oldest of those that are inside, at most 100.
	Inside []Occupant `json:"inside"`
}

// An Occupant is a request, a command or a script that is inside a release.
type Occupant struct {
	// Kind is "request", "abandoned" (a request that nobody waits for any more, and
	// whose script still runs), "command" (of realdocd exec) or "worker": a worker of
	// PHP-FPM whose request has ended and whose script still runs.
	Kind string `json:"kind"`
	// What is the method and the URI, the command line, or the script's path.
	What string `json:"what"`
	// Age is how long it has been there, in seconds.
	Age float64 `json:"age_seconds"`
	// PID is the process of a command or a worker.
	PID int `json:"pid,omitempty"`
	// RequestID is the id of a request, abandoned or not.
	RequestID string `json:"request_id,omitempty"`
}

// A HistoryEntry is a release that went live.
type HistoryEntry struct {
	Time    time.Time `json:"time"`
	Link    string    `json:"link"`
	Release string    `json:"release"`
	// By is what made it live: "flip", "rollback", "deploy" or "canary" of this host, "fleet" or "rollback"
	// of all hosts, "catch-up" of a host that has followed them later, or "link" if something else has changed
	// the link.
	By string `json:"by"`
}

// A Note is something of a site's history that is not a release that went live.
type Note struct {
	Time time.Time `json:"time"`
	// What is its kind: "maintenance", "preview", "canary" or "bake".
	What string `json:"what"`
	// Docroot is the one that it is about; "" is the whole site. Release is the path of
	// the release that it is about, if it is about one.
	Docroot string `json:"docroot,omitempty"`
	Release string `json:"release,omitempty"`
	Text    string `json:"text"`
}
