package gateway

import (
	"realdocd/deploy"
	"realdocd/gateway/control"
)

// A message has one field set.
type message struct {
	// To the successor, before it serves.
	Listener *listenerMessage `json:"listener,omitempty"` // with its descriptor
	Sockets  *socketsMessage  `json:"sockets,omitempty"`  // all listeners have been sent
	Docroot  *docrootMessage  `json:"docroot,omitempty"`
	Begin    bool             `json:"begin,omitempty"` // all is told: serve
	// From the successor.
	Prepared int           `json:"prepared,omitempty"` // its process id: it could serve
	Serving  bool          `json:"serving,omitempty"`
	Grant    *grantMessage `json:"grant,omitempty"`
	Ask      *askMessage   `json:"ask,omitempty"`
	Stop     bool          `json:"stop,omitempty"` // let nothing take longer than shutdown_timeout
	// To the successor, from then on.
	Main   bool           `json:"main,omitempty"` // it is the service's main process
	Conn   bool           `json:"conn,omitempty"` // an idle connection of a web server, with its descriptor
	Pool   *poolReport    `json:"pool,omitempty"`
	Idle   *idleMessage   `json:"idle,omitempty"`
	Answer *answerMessage `json:"answer,omitempty"`
}

type listenerMessage struct {
	Addr string `json:"addr"`
	Use  string `json:"use"` // "listen", "control" or "metrics"
}

type socketsMessage struct {
	// Inherited says that systemd has passed those of use "listen".
	Inherited bool `json:"inherited"`
	PID       int  `json:"pid"` // of the process that sends them
}

// A poolReport is [fpm.Report] on the link.
type poolReport struct {
	Name     string         `json:"name"`
	Granted  int            `json:"granted"`
	Released int            `json:"released"`
	Waiting  int            `json:"waiting"`
	Servers  map[string]int `json:"servers"`
	Paused   bool           `json:"paused"`
}

type docrootMessage struct {
	Site  string              `json:"site"`
	State deploy.DocrootState `json:"state"`
}

type grantMessage struct {
	Pool    string `json:"pool"`
	Granted int    `json:"granted"` // places, of all time
}

type askMessage struct {
	ID      uint64 `json:"id"`
	Site    string `json:"site,omitempty"` // "" asks for the status
	Docroot string `json:"docroot,omitempty"`
}

type answerMessage struct {
	ID     uint64              `json:"id"`
	Site   *control.SiteDetail `json:"site,omitempty"`
	Status *control.Status     `json:"status,omitempty"`
	Error  string              `json:"error,omitempty"`
}

type idleMessage struct {
	Site    string `json:"site"`
	Release string `json:"release"` // its path
}
