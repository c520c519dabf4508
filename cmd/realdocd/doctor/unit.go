package doctor

import (
	"context"
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
