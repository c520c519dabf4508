package control

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
