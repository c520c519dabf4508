package control

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"
)

// States of a site in a fleet: what package deploy/fleet calls them.
const (
	FleetInStep  = "in step"
	FleetBehind  = "behind"
	FleetInDoubt = "in doubt"
	FleetStrayed = "strayed"
	FleetLost    = "lost"
	FleetUnknown = "unknown"
)

// FleetStates are all of them.
var FleetStates = []string{FleetInStep, FleetBehind, FleetInDoubt, FleetStrayed, FleetLost, FleetUnknown}

// A FleetReport is what the agent of a fleet tells the daemon of its host: all of it, each time.
type FleetReport struct {
	// Group and Host are what the agent calls them.
	Group string `json:"group"`
	Host  string `json:"host"`
	// StoreError is why the store does not answer, since StoreSince; "" if it does.
	StoreError string    `json:"store_error,omitempty"`
	StoreSince time.Time `json:"store_since,omitzero"`
	// Again is within how long the agent tells again, also if nothing has changed, so that the
	// daemon can say that it is silent; 0 is that nobody knows.
	Again Seconds `json:"again_seconds,omitempty"`
	// Standings are where the sites stand. A docroot of the configuration that is not among
	// them is unknown, unless it has no link that could be flipped.
	Standings []FleetStanding `json:"standings"`
}

// A FleetStanding is where one site stands, or one docroot of a pattern.
type FleetStanding struct {
	// Site is a name as commands have it: "shop", or "all/s1" for one docroot of a pattern.
	Site  string `json:"site"`
	State string `json:"state"`
	// Release is the one that is committed, by its name, and Seq its number; "" and 0 if
	// none is.
	Release string `json:"release,omitempty"`
	Seq     int64  `json:"seq,omitempty"`
	// Why says why the site is not in step, and what to do.
	Why   string    `json:"why,omitempty"`
	Since time.Time `json:"since,omitzero"`
	// Next is the state that follows by itself once For is over, counted from when the daemon
	// is told; "" is none.
	Next    string  `json:"next,omitempty"`
	NextWhy string  `json:"next_why,omitempty"`
	For     Seconds `json:"for_seconds,omitempty"`
}

// Seconds are a duration that JSON has as a number of seconds.
type Seconds time.Duration

// MarshalJSON writes the seconds with their fraction.
func (s Seconds) MarshalJSON() ([]byte, error) { return json.Marshal(time.Duration(s).Seconds()) }

// UnmarshalJSON reads what MarshalJSON writes.
func (s *Seconds) UnmarshalJSON(text []byte) error {
	var seconds float64
	if err := json.Unmarshal(text, &seconds); err != nil {
		return err
	}
	if most := longestWait.Seconds(); seconds < 0 || seconds > most {
		return fmt.Errorf("want from 0 to %v seconds, not %v", most, seconds)
	}
	*s = Seconds(seconds * float64(time.Second))
	return nil
}

// longestWait is longer than anybody waits, and does not overflow.
const longestWait = 10 * 365 * 24 * time.Hour

// A FleetStatus is what the daemon knows of its fleet.
type FleetStatus struct {
	FleetReport
	// Told is when it was told last; zero if that was never. Silent is for how long the agent has
	// said nothing, if that is longer than it had said; else 0.
	Told   time.Time `json:"told,omitzero"`
	Silent Seconds   `json:"silent_seconds,omitempty"`
	// Refuses says that requests of sites are refused that are behind or unknown.
	Refuses bool `json:"refuses"`
	// Ignored are names that the agent has told of and the configuration does not have.
	Ignored []string `json:"ignored,omitempty"`
}

// Fleet is what the agent of a fleet tells a daemon.
type Fleet interface {
	// Stand takes where the sites stand, and gives what it knows then. It is so for the
	// next process of this boot too when it returns. With an error it is so only until the process
	// ends, and for none if that is ErrNoFleet.
	Stand(ctx context.Context, report FleetReport) (FleetStatus, error)
	// Wanted waits until the agent is to look anew which sites this host has: a request has come for a docroot
	// that it has not named, or the configuration was read again. It counts that, and returns as soon as
	// the count is another one than was seen, or ctx ends, with the count.
	Wanted(ctx context.Context, seen uint64) uint64
}

// ErrNoFleet is a daemon whose configuration has no fleet.
var ErrNoFleet = errors.New("the daemon's configuration has no [fleet] with etcd: systemctl reload realdocd, if the file has")

// Fleet tells the daemon where its sites stand. Without an error the daemon goes by it, and so
// does one that follows it in this boot of the machine.
func (c *Client) Fleet(ctx context.Context, report FleetReport) (FleetStatus, error) {
	text, err := json.Marshal(report)
	if err != nil {
		return FleetStatus{}, fmt.Errorf("write where the sites stand: %w", err)
	}
	return ask[FleetStatus](ctx, c, http.MethodPost, "/v1/fleet", text...)
}

// A FleetWanted is how often a daemon has wanted its agent to look which sites the host has.
type FleetWanted struct {
	Count uint64 `json:"count"`
}

// FleetWanted waits until the agent is to look which sites the host has. It returns as soon as that was so at
// another time than was seen, and after a while anyway.
func (c *Client) FleetWanted(ctx context.Context, seen uint64) (FleetWanted, error) {
	return ask[FleetWanted](ctx, c, http.MethodGet, "/v1/fleet/wanted?seen="+strconv.FormatUint(seen, 10))
}

// wantedLimit is how long somebody waits who asks what is wanted.
const wantedLimit = time.Minute

func (h *Handler) fleetWanted(r *http.Request) (any, error) {
	q, err := parameters(r, "seen")
	if err != nil {
		return nil, err
	}
	seen, err := strconv.ParseUint(q["seen"], 10, 64)
	if err != nil {
		return nil, apiErrorf(http.StatusBadRequest, "seen: want a count, not %q", q["seen"])
	}
	ctx, cancel := context.WithTimeout(r.Context(), wantedLimit)
	defer cancel()
	count := h.daemon.Wanted(ctx, seen)
	if ctx.Err() != nil && !errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return nil, ctx.Err() // another process takes over, and is asked
	}
	return FleetWanted{count}, nil
}

const (
	maxFleetReport = 16 << 20 // in bytes
	// MaxStandings bounds the standings of a FleetReport.
	MaxStandings = 100_000
)

func (h *Handler) fleet(r *http.Request) (any, error) {
	text, err := io.ReadAll(io.LimitReader(r.Body, maxFleetReport+1))
	if err != nil {
		return nil, apiErrorf(http.StatusBadRequest, "read where the sites stand: %w", err)
	}
	if len(text) > maxFleetReport {
		return nil, apiErrorf(http.StatusRequestEntityTooLarge, "where the sites stand has more than %d bytes", maxFleetReport)
	}
	r.ContentLength = 0
	if _, err := parameters(r); err != nil {
		return nil, err
	}
	var report FleetReport
	if err := json.Unmarshal(text, &report); err != nil {
		return nil, apiErrorf(http.StatusBadRequest, "read where the sites stand: %w", err)
	}
	if err := report.Check(); err != nil {
		return nil, apiErrorf(http.StatusBadRequest, "%w", err)
	}
	report.clean()
	status, err := h.daemon.Stand(r.Context(), report)
	if errors.Is(err, ErrNoFleet) {
		err = apiErrorf(http.StatusConflict, "%w", err)
	}
	return status, err
}
