package doctor

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// A unit is what systemd knows of realdocd's service: by their names, the properties that
// systemctl show has. The nil one is of a machine without systemd, or without the unit.
type unit map[string]string

// unitProperties are those that say what the daemon may do.
var unitProperties = []string{
	"LoadState", "ActiveState", "Result", "User", "ExecStart", "ProtectSystem", "ReadWritePaths", "PrivateTmp",
	"RuntimeDirectory", "StateDirectory", "LogsDirectory", "CacheDirectory", "RestrictAddressFamilies",
}

// askUnit asks systemd for the unit, if that runs the daemon with this configuration.
func askUnit(ctx context.Context, config string) unit {
	if _, err := os.Stat("/run/systemd/system"); err != nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, 3*time.Second)
	defer cancel()
	out, err := exec.CommandContext(ctx, "systemctl", "show", "--property="+strings.Join(unitProperties, ","), "realdocd.service").Output()
	if err != nil {
		return nil
	}
	u := readUnit(string(out))
	if u["LoadState"] != "loaded" || !slices.Contains(strings.Fields(u["ExecStart"]), config) {
		return nil
	}
	return u
}

// readUnit reads what systemctl show writes.
func readUnit(text string) unit {
	u := unit{}
	for line := range strings.Lines(text) {
		if key, value, ok := strings.Cut(strings.TrimSuffix(line, "\n"), "="); ok {
			u[key] = value
		}
	}
	return u
}

// letsWrite says whether the daemon may write below a path, as far as the unit decides.
func (u unit) letsWrite(path string) bool {
	if u["ProtectSystem"] != "strict" {
		return true // the other values close what nobody writes to
	}
	open := []string{"/dev", "/proc", "/sys"}
	for _, dir := range strings.Fields(u["ReadWritePaths"]) {
		open = append(open, strings.TrimLeft(dir, "-+"))
	}
	for key, above := range map[string]string{"RuntimeDirectory": "/run", "StateDirectory": "/var/lib", "LogsDirectory": "/var/log", "CacheDirectory": "/var/cache"} {
		for _, name := range strings.Fields(u[key]) {
			open = append(open, filepath.Join(above, name))
		}
	}
	if u["PrivateTmp"] == "yes" {
		open = append(open, "/tmp", "/var/tmp")
	}
	return below(filepath.Clean(path), open)
}

// letsTCP says whether the daemon may open TCP connections and ports.
func (u unit) letsTCP() bool {
	families, has := u["RestrictAddressFamilies"]
	if !has || families == "" {
		return true
	}
	if closed, is := strings.CutPrefix(families, "~"); is {
		return !slices.Contains(strings.Fields(closed), "AF_INET")
	}
	return slices.Contains(strings.Fields(families), "AF_INET")
}

// makes says whether systemd makes a directory before the daemon starts.
func (u unit) makes(dir string) bool {
	return u != nil && slices.Contains(strings.Fields(u["RuntimeDirectory"]), strings.TrimPrefix(dir, "/run/"))
}

// checkUnit compares what the configuration needs with what systemd lets the daemon do.
func (x *examination) checkUnit() {
	if x.unit == nil {
		return
	}
	if x.unit["ActiveState"] == "failed" {
		x.add(kindDaemonFailed, Subject{}, fmt.Sprintf("systemd has given the daemon up (%s), so that it does not run.", x.unit["Result"]),
			"See journalctl -u realdocd; then systemctl reset-failed realdocd, and start it.")
	}
	if user := x.unit["User"]; user != "" && user != x.config.User {
		x.add(kindUnitOtherUser, Subject{}, fmt.Sprintf("The unit runs the daemon as %s, and user is %q: root's commands do not believe a daemon of another user.", user, x.config.User),
			fmt.Sprintf("Set user = %q, or User= in the unit.", user))
	}
	if tcp := x.opensTCP(); tcp != "" && !x.unit.letsTCP() {
		x.add(kindUnitForbidsTCP, Subject{}, fmt.Sprintf("The configuration has %s, and the unit of the daemon allows no TCP.", tcp),
			"systemctl edit realdocd: [Service] RestrictAddressFamilies=AF_INET AF_INET6.")
	}
}

// opensTCP names a setting for which the daemon opens TCP; "" if none does.
func (x *examination) opensTCP() string {
	if x.config.Metrics != "" {
		return "metrics = " + x.config.Metrics
	}
	if endpoint := x.config.Trace.Endpoint; endpoint != "" {
		return "endpoint = " + endpoint + " in [trace]"
	}
	for _, pool := range x.config.Pools {
		for _, addr := range append(slices.Clone(pool.Servers), pool.StatusServer) {
			if addr != "" && !addr.IsUnix() {
				return fmt.Sprintf("server %s in pool %s", addr, pool.Name)
			}
		}
	}
	return ""
}
