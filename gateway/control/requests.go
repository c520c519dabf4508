package control

import (
	"net/http"
	"time"
)

// Requests are what runs in a daemon at one moment, the longest first.
type Requests struct {
	// Requests are at most MaxRequests of them; Total is how many there are.
	Requests []RunningRequest `json:"requests"`
	Total    int              `json:"total"`
	// Unknown says why some may be missing: the process before, which finishes its
	// requests, was not understood. "" if none are.
	Unknown string `json:"unknown,omitempty"`
}

// MaxRequests bounds the list of Requests.
const MaxRequests = 1000

// A RunningRequest is one request, the script of one that nobody waits for any more, or a
// command of realdocd exec.
type RunningRequest struct {
	// State is "body" (what belongs to it still comes), "queue" (it waits for a place), "php" (PHP-FPM
	// has it), "abandoned" (the same, and nobody waits for it) or "command".
	State string `json:"state"`
	// Site is "" for a request that is forwarded as it came; so is Release, a directory.
	Site    string `json:"site,omitempty"`
	Release string `json:"release,omitempty"`
	Pool    string `json:"pool,omitempty"`
	// What is the method and the URI, or the command line.
	What string `json:"what"`
	// Began is when its first record, or the command, came; Age how long ago, in seconds.
	Began time.Time `json:"began"`
	Age   float64   `json:"age_seconds"`
	// PID is the process of a command, or PHP-FPM's worker if that is known: of a slow
	// request, where the pool has a status.
	PID       int    `json:"pid,omitempty"`
	RequestID string `json:"request_id,omitempty"`
}

// Running has what runs.
type Running interface {
	// Requests are what runs now: of one site, or with "" everywhere.
	Requests(site string) (Requests, error)
}

func (h *Handler) requests(r *http.Request) (any, error) {
	q, err := parameters(r, "site")
	if err != nil {
		return nil, err
	}
	running, err := h.daemon.Requests(q["site"])
	return running, siteError(err)
}
