package doctor

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"realdocd/gateway/control"
)

// A Store is how this host reaches the etcd of its fleet. The zero one is no fleet.
type Store struct {
	URLs     []string
	Password bool // one is sent
}

// agentUnit is the unit of the fleet's agent.
const agentUnit = "realdocd-fleet.service"

// checkFleet looks at this host's part in a fleet: whether its agent runs and has told the daemon
// where the sites stand, and whether the hosts can flip at one instant.
func (x *examination) checkFleet() {
	if len(x.at.Store.URLs) == 0 {
		return
	}
	if x.at.Store.Password && strings.HasPrefix(x.at.Store.URLs[0], "http:") {
		x.add(kindFleetPasswordInClear, Subject{}, fmt.Sprintf("The password of etcd goes to %s unencrypted: whoever reads it on the way can flip all hosts.", x.at.Store.URLs[0]),
			"Have etcd serve https (--cert-file, --key-file), and name it so in etcd of [fleet], with ca_file.")
	}
	agent := x.at.AgentUnit
	if agent == nil {
		agent = askAgentUnit(x.ctx)
	}
	if agent != nil && !unit(agent).letsTCP() {
		x.add(kindFleetUnitForbidsTCP, Subject{}, "The unit of the fleet's agent allows no TCP, and etcd is reached by nothing else.",
			"systemctl edit realdocd-fleet: [Service] RestrictAddressFamilies=AF_INET AF_INET6.")
	}
	if !x.isSynchronised() {
		x.add(kindFleetClock, Subject{}, "The clock of this host is not synchronised: the hosts of a fleet that differ do not flip at one instant, but as each of them hears of it.",
			"Have systemd-timesyncd, chrony or ntpd keep it (timedatectl set-ntp true).")
	}
	if x.status != nil {
		x.checkStandings(x.status.Fleet, unit(agent))
	}
}

// checkStandings looks at what the daemon was told.
func (x *examination) checkStandings(f *control.FleetStatus, agent unit) {
	running := agent == nil || agent["ActiveState"] == "active"
	const start = "systemctl enable --now realdocd-fleet; journalctl -u realdocd-fleet says what it does."
	switch {
	case f == nil:
		x.add(kindReloadPending, Subject{}, "The daemon runs without the fleet of the configuration.", "systemctl reload realdocd; its log says why if it does not take it.")
		return
	case f.Told.IsZero() && f.Refuses:
		x.add(kindFleetUntold, Subject{}, "The daemon was not told where its sites stand in the fleet, so it is not ready and refuses their requests.", start)
		return
	case f.Told.IsZero():
		x.add(kindFleetUntold, Subject{}, "The daemon was not told where its sites stand in the fleet, so it is not ready.", start)
		return
	case f.Silent > 0 || !running:
		x.add(kindFleetAgentSilent, Subject{}, fmt.Sprintf("The agent of the fleet does not run, or does not reach the daemon: it told it last %s ago. Flips on all hosts are refused.", time.Since(f.Told).Round(time.Second)), start)
	case f.StoreError != "":
		x.add(kindFleetStoreAway, Subject{}, fmt.Sprintf("The agent of the fleet does not reach etcd since %s, so that flips are refused: %s.", f.StoreSince.Local().Format(time.DateTime), strings.TrimSuffix(f.StoreError, ".")),
			"Requests go on meanwhile. Start etcd, or correct [fleet].")
	}
	for _, s := range f.Standings {
		if s.State != control.FleetInStep {
			x.add(kindFleetOutOfStep, Subject{Site: s.Site}, fmt.Sprintf("The site is not in step with its fleet, but %s: %s.", s.State, strings.TrimSuffix(s.Why, ".")),
				"realdocd fleet status "+s.Site+" shows all hosts.")
		}
	}
}

// askAgentUnit asks systemd for the agent's unit; nil if there is none.
func askAgentUnit(ctx context.Context) unit {
	if _, err := os.Stat("/run/systemd/system"); err != nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, 3*time.Second)
	defer cancel()
	out, err := exec.CommandContext(ctx, "systemctl", "show", "--property=LoadState,ActiveState,RestrictAddressFamilies", agentUnit).Output()
	if u := readUnit(string(out)); err == nil && u["LoadState"] == "loaded" {
		return u
	}
	return nil
}

// isSynchronised says whether something keeps the clock of this host; it is so if nobody knows.
func (x *examination) isSynchronised() bool {
	if x.at.Synchronised != nil {
		return *x.at.Synchronised
	}
	var clock unix.Timex
	_, err := unix.Adjtimex(&clock)
	return err != nil || clock.Status&unix.STA_UNSYNC == 0
}
