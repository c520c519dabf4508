package gateway

import "time"

// A SiteDetail is one site at one moment, with who is inside which release. Its
// JSON is part of the control API.
type SiteDetail struct {
	SiteStatus
	// Docroots are those that are remembered; one, where the site's docroot is
	// no pattern.
	Docroots []DocrootStatus `json:"docroots"`
	// History are the releases that have been live, the newest last.
	History []HistoryEntry `json:"history"`
}

// A DocrootStatus is one docroot of a site.
type DocrootStatus struct {
	Docroot string `json:"docroot"`
	Link    string `json:"link"`
	// Releases are those that are remembered: the live one, those with
	// requests inside, and the last few that were live.
	Releases []ReleaseStatus `json:"releases"`
}

// A ReleaseStatus is one release of a docroot.
type ReleaseStatus struct {
	Path string `json:"path"`
	Name string `json:"name"`
	Live bool   `json:"live"`
	// Running are the requests and commands inside; Requests and Failed count
	// them since FirstSeen.
	Running   int64     `json:"running"`
	Requests  int64     `json:"requests"`
	Failed    int64     `json:"failed"`
	FirstSeen time.Time `json:"first_seen"`
	// LastSeen is when a request left the release last; the zero time is never.
	LastSeen time.Time `json:"last_seen"`
	// Inside are the oldest of those that run, at most 100.
	Inside []Occupant `json:"inside"`
}

// An Occupant is what keeps a release busy.
type Occupant struct {
	// Kind is "request", "command" (of realdocd exec), or "worker": a worker of
	// FPM whose request has ended and whose script runs on.
	Kind string `json:"kind"`
	// What is the method and the URI, the command line, or the script.
	What string `json:"what"`
	// Age is how long it has been there, in seconds.
	Age float64 `json:"age_seconds"`
	// PID is that of a command or a worker.
	PID int `json:"pid,omitempty"`
	// RequestID is that of a request.
	RequestID string `json:"request_id,omitempty"`
}

// A HistoryEntry is a release that went live.
type HistoryEntry struct {
	Time    time.Time `json:"time"`
	Link    string    `json:"link"`
	Release string    `json:"release"`
	// By is what made it live: "flip", "rollback", "deploy", or "link" for
	// whatever else has changed the link.
	By string `json:"by"`
}

// A WarmResult is one request of a warm-up.
type WarmResult struct {
	URI    string `json:"uri"`
	Status int    `json:"status"` // 0 where there was no answer
	// Took is in seconds.
	Took float64 `json:"took_seconds"`
	// Error is why it does not count as warm; "" when it does. Head has the
	// first lines of such a response.
	Error string `json:"error,omitempty"`
	Head  string `json:"head,omitempty"`
}

// A Headroom says whether a release fits into a pool's opcache beside the live
// one, and whether FPM can read it.
type Headroom struct {
	// Readable says whether FPM can read the release's docroot.
	Readable bool `json:"readable"`
	// Opcache is false where FPM has it off or does not tell; Why says which.
	Opcache bool   `json:"opcache"`
	Why     string `json:"why,omitempty"`
	// Fits is the answer: what the release needs is taken to be what the live
	// one has, less what of it is cached already.
	Fits bool `json:"fits"`
	// Memory in bytes, and keys: free, of how many, and what the release needs.
	FreeMemory  int64 `json:"free_memory"`
	Memory      int64 `json:"memory"`
	NeedsMemory int64 `json:"needs_memory"`
	FreeKeys    int64 `json:"free_keys"`
	Keys        int64 `json:"keys"`
	NeedsKeys   int64 `json:"needs_keys"`
}
