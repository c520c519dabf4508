package stack

import (
	"encoding/json"
	"fmt"
	"maps"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

// Keys are the keys of one table of realdocd's configuration: strings, numbers, booleans and lists of strings.
type Keys map[string]any

// GatewayConfig is realdocd's configuration. Sockets are filled in; Top overrides them.
type GatewayConfig struct {
	TCP bool // listen on a loopback port too
	// Activated has the unix socket passed to realdocd by a service manager, which Restart has as well.
	Activated bool
	// Filtered has realdocd run under the filter of system calls of its unit, as all do
	// if REALDOCD_UNIT_FILTER is set.
	Filtered bool
	// Under makes the command line of a supervisor out of realdocd's, which it is to run. The Process is the
	// supervisor then.
	Under func(realdocd []string) (supervisor []string)
	// Barred has it respect permissions, as one that is not root does.
	Barred bool
	// Group has realdocd run in it; nil is the test's own.
	Group *MemoryGroup
	Top   Keys
	Log   Keys
	Fleet Keys
	Pools map[string]Keys
	Sites map[string]Keys
	Rest  string // further tables, as text
}

// GatewayFor is the usual one: one pool, and each site with the include_path of its pages.
func GatewayFor(pool *FPM, sites ...*Site) GatewayConfig {
	c := GatewayConfig{Top: Keys{}, Log: Keys{}, Sites: map[string]Keys{}}
	c.Pools = map[string]Keys{"www": {"server": []string{string(pool.Addr)}}}
	for _, site := range sites {
		c.Sites[site.Name] = Keys{"docroot": site.DocRoot(), "include_path": site.IncludePath()}
	}
	return c
}

// Gateway is a running realdocd.
type Gateway struct {
	*Process
	Addr    Addr // its unix socket
	TCP     Addr // its loopback port, if it was asked for
	Config  string
	Control Addr

	ground  *ground
	space   *Space
	manager *manager

	filtered bool
	under    func([]string) []string
	barred   bool
	group    *MemoryGroup
}

// Gateway runs realdocd serve and returns when it says that it is ready and accepts.
func (s *Stack) Gateway(c GatewayConfig) *Gateway {
	s.t.Helper()
	dir, name := s.room("realdocd")
	g := &Gateway{Addr: Addr(dir + "/sock"), Control: Addr(dir + "/control"), Config: filepath.Join(dir, "realdocd.toml"), ground: s.ground, space: s.space, filtered: c.Filtered || filtered(), barred: c.Barred, group: c.Group, under: c.Under}
	if c.TCP {
		g.TCP = s.FreeAddr()
	}
	s.check(g.write(c))
	g.manager = must(newManager(dir))(s.t)
	s.atClose(g.manager.close)
	if c.Activated {
		s.check(g.manager.listen(g.Addr))
	}
	s.check(g.start(dir, name))
	s.check(g.answers(g.Addr))
	return g
}

// start starts realdocd on its configuration, and returns when it says that it is ready.
func (g *Gateway) start(dir, name string) error {
	binary, err := Binary()
	if err != nil {
		return err
	}
	cmd := exec.Command(binary, "serve", "--config", g.Config)
	if g.filtered {
		if cmd, err = underFilter(binary, "serve", "--config", g.Config); err != nil {
			return err
		}
	}
	if g.barred {
		cmd = exec.Command("setpriv", append([]string{"--bounding-set=-dac_override,-dac_read_search"}, append([]string{cmd.Path}, cmd.Args[1:]...)...)...)
	}
	if g.group != nil {
		g.group.enter(cmd)
	}
	if g.under != nil {
		line := g.under(cmd.Args)
		cmd = exec.Command(line[0], line[1:]...)
	} else {
		g.manager.pass(cmd)
	}
	if g.Process, err = g.ground.run(g.space, dir, name, syscall.SIGTERM, cmd); err != nil {
		return err
	}
	return g.says(0, Containing(`"message":"ready"`))
}

// StartGatewayAgain starts a realdocd that has ended, however that was, as a service manager does.
func (s *Stack) StartGatewayAgain(g *Gateway) {
	s.t.Helper()
	Receive(s.t, g.Done(), "the end of realdocd")
	s.check(g.start(filepath.Dir(g.Config), g.Name))
	s.check(g.answers(g.Addr))
}

// write writes the configuration, with the sockets that realdocd has.
func (g *Gateway) write(c GatewayConfig) error {
	top := Keys{"listen": []string{string(g.Addr)}, "listen_mode": "0666", "control": string(g.Control), "state_dir": filepath.Dir(g.Config) + "/state"}
	if c.TCP {
		top["listen"] = []string{string(g.Addr), string(g.TCP)}
		top["allowed_clients"] = []string{"127.0.0.1"}
	}
	maps.Copy(top, c.Top)
	c.Top = top
	return writeLines(g.Config, c.toml())
}

func (c GatewayConfig) toml() []string {
	lines := c.Top.toml()
	if len(c.Log) > 0 {
		lines = append(append(lines, "[log]"), c.Log.toml()...)
	}
	if len(c.Fleet) > 0 {
		lines = append(append(lines, "[fleet]"), c.Fleet.toml()...)
	}
	for _, name := range slices.Sorted(maps.Keys(c.Pools)) {
		lines = append(append(lines, "[pool."+name+"]"), c.Pools[name].toml()...)
	}
	for _, name := range slices.Sorted(maps.Keys(c.Sites)) {
		lines = append(append(lines, "[site."+name+"]"), c.Sites[name].toml()...)
	}
	return append(lines, c.Rest)
}

func (k Keys) toml() []string {
	var lines []string
	for _, key := range slices.Sorted(maps.Keys(k)) {
		lines = append(lines, key+" = "+tomlValue(k[key]))
	}
	return lines
}

func tomlValue(v any) string {
	switch v := v.(type) {
	case string:
		return fmt.Sprintf("%q", v)
	case []string:
		quoted := make([]string, len(v))
		for i, item := range v {
			quoted[i] = fmt.Sprintf("%q", item)
		}
		return "[" + strings.Join(quoted, ", ") + "]"
	default:
		return fmt.Sprint(v)
	}
}

// Event is one line of realdocd's log.
type Event map[string]any

// String is a field as text, "" if it is missing.
func (e Event) String(field string) string {
	if v, has := e[field]; has {
		return fmt.Sprint(v)
	}
	return ""
}

// ParseEvent reads a line of the log; a line that is not JSON (a panic, for one) has only a message.
func ParseEvent(line string) Event {
	var e Event
	if json.Unmarshal([]byte(line), &e) != nil {
		return Event{"message": line}
	}
	return e
}

// WaitEvent returns the first event after the mark that matches, at once or when it comes.
func (g *Gateway) WaitEvent(after int, timeout time.Duration, match func(Event) bool) (Event, error) {
	line, err := g.Log.Wait(after, timeout, func(line string) bool { return match(ParseEvent(line)) })
	return ParseEvent(line), err
}
