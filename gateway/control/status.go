package control

import "time"

// A Status is the daemon at one moment. Its JSON is part of the control API.
type Status struct {
	PID     int       `json:"pid"`
	Started time.Time `json:"started"`
	// Connections are those of web servers, idle ones included.
	Connections int          `json:"connections"`
	Pools       []PoolStatus `json:"pools"`
	Sites       []SiteStatus `json:"sites"`
	// Retiring are processes that have handed over and finish their requests,
	// the newest first. What they have is in the sums here.
	Retiring []RetiringStatus `json:"retiring,omitempty"`
}

// pool finds a pool by its name.
func (st Status) pool(name string) (PoolStatus, bool) {
	for _, p := range st.Pools {
		if p.Name == name {
			return p, true
		}
	}
	return PoolStatus{}, false
}

// A PoolStatus is one pool at one moment.
type PoolStatus struct {
	Name string `json:"name"`
	// Paused is set from Pause to Resume.
	Paused bool `json:"paused"`
	// Running are the requests that have a place in FPM; MaxConns bounds
	// them, 0 does not.
	Running  int `json:"running"`
	MaxConns int `json:"max_conns"`
	// Waiting are the requests in the queue, Queue their bound.
	Waiting int `json:"waiting"`
	Queue   int `json:"queue"`
	// LongestWait is how long the first of them has waited, in seconds.
	LongestWait float64 `json:"longest_wait_seconds"`
	// Requests have had a place, and Refused were refused one, since the start.
	Requests uint64         `json:"requests"`
	Refused  uint64         `json:"refused"`
	Servers  []ServerStatus `json:"servers"`
}

// A ServerStatus is one FPM listener at one moment.
type ServerStatus struct {
	Address string `json:"address"`
	// Up is false while the listener is passed over; Since tells from when,
	// and Error why.
	Up    bool      `json:"up"`
	Since time.Time `json:"since"`
	Error string    `json:"error,omitempty"`
	// Running are the requests in it, Kept its idle kept connections.
	Running int `json:"running"`
	Kept    int `json:"kept"`
	// Opened counts connections made since the start, Reused the requests
	// that went over a kept one.
	Opened uint64 `json:"opened"`
	Reused uint64 `json:"reused"`
	// Reuse says whether connections are kept: "off", "on", or why not.
	Reuse string `json:"reuse"`
	// Version is PHP's, and Workers how many FPM had at the last look, where known.
	Version string `json:"version,omitempty"`
	Workers int    `json:"workers,omitempty"`
}

// A SiteStatus is one site at one moment.
type SiteStatus struct {
	Name    string `json:"name"`
	Docroot string `json:"docroot"`
	Pool    string `json:"pool"`
	// Release is the live release; "" for a pattern, or while it is unknown.
	Release string `json:"release,omitempty"`
	// Running are the requests of the site that have entered a release and
	// not left it, waiting ones included.
	Running int64 `json:"running"`
}

// A RetiringStatus is a process that has handed over and finishes what it has.
type RetiringStatus struct {
	PID int `json:"pid"`
	// Connections are those of web servers on which a request runs still.
	Connections int `json:"connections"`
	// Error is set when it does not answer; it is not in the sums then.
	Error string `json:"error,omitempty"`
}
