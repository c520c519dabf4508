package migrate

import (
	"path"
	"strings"

	"realdocd/gateway/fpmconf"
)

// php is the configuration of PHP and of PHP-FPM that was read.
type php struct {
	files    *files            // of the path that is read
	settings []fpmconf.Setting // of php.ini and the files beside it
	fpm      *fpmconf.Config
	read     map[string]bool
}

func newPHP() *php {
	p := &php{files: &files{}, read: map[string]bool{}}
	p.fpm = fpmconf.New(p.files)
	return p
}

// readINIs reads a php.ini, and after it what PHP reads after it on Debian and on
// Fedora: the files of conf.d or php.d beside it.
func (p *php) readINIs(file string) error {
	if err := p.readINI(file); err != nil {
		return err
	}
	for _, dir := range []string{"conf.d", "php.d"} {
		for _, more := range p.files.Glob(path.Join(path.Dir(file), dir, "*.ini")) {
			if err := p.readINI(more); err != nil {
				return err
			}
		}
	}
	return nil
}

// readINI reads a file, unless it was read before.
func (p *php) readINI(file string) error {
	if p.read[file] {
		return nil
	}
	p.read[file] = true
	text, err := p.files.Read(file)
	if err != nil {
		return err
	}
	p.settings = append(p.settings, fpmconf.ParseINI(file, text)...)
	return nil
}

// addressOf is where a pool listens, as realdocd writes it; "" for nowhere.
func addressOf(p *fpmconf.Pool) string { return listenAddress(p.Get("listen").Value) }

// listenAddress is PHP-FPM's listen as realdocd writes it. A port alone is one of all
// addresses.
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
			kind, of, isFor := strings.Cut(s.Section, "=")
			isFor = isFor && (kind == "PATH" || kind == "HOST")
			if isFor != sectioned {
				continue
			}
			if !isFor || kind == "HOST" && strings.EqualFold(of, host) || kind == "PATH" && (scope{dir: path.Clean(of)}).covers(docroot) {
				x := phpSetting{setting: settingOf(s)}
				if isFor {
					x.section = s.Section
				}
				got[s.Key] = x
			}
		}
	}
	return got
}

// A phpSetting is a setting of PHP in force for a site.
type phpSetting struct {
	setting
	section string // of php.ini, if it is one for sites
	apache  bool   // from Apache's configuration, so of mod_php
	admin   bool
	pool    bool // from FPM's own
}
