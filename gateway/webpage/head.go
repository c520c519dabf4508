package webpage

import (
	"realdocd/gateway/control"
)

// A head says which process this is.
type head struct {
	Version     string
	PID         int
	Up          string
	Connections int
	Fleet       string // where the host stands; "" without one
	Retiring    []control.RetiringStatus
	Sites       int // that there are
	Shown       int
}

func headOf(s Snapshot) head {
	fleet := ""
	if s.Status.Fleet != nil {
		fleet = s.Status.Fleet.Summary()
	}
	return head{
		Fleet: fleet, Version: s.Version, PID: s.Status.PID, Up: age(s.Time.Sub(s.Status.Started)),
		Connections: s.Status.Connections, Retiring: s.Status.Retiring,
	}
}
