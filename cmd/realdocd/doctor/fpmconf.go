package doctor

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"

	"realdocd/gateway/sock"
)

// An fpmConfig is what the configuration files of an FPM say.
type fpmConfig struct {
	file   string
	global settings
	pools  []fpmPool
}

// An fpmPool is one section.
type fpmPool struct {
	name string
	settings
}

// settings are keys as they are written, "php_admin_value[include_path]" among them.
type settings map[string]string

// readFPMConfig reads FPM's configuration with the files that it includes.
func readFPMConfig(file string) (*fpmConfig, error) {
	c := &fpmConfig{file: file, global: settings{}}
	section := c.global
	if err := c.read(file, &section, 0); err != nil {
		return nil, err
	}
	return c, nil
}

// maxIncludes is how deep files may include each other.
const maxIncludes = 8

// section is the one that a file's first lines belong to, and at its end the one
// that what follows belongs to.
func (c *fpmConfig) read(file string, section *settings, depth int) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return fmt.Errorf("read FPM's configuration: %w", err)
	}
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSpace(line)
		if name, ok := sectionName(line); ok {
			*section = c.section(name)
			continue
		}
		key, value, ok := settingOf(line)
		switch {
		case !ok:
		case key == "include" && depth < maxIncludes:
			matches, _ := filepath.Glob(value) // FPM refuses a bad pattern itself
			for _, match := range matches {
				if err := c.read(match, section, depth+1); err != nil {
					return err
				}
			}
		default:
			(*section)[key] = value
		}
	}
	return nil
}

func (c *fpmConfig) section(name string) settings {
	if name == "global" {
		return c.global
	}
	for _, p := range c.pools {
		if p.name == name {
			return p.settings
		}
	}
	p := fpmPool{name, settings{}}
	c.pools = append(c.pools, p)
	return p.settings
}

func sectionName(line string) (string, bool) {
	if !strings.HasPrefix(line, "[") {
		return "", false
	}
	name, _, ok := strings.Cut(line[1:], "]")
	return strings.TrimSpace(name), ok
}

// settingOf reads "key = value ; comment".
func settingOf(line string) (key, value string, ok bool) {
	if line == "" || line[0] == ';' || line[0] == '#' {
		return "", "", false
	}
	key, value, ok = strings.Cut(line, "=")
	value = strings.TrimSpace(value)
	if quoted, _, closed := strings.Cut(strings.TrimPrefix(value, `"`), `"`); strings.HasPrefix(value, `"`) && closed {
		value = quoted
	} else if before, _, comment := strings.Cut(value, ";"); comment {
		value = strings.TrimSpace(before)
	}
	return strings.TrimSpace(key), value, ok
}

// poolAt finds the pool that listens at addr; nil where there is none.
func (c *fpmConfig) poolAt(addr sock.Addr) *fpmPool {
	for i, p := range c.pools {
		if sameListener(strings.ReplaceAll(p.settings["listen"], "$pool", p.name), addr) {
			return &c.pools[i]
		}
	}
	return nil
}

// sameListener says whether FPM's listen is what we connect to. A bare port, and
// one of all addresses, are on each.
func sameListener(listen string, addr sock.Addr) bool {
	if listen == string(addr) || addr.IsUnix() {
		return filepath.Clean(listen) == filepath.Clean(string(addr))
	}
	_, want, err := net.SplitHostPort(string(addr))
	if err != nil {
		return false
	}
	if _, err := strconv.Atoi(listen); err == nil {
		return listen == want
	}
	host, port, err := net.SplitHostPort(listen)
	return err == nil && port == want && (host == "" || host == "*" || host == "0.0.0.0" || host == "::")
}

// number reads a setting; fallback where it is not there or no number.
func (s settings) number(key string, fallback int) int {
	if n, err := strconv.Atoi(s[key]); err == nil {
		return n
	}
	return fallback
}

var fpmDuration = regexp.MustCompile(`^(\d+)([smhd]?)$`)

// duration reads a time as FPM writes it, "30", "30s", "5m"; 0 where it is not there.
func (s settings) duration(key string) time.Duration {
	parts := fpmDuration.FindStringSubmatch(s[key])
	if parts == nil {
		return 0
	}
	n, _ := strconv.Atoi(parts[1])
	unit := map[string]time.Duration{"": time.Second, "s": time.Second, "m": time.Minute, "h": time.Hour, "d": 24 * time.Hour}
	return time.Duration(n) * unit[parts[2]]
}

// php gives what the pool sets php.ini's key to, and whether a request cannot
// change it; ok is false where it does not set it.
func (s settings) php(key string) (value string, locked, ok bool) {
	for _, kind := range []string{"php_admin_value", "php_admin_flag"} {
		if v, is := s[kind+"["+key+"]"]; is {
			return v, true, true
		}
	}
	for _, kind := range []string{"php_value", "php_flag"} {
		if v, is := s[kind+"["+key+"]"]; is {
			return v, false, true
		}
	}
	return "", false, false
}
