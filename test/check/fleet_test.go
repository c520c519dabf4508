package check

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"realdocd/gateway/control"
	"realdocd/test/stack"
)

// inFleet has the host be one of a fleet with an etcd of its own.
func inFleet(t *testing.T, c *checked) {
	t.Helper()
	c.etcd = c.Etcd()
	c.fleet = stack.Keys{"etcd": stack.URLs([]*stack.Etcd{c.etcd}), "host": "web1", "behind": "serve"}
	kept := true
	c.at.Synchronised = &kept
	c.agentUnit(nil)
}

// agentUnit has systemd know the unit of the fleet's agent, with these properties and those of a sound one.
func (c *checked) agentUnit(properties map[string]string) {
	c.at.AgentUnit = map[string]string{"LoadState": "loaded", "ActiveState": "active", "RestrictAddressFamilies": "AF_UNIX AF_INET AF_INET6"}
	for key, value := range properties {
		c.at.AgentUnit[key] = value
	}
}

// startAgent starts the agent, and waits until it has told the daemon that the site is in step.
func (c *checked) startAgent(t *testing.T) *stack.Agent {
	t.Helper()
	agent := c.Agent(c.gw)
	c.untilTold(t, "that the site is in step", func(f control.FleetStatus) bool {
		return !f.Told.IsZero() && len(f.Standings) == 1 && f.Standings[0].State == control.FleetInStep
	})
	return agent
}

// untilTold waits until the daemon knows something of the fleet.
func (c *checked) untilTold(t *testing.T, what string, is func(control.FleetStatus) bool) {
	t.Helper()
	for end := time.Now().Add(time.Minute); ; time.Sleep(50 * time.Millisecond) {
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		st, err := control.NewClient(filepath.Join(c.control(), "control"), "").Status(ctx)
		cancel()
		if err == nil && st.Fleet != nil && is(*st.Fleet) {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("the daemon was not told %s: %+v, %v", what, st.Fleet, err)
		}
	}
}

// committed has the fleet commit the release that is live, with the agent running.
func (c *checked) committed(t *testing.T) {
	t.Helper()
	c.startAgent(t)
	c.Command(c.gw, 0, "fleet", "flip", "shop", "1")
	c.untilTold(t, "of the commit", func(f control.FleetStatus) bool { return f.Standings[0].Release == "1" })
}

func TestCheckIsSilentOnASoundFleet(t *testing.T) {
	t.Parallel()
	c := build(t, plan{fpm: sampleFPM(t), before: inFleet, after: func(t *testing.T, c *checked) { c.committed(t) }})
	if found := grave(c.examine(t)); len(found) > 0 {
		t.Errorf("it finds %+v", found)
	}
}

// faultsOfTheFleet are of a host in one.
func faultsOfTheFleet() []plantedFault {
	withAgent := func(more func(t *testing.T, c *checked, agent *stack.Agent)) plan {
		return plan{before: inFleet, after: func(t *testing.T, c *checked) { more(t, c, c.startAgent(t)) }}
	}
	return []plantedFault{
		{name: "a fleet's agent that was never started", want: "fleet-untold", subject: "realdocd", says: []string{"so it is not ready", "enable --now realdocd-fleet"}, plan: plan{before: inFleet, after: func(t *testing.T, c *checked) {
			c.agentUnit(map[string]string{"ActiveState": "inactive"})
		}}},
		{name: "a fleet's agent whose unit lets it use no TCP", want: "fleet-unit-forbids-tcp", subject: "realdocd", says: []string{"RestrictAddressFamilies=AF_INET"}, plan: withAgent(func(_ *testing.T, c *checked, _ *stack.Agent) {
			c.agentUnit(map[string]string{"RestrictAddressFamilies": "AF_UNIX"})
		})},
		{name: "a password of etcd that goes over http", want: "fleet-password-in-clear", subject: "realdocd", says: []string{"http://127.0.0.1", "https"}, plan: withAgent(func(t *testing.T, c *checked, _ *stack.Agent) {
			edited("[fleet]", "[fleet]\nuser = 'web1'\npassword = 'secret'")(t, c)
		})},
		{name: "a fleet's agent that was stopped", want: "fleet-agent-silent", subject: "realdocd", says: []string{"Flips on all hosts are refused"}, plan: withAgent(func(t *testing.T, c *checked, agent *stack.Agent) {
			mustDo(t, agent.Stop())
			c.agentUnit(map[string]string{"ActiveState": "inactive"})
		})},
		{name: "a fleet's agent that hangs", want: "fleet-agent-silent", subject: "realdocd", says: []string{"journalctl -u realdocd-fleet"}, plan: withAgent(func(t *testing.T, c *checked, agent *stack.Agent) {
			mustDo(t, agent.Signal(syscall.SIGSTOP))
			t.Cleanup(func() { agent.Signal(syscall.SIGCONT) })
			c.untilTold(t, "nothing", func(f control.FleetStatus) bool { return f.Silent > 0 })
		})},
		{name: "an etcd that is gone", want: "fleet-store-away", subject: "realdocd", says: []string{"connection refused", "Start etcd"}, plan: withAgent(func(t *testing.T, c *checked, _ *stack.Agent) {
			mustDo(t, c.etcd.Stop())
			c.untilTold(t, "that etcd is away", func(f control.FleetStatus) bool { return strings.Contains(f.StoreError, "refused") })
		})},
		{name: "a link that was flipped without the fleet", want: "fleet-out-of-step", subject: "site shop", says: []string{"strayed", "realdocd fleet status shop"}, plan: plan{before: inFleet, after: func(t *testing.T, c *checked) {
			c.committed(t)
			mustDo(t, c.site.Flip(2))
			c.untilTold(t, "that the link was flipped", func(f control.FleetStatus) bool { return f.Standings[0].State == "strayed" })
		}}},
		{name: "a committed release that is not on the host", want: "fleet-out-of-step", subject: "site shop", says: []string{"behind", "release 1 is not on this host"}, plan: plan{before: inFleet, after: func(t *testing.T, c *checked) {
			agent := c.startAgent(t)
			c.Command(c.gw, 0, "fleet", "flip", "shop", "1")
			mustDo(t, agent.Stop())
			mustDo(t, c.site.Flip(2))
			mustDo(t, os.Rename(c.site.Release(1), c.Dir+"/away"))
			c.Agent(c.gw)
			c.untilTold(t, "that the release is not there", func(f control.FleetStatus) bool {
				return f.Standings[0].State == "behind" && strings.Contains(f.Standings[0].Why, "not on this host")
			})
		}}},
		{name: "a clock that nothing keeps", want: "fleet-clock", subject: "realdocd", says: []string{"timedatectl set-ntp true"}, plan: withAgent(func(_ *testing.T, c *checked, _ *stack.Agent) {
			adrift := false
			c.at.Synchronised = &adrift
		})},
		{name: "a fleet that the daemon does not know of yet", want: "reload-pending", subject: "realdocd", says: []string{"systemctl reload realdocd"}, plan: plan{after: func(t *testing.T, c *checked) {
			inFleet(t, c)
			edited("[pool.www]", fmt.Sprintf("[fleet]\netcd = ['http://%s']\n[pool.www]", c.etcd.Addr))(t, c)
		}}},
	}
}
