package fpmconf

import (
	"net"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A Pool is a section: a pool of PHP-FPM, or [global].
type Pool struct {
	Name string
	At   Place // its first line
	// Settings are in the order of the files, "php_admin_value[include_path]" among them.
	Settings []Setting
}

func (p *Pool) add(s Setting) {
	s.Section = p.Name
	s.Value = strings.ReplaceAll(s.Value, "$pool", p.Name)
	p.Settings = append(p.Settings, s)
}

// Get gives a setting; the zero one if the pool does not have it.
func (p *Pool) Get(key string) Setting {
	for _, s := range slices.Backward(p.Settings) {
		if s.Key == key {
			return s
		}
	}
	return Setting{}
}

// Number reads a setting; 0 if it is not there or is not a number.
func (p *Pool) Number(key string) int {
	n, _ := strconv.Atoi(p.Get(key).Value)
	return n
}

var duration = regexp.MustCompile(`^(\d+)([smhd]?)$`)

// Duration reads a time as FPM writes it: "30", "30s", "5m". It is 0 if it is not there.
func (p *Pool) Duration(key string) time.Duration {
	parts := duration.FindStringSubmatch(p.Get(key).Value)
	if parts == nil {
		return 0
	}
	n, _ := strconv.Atoi(parts[1])
	unit := map[string]time.Duration{"": time.Second, "s": time.Second, "m": time.Minute, "h": time.Hour, "d": 24 * time.Hour}
	return time.Duration(n) * unit[parts[2]]
}

// A PHPSetting is a setting of PHP that a pool makes, such as php_value[include_path].
type PHPSetting struct {
	Setting      // Key is php.ini's
	Admin   bool // a request cannot change it
}

// PHPSettings are in the order of the files.
func (p *Pool) PHPSettings() (all []PHPSetting) {
	for _, s := range p.Settings {
		kind, key, ok := strings.Cut(strings.TrimSuffix(s.Key, "]"), "[")
		if ok && strings.HasPrefix(kind, "php_") {
			s.Key = key
			all = append(all, PHPSetting{s, strings.HasPrefix(kind, "php_admin_")})
		}
	}
	return all
}

// PHP gives what the pool sets php.ini's key to: one that a request cannot change comes
// before one that it can. It is the zero one if the pool does not set it.
func (p *Pool) PHP(key string) (got PHPSetting) {
	for _, s := range p.PHPSettings() {
		if s.Key == key && (s.Admin || !got.Admin) {
			got = s
		}
	}
	return got
}

// ListensAt says whether the pool's listen is the address that somebody connects to. A
// port alone, and one of all addresses, is on each.
func (p *Pool) ListensAt(addr string) bool {
	listen := p.Get("listen").Value
	if listen == addr || filepath.IsAbs(addr) {
		return filepath.Clean(listen) == filepath.Clean(addr)
	}
	_, want, err := net.SplitHostPort(addr)
	if err != nil {
		return false
	}
	if _, err := strconv.Atoi(listen); err == nil {
		return listen == want
	}
	host, port, err := net.SplitHostPort(listen)
	return err == nil && port == want && (host == "" || host == "*" || host == "0.0.0.0" || host == "::")
}

// PoolAt gives the pool that listens at an address; nil if there is none.
func (c *Config) PoolAt(addr string) *Pool {
	for _, p := range c.Pools {
		if p.ListensAt(addr) {
			return p
		}
	}
	return nil
}
