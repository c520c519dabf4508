package page

import (
	"fmt"
	"net/url"
	"time"

	"realdocd/gateway/control"
)

// A head says which process this is.
type head struct {
	Version     string
	PID         int
	Up          string
	Connections int
	Retiring    []control.RetiringStatus
	Sites       int // that there are
	Shown       int
}

func headOf(s Snapshot) head {
	return head{
		Version: s.Version, PID: s.Status.PID, Up: age(s.Time.Sub(s.Status.Started)),
		Connections: s.Status.Connections, Retiring: s.Status.Retiring,
	}
}

// A poolRow is one pool: who has its places, and who waits.
type poolRow struct {
	ID string
	control.PoolStatus
	Full    bool
	Wait    string
	Strip   []segment
	Servers []serverRow
}

// A segment is one part of a strip of 100 units' width.
type segment struct {
	Class string
	X, W  float64
}

// A serverRow is one PHP-FPM listener.
type serverRow struct {
	control.ServerStatus
	For string // how long it has been up or down
}

func poolRowOf(p control.PoolStatus, now time.Time) poolRow {
	row := poolRow{
		ID: "pool-" + url.PathEscape(p.Name), PoolStatus: p,
		Full: p.IsFull(), Wait: age(time.Duration(p.LongestWait * float64(time.Second))),
	}
	row.Strip = strip(max(p.MaxConns, p.Running), part{"running", p.Running - p.Abandoned}, part{"abandoned", p.Abandoned})
	for _, s := range p.Servers {
		row.Servers = append(row.Servers, serverRow{s, age(now.Sub(s.Since))})
	}
	return row
}

// A part is a number of things in a strip.
type part struct {
	class string
	n     int
}

// strip lays parts of a whole beside each other; what is left stays empty.
func strip(whole int, parts ...part) []segment {
	var all []segment
	x := 0.0
	for _, p := range parts {
		if p.n <= 0 || whole <= 0 {
			continue
		}
		w := 100 * float64(p.n) / float64(whole)
		all = append(all, segment{p.class, x, w})
		x += w
	}
	return all
}

// Summary is the strip in words, for those who do not see it.
func (p poolRow) Summary() string {
	if p.MaxConns == 0 {
		return fmt.Sprintf("%d run, without a limit", p.Running)
	}
	return fmt.Sprintf("%d of %d places taken", p.Running, p.MaxConns)
}
