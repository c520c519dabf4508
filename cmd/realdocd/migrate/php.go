package migrate

import (
	"path"
	"strings"
)

// php is the configuration of PHP and of PHP-FPM that was read.
type php struct {
	files    files
	settings []iniSetting
	pools    []*fpmPool
	seen     map[string]bool
}

// An iniSetting is one line; section is "" or as in [PATH=/var/www/shop].
type iniSetting struct {
	section, key string
	setting
}

// An fpmPool is one pool of PHP-FPM.
type fpmPool struct {
	name   string
	at     place
	keys   map[string]setting
	values []rule // php_value[…] and its like
}

func newPHP(f files) *php { return &php{files: f, seen: map[string]bool{}} }

// readINIs reads a php.ini, and after it what PHP reads after it on Debian and on
// Fedora: the files of conf.d or php.d beside it.
func (p *php) readINIs(file string) error {
	if err := p.readINI(file); err != nil {
		return err
	}
	for _, dir := range []string{"conf.d", "php.d"} {
		for _, more := range p.files.glob(path.Join(path.Dir(file), dir, "*.ini")) {
			if err := p.readINI(more); err != nil {
				return err
			}
		}
	}
	return nil
}

func (p *php) readINI(file string) error {
	got, err := p.ini(file)
	p.settings = append(p.settings, got...)
	return err
}

// ini reads a file, unless it was read before.
func (p *php) ini(file string) ([]iniSetting, error) {
	if p.seen[file] {
		return nil, nil
	}
	p.seen[file] = true
	text, err := p.files.read(file)
	if err != nil {
		return nil, err
	}
	return parseINI(file, text), nil
}

// parseINI reads what is of use of an INI text: a line each, as PHP's own files are
// written.
func parseINI(file, text string) []iniSetting {
	var got []iniSetting
	section, number := "", 0
	for line := range strings.Lines(text) {
		number++
		line = strings.TrimSpace(line)
		if line == "" || line[0] == ';' || line[0] == '#' {
			continue
		}
		if name, ok := strings.CutPrefix(line, "["); ok {
			name, _, _ = strings.Cut(name, "]")
			section = strings.TrimSpace(name)
			continue
		}
		if key, value, ok := strings.Cut(line, "="); ok {
			s := setting{iniValue(strings.TrimSpace(value)), place{file, number}}
			got = append(got, iniSetting{section, strings.TrimSpace(key), s})
		}
	}
	return got
}

// iniValue takes quotes and a comment off a value.
func iniValue(s string) string {
	if s == "" {
		return ""
	}
	if quote := s[0]; quote == '"' || quote == '\'' {
		for i := 1; i < len(s); i++ {
			switch {
			case s[i] == '\\' && quote == '"':
				i++
			case s[i] == quote:
				return strings.NewReplacer(`\"`, `"`, `\\`, `\`).Replace(s[1:i])
			}
		}
		return s[1:]
	}
	s, _, _ = strings.Cut(s, ";")
	return strings.TrimSpace(s)
}

// readFPM reads a file of PHP-FPM, and those that it includes.
func (p *php) readFPM(file string) error {
	settings, err := p.ini(file)
	if err != nil {
		return err
	}
	var pool *fpmPool
	for _, s := range settings {
		switch {
		case s.key == "include":
			for _, more := range p.files.glob(s.value) {
				if err := p.readFPM(more); err != nil {
					return err
				}
			}
		case s.section == "global" || s.section == "":
		default:
			if pool == nil || pool.name != s.section {
				pool = &fpmPool{name: s.section, at: s.at, keys: map[string]setting{}}
				p.pools = append(p.pools, pool)
			}
			pool.set(s)
		}
	}
	return nil
}

func (p *fpmPool) set(s iniSetting) {
	s.value = strings.ReplaceAll(s.value, "$pool", p.name)
	kind, key, isPHP := strings.Cut(strings.TrimSuffix(s.key, "]"), "[")
	if !isPHP {
		p.keys[s.key] = s.setting
	} else if strings.HasPrefix(kind, "php_") {
		p.values = append(p.values, rule{key: key, value: s.value, admin: strings.HasPrefix(kind, "php_admin_"), at: s.at})
	}
}

// address is where the pool listens, as realdocd writes it; "" for nowhere. A port alone
// is one of all addresses.
func (p *fpmPool) address() string { return listenAddress(p.keys["listen"].value) }

func listenAddress(s string) string {
	if s == "" || path.IsAbs(s) {
		return s
	}
	host, port, found := cutLast(s, ":")
	if !found {
		host, port = "", s
	}
	if host == "" || host == "0.0.0.0" || host == "[::]" || host == "*" {
		host = "127.0.0.1"
	}
	return host + ":" + port
}

func cutLast(s, sep string) (before, after string, found bool) {
	if i := strings.LastIndex(s, sep); i >= 0 {
		return s[:i], s[i+len(sep):], true
	}
	return s, "", false
}

// forSite gives what php.ini says for a site: its [PATH=] and [HOST=] after what is for
// all, the last of each key.
func (p *php) forSite(docroot, host string) map[string]phpSetting {
	got := map[string]phpSetting{}
	for _, sectioned := range []bool{false, true} {
		for _, s := range p.settings {
			kind, of, isFor := strings.Cut(s.section, "=")
			isFor = isFor && (kind == "PATH" || kind == "HOST")
			if isFor != sectioned {
				continue
			}
			if !isFor || kind == "HOST" && strings.EqualFold(of, host) || kind == "PATH" && (scope{dir: path.Clean(of)}).covers(docroot) {
				x := phpSetting{setting: s.setting}
				if isFor {
					x.section = s.section
				}
				got[s.key] = x
			}
		}
	}
	return got
}

// A phpSetting is a setting of PHP in force for a site.
type phpSetting struct {
	setting
	section string // of php.ini, where it is one for sites
	apache  bool   // from Apache's configuration, so of mod_php
	admin   bool
	pool    bool // from FPM's own
}
