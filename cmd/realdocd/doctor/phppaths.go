package doctor

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"realdocd/gateway/fpmconf"
)

// A pathUse says what PHP does with the path of a setting.
type pathUse int

const (
	runsIt pathUse = iota // it is code, or what code is looked for in
	keepsDataThere
	writesLog
)

// phpPaths are the settings of PHP that have paths. realdocd maps none of them but
// include_path, since they are made before a request comes.
var phpPaths = []struct {
	key string
	use pathUse
}{
	{"auto_prepend_file", runsIt},
	{"auto_append_file", runsIt},
	{"include_path", runsIt},
	{"doc_root", runsIt},
	{"extension_dir", runsIt},
	{"session.save_path", keepsDataThere},
	{"upload_tmp_dir", keepsDataThere},
	{"sys_temp_dir", keepsDataThere},
	{"soap.wsdl_cache_dir", keepsDataThere},
	{"opcache.file_cache", keepsDataThere},
	{"opcache.lockfile_path", keepsDataThere},
	{"opcache.blacklist_filename", keepsDataThere},
	{"curl.cainfo", keepsDataThere},
	{"openssl.cafile", keepsDataThere},
	{"openssl.capath", keepsDataThere},
	{"browscap", keepsDataThere},
	{"xdebug.output_dir", keepsDataThere},
	{"error_log", writesLog},
	{"opcache.error_log", writesLog},
	{"mail.log", writesLog},
	{"xdebug.log", writesLog},
}

// checkPHPPaths finds settings whose path goes through the link of a site of the pool, or
// into a release: what PHP finds there is of whichever release is live, or is gone with it.
func (s *server) checkPHPPaths() {
	for _, p := range s.roots {
		if !p.HasLink() {
			continue
		}
		for _, setting := range phpPaths {
			value := s.answer.INI[setting.key]
			if setting.key == "include_path" && s.setsIncludePath() {
				continue // a value that requests have set stays in the worker, and hides php.ini's
			}
			if where := p.leadsInto(value); where != "" {
				s.notePHPPath(p, setting.key, setting.use, value, where)
			}
		}
	}
}

func (s *server) notePHPPath(p *root, key string, use pathUse, value, where string) {
	what := fmt.Sprintf("%s = %s%s goes %s", key, value, s.placeOf(key), where)
	switch {
	case key == "include_path":
		s.add(kindININamesLink, s.at(p), what+": a request gets files of the release that is live at that moment, or of that one for ever.",
			"Set it as the site's include_path in realdocd.toml, where it follows the release, and take it out of php.ini.")
	case use == runsIt:
		s.add(kindININamesLink, s.at(p), what+": a request gets code of the release that is live at that moment, or of that one for ever.",
			"Include it from the front controller, by __DIR__; or keep it outside of the releases.")
	case use == writesLog:
		s.add(kindErrorLogNamesLink, s.at(p), what+": the log begins anew with each release, and goes with it.",
			"Take a file outside of the releases.")
	default:
		s.add(kindINIDataInRelease, s.at(p), what+": what PHP keeps there is lost to requests after the next flip, and goes with the release.",
			"Take a directory outside of the releases.")
	}
}

// placeOf is where FPM's pool makes a setting of PHP, for a message; "" if php.ini does.
func (s *server) placeOf(key string) string {
	if own := s.ownPHP(key); own.IsSet() {
		return fmt.Sprintf(" (%s)", own.At)
	}
	return ""
}

// ownPHP is a setting of PHP that FPM's pool makes.
func (s *server) ownPHP(key string) fpmconf.PHPSetting {
	if s.own == nil {
		return fpmconf.PHPSetting{}
	}
	return s.own.PHP(key)
}

// leadsInto says how a value that has one path or several goes into a release of the root;
// "" if it does not. A save_path can have numbers before its path.
func (p *root) leadsInto(value string) string {
	for part := range strings.FieldsFuncSeq(value, func(c rune) bool { return c == ':' || c == ';' }) {
		if part = strings.Trim(part, ` "'`); !filepath.IsAbs(part) {
			continue
		}
		path := filepath.Clean(part)
		if below(path, p.namesOf()) {
			return "through the link"
		}
		if below(path, []string{p.Release, p.Home}) || p.others().hold(path) {
			return "into a release"
		}
	}
	return ""
}

// checkFPMPaths finds paths in FPM's own configuration that go into a release.
func (s *server) checkFPMPaths() {
	for _, p := range s.roots {
		if !p.HasLink() {
			continue
		}
		if dir := s.own.Get("chdir"); p.leadsInto(dir.Value) != "" {
			s.add(kindFPMChdirInRelease, s.at(p), fmt.Sprintf("FPM's pool has chdir = %s (%s), %s: a worker stays in the release that was live when it began, and no worker begins when it is gone.", dir.Value, dir.At, p.leadsInto(dir.Value)),
				"Take it out: PHP goes to the directory of the script.")
		}
		for _, log := range []fpmconf.Setting{s.own.Get("slowlog"), s.own.Get("access.log"), s.conf.Global.Get("error_log")} {
			if where := p.leadsInto(log.Value); where != "" {
				s.add(kindErrorLogNamesLink, s.at(p), fmt.Sprintf("FPM's %s = %s (%s) goes %s: the log begins anew with each release, and goes with it.", log.Key, log.Value, log.At, where),
					"Take a file outside of the releases.")
			}
		}
		for _, set := range s.own.Settings {
			if where := p.leadsInto(set.Value); strings.HasPrefix(set.Key, "env[") && where != "" {
				s.add(kindEnvNamesLink, s.at(p), fmt.Sprintf("FPM's pool has %s = %s (%s), which goes %s: code that goes by it may get files of two releases.", set.Key, set.Value, set.At, where),
					"Let the code take $_SERVER['DOCUMENT_ROOT'] or __DIR__ instead.")
			}
		}
	}
}

// mastersOwn are settings of opcache that are made once for all pools, when FPM begins: in a
// pool they have no effect, though PHP shows them.
var mastersOwn = []string{
	"opcache.memory_consumption", "opcache.interned_strings_buffer", "opcache.max_accelerated_files", "opcache.jit_buffer_size",
	"opcache.preload", "opcache.preload_user", "opcache.lockfile_path", "opcache.huge_code_pages",
}

// checkMastersOwn finds them in a pool.
func (s *server) checkMastersOwn() {
	for _, set := range s.own.PHPSettings() {
		if slices.Contains(mastersOwn, set.Key) {
			s.found(kindOpcacheInPool, fmt.Sprintf("FPM's pool has %s = %s (%s), which has no effect there: it is for all pools, and php.ini's counts.", set.Key, set.Value, set.At),
				"Set it in php.ini, and restart FPM.")
		}
	}
}
