package control

import "time"

// A Status is the daemon at one moment. Counters begin at 0 when the process starts.
type Status struct {
	PID     int       `json:"pid"`
	Started time.Time `json:"started"`
	// Connections are the connections of web servers, idle ones too.
	Connections int `json:"connections"`
	// MaxConns bounds the requests in PHP-FPM of all pools together; 0 is no bound.
	MaxConns int `json:"max_conns,omitempty"`
	// Unheld says that systemd runs the daemon, and holds no socket for it: what asks
	// while it is restarted is refused.
	Unheld bool         `json:"unheld,omitempty"`
	Pools  []PoolStatus `json:"pools"`
	Sites  []SiteStatus `json:"sites"`
	// Page is the address of the page that shows all this in a browser: a URL, or the path
	// of a unix socket; "" if it has none.
	Page string `json:"page,omitempty"`
	// PinKey is the fingerprint of the keys of pins, by which hosts are compared; "" if no site has
	// needed them yet.
	PinKey string `json:"pin_key,omitempty"`
	// Fleet is where the sites stand in the fleet that this host belongs to; nil if it belongs
	// to none.
	Fleet *FleetStatus `json:"fleet,omitempty"`
	// Retiring are the processes that have handed over and finish their requests,
	// the newest first. The sums here include what they have.
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
	// Paused is true from Pause to Resume.
	Paused bool `json:"paused"`
	// Running are the requests that have a place in PHP-FPM. MaxConns is their
	// limit; 0 is none.
	Running int `json:"running"`
	// Abandoned are those of them that nobody waits for any more: their web server has
	// left, and their scripts may run still.
	Abandoned int `json:"abandoned"`
	MaxConns  int `json:"max_conns"`
	// MaxConnsAuto says that MaxConns is not of the configuration: it is what PHP-FPM
	// can run at once, and 0 while that is not known.
	MaxConnsAuto bool `json:"max_conns_auto"`
	// Status is where PHP-FPM tells its status; "" if that is not configured. Only
	// there can be seen that a script runs on after fastcgi_finish_request.
	Status string `json:"status,omitempty"`
	// Waiting are the requests in the queue. Queue is their limit.
	Waiting int `json:"waiting"`
	Queue   int `json:"queue"`
	// LongestWait is how long the first of them has waited so far, in seconds.
	LongestWait float64 `json:"longest_wait_seconds"`
	// Requests counts the requests that got a place, Refused those that did not.
	Requests uint64         `json:"requests"`
	Refused  uint64         `json:"refused"`
	Servers  []ServerStatus `json:"servers"`
}

// A ServerStatus is one PHP-FPM listener at one moment.
type ServerStatus struct {
	Address string `json:"address"`
	// Up is false while the pool does not use the listener. Since is when Up
	// changed last, and Error is why it is false.
	Up    bool      `json:"up"`
	Since time.Time `json:"since"`
	Error string    `json:"error,omitempty"`
	// Running are the requests in it, Kept the idle connections to it.
	Running int `json:"running"`
	Kept    int `json:"kept"`
	// Opened counts the connections that were made, Reused the requests that went
	// over a kept one.
	Opened uint64 `json:"opened"`
	Reused uint64 `json:"reused"`
	// Reuse is "on" if connections are kept, "off" if the configuration says no,
	// and otherwise the reason why they are not kept.
	Reuse string `json:"reuse"`
	// Version is PHP's version, and Workers how many workers PHP-FPM had at the last
	// look. They are zero if that is not known.
	Version string `json:"version,omitempty"`
	Workers int    `json:"workers,omitempty"`
}

// NotKept says why connections to PHP-FPM are not kept although they could be, and what
// that costs; "" if they are kept, if nobody wants that, or if it is not known yet.
func (s ServerStatus) NotKept() string {
	if s.Reuse == "" || s.Reuse == "on" || s.Reuse == "off" || s.Reuse == ReuseUnknown {
		return ""
	}
	return s.Reuse + "; so each request makes a connection: a third more CPU time of PHP-FPM for a small script, and half as much again of realdocd"
}

// ReuseUnknown is [ServerStatus.Reuse] while PHP-FPM has not told its version yet.
const ReuseUnknown = "FPM has not told its version yet"

// A SiteStatus is one site at one moment.
type SiteStatus struct {
	Name    string `json:"name"`
	Docroot string `json:"docroot"`
	Pool    string `json:"pool"`
	// Release is the path of the live release; "" if the docroot is a pattern or the
	// release is not known.
	Release string `json:"release,omitempty"`
	// Fault says why deploys of the site cannot be seen, so that its requests run unpinned,
	// or why flips cannot be made; "" if all is well.
	Fault string `json:"fault,omitempty"`
	// Stale is why the link cannot be resolved, of one docroot if there are several: the
	// last good release goes on serving. Gone says that this one was removed.
	Stale string `json:"stale,omitempty"`
	Gone  bool   `json:"gone,omitempty"`
	// Running are the requests and commands that are inside a release, those in the
	// queue too.
	Running int64 `json:"running"`
	// Maintenance are those that the site is in: one, or some docroots of a pattern. They
	// are without their pages.
	Maintenance []Maintenance `json:"maintenance,omitempty"`
	// Held are the requests that a flip with a command holds back, and Holds how many of
	// those there are.
	Held  int64 `json:"held,omitempty"`
	Holds int   `json:"holds,omitempty"`
	// Trials are the releases of the site that are tried.
	Trials []TrialStatus `json:"trials,omitempty"`
}

// A RetiringStatus is a process that has handed over and finishes what it has.
type RetiringStatus struct {
	PID int `json:"pid"`
	// Connections are the connections of web servers on which a request still runs.
	Connections int `json:"connections"`
	// Error is why the process does not answer. The sums do not include it then.
	Error string `json:"error,omitempty"`
}
