package handover

import (
	"time"

	"realdocd/deploy"
	"realdocd/gateway/control"
)

// A Message is of the kind whose field is set; one without any says nothing.
type Message struct {
	// To the successor, before it serves.
	Listener  *Listener  `json:"listener,omitempty"` // with its descriptor
	Sockets   *Sockets   `json:"sockets,omitempty"`  // all listeners have been sent
	Docroot   *Docroot   `json:"docroot,omitempty"`
	Site      *Site      `json:"site,omitempty"`
	Trial     *Trial     `json:"trial,omitempty"`
	Standings *Standings `json:"standings,omitempty"`
	Begin     bool       `json:"begin,omitempty"` // all is told: serve
	// From the successor.
	Prepared int    `json:"prepared,omitempty"` // its process id: it could serve
	Serving  bool   `json:"serving,omitempty"`
	Grant    *Grant `json:"grant,omitempty"`
	Ask      *Ask   `json:"ask,omitempty"`
	Stop     bool   `json:"stop,omitempty"` // let nothing take longer than shutdown_timeout
	// To the successor, from then on.
	Main   bool        `json:"main,omitempty"` // it is the service's main process
	Conn   bool        `json:"conn,omitempty"` // an idle connection of a web server, with its descriptor
	Pool   *PoolReport `json:"pool,omitempty"` // the first of each pool comes before Begin
	Idle   *Idle       `json:"idle,omitempty"`
	Answer *Answer     `json:"answer,omitempty"`
	// Recent is what the page has of the last minutes. Only the page's package reads it.
	Recent string `json:"recent,omitempty"`
}

// A Use is what a listener is for.
type Use string

// The uses of listeners.
const (
	UseWeb     Use = "listen" // web servers connect to it
	UseControl Use = "control"
	UseMetrics Use = "metrics"
	UsePage    Use = "page"
)

// A Listener is a socket that the older process has open, by its address in the
// configuration.
type Listener struct {
	Addr string `json:"addr"`
	Use  Use    `json:"use"`
}

// Sockets ends the listeners.
type Sockets struct {
	// Inherited says that systemd has passed those of UseWeb.
	Inherited bool `json:"inherited"`
	PID       int  `json:"pid"` // of the process that sends them
}

// A Docroot is what is known of the releases of one.
type Docroot struct {
	Site  string              `json:"site"`
	State deploy.DocrootState `json:"state"`
}

// A Site is what operators have decided of one.
type Site struct {
	Name        string                `json:"name"`
	Maintenance []control.Maintenance `json:"maintenance,omitempty"`
}

// A Trial is a release that is tried, until an operator decides.
type Trial struct {
	Site    string       `json:"site"`
	Docroot string       `json:"docroot"`
	Plan    control.Plan `json:"plan"`
}

// Standings are where the sites stand in the fleet, as the agent has told the older process.
type Standings struct {
	Report control.FleetReport `json:"report"`
	// Boottime is when, by CLOCK_BOOTTIME, and Told by the machine's clock.
	Boottime time.Duration `json:"boottime_ns"`
	Told     time.Time     `json:"told"`
}

// A PoolReport is what the older process has of a pool. Counts are cumulative, so
// late or reordered messages are harmless.
type PoolReport struct {
	Name     string         `json:"name"`
	Granted  int            `json:"granted"`  // places it has been given
	Released int            `json:"released"` // and has given back
	Waiting  int            `json:"waiting"`  // requests without one
	Servers  map[string]int `json:"servers"`  // requests in each FPM listener, by its address
	Paused   bool           `json:"paused"`   // at the handover
}

// A Grant is how many places of a pool the older process has been given, in all.
type Grant struct {
	Pool    string `json:"pool"`
	Granted int    `json:"granted"`
}

// An Ask asks for a site, for what runs, or if neither is set for the status. The Answer has its ID.
type Ask struct {
	ID      uint64 `json:"id"`
	Site    string `json:"site,omitempty"`
	Docroot string `json:"docroot,omitempty"`
	// Closed are the site's releases that no request may enter any more.
	Closed []string `json:"closed,omitempty"`
	// Requests asks for what runs. A process that does not know this answers with its status.
	Requests bool `json:"requests,omitempty"`
}

// An Answer has what was asked for, or why it cannot be told.
type Answer struct {
	ID     uint64              `json:"id"`
	Site   *control.SiteDetail `json:"site,omitempty"`
	Status *control.Status     `json:"status,omitempty"`
	// Requests are what runs.
	Requests *control.Requests `json:"requests,omitempty"`
	Error    string            `json:"error,omitempty"`
}

// An Idle is a release that nobody is inside any more, in the older process.
type Idle struct {
	Site    string `json:"site"`
	Release string `json:"release"` // its path
}
