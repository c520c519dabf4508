package doctor

import (
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// checkINI looks for settings of PHP that follow the link, which realdocd cannot map.
func (s *server) checkINI() {
	s.checkOpenBasedir()
	if s.answer == nil {
		return
	}
	s.checkIncludePathLock()
	s.checkNamedLinks()
	s.checkRealpathCache()
}

// checkIncludePathLock finds an include_path that requests cannot change as a
// whole: of a pool's php_admin_value, PHP-FPM 8.2.36 tells the script the new one,
// and opcache was seen to go on with the old one. PHP_ADMIN_VALUE of a request leaves the
// same mark on the setting and is harmless, so FPM's configuration decides if it is
// known.
func (s *server) checkIncludePathLock() {
	locked, at := s.answer.IncludePathLocked, ""
	if s.own != nil {
		set := s.own.PHP("include_path")
		locked, at = set.Admin, fmt.Sprintf(" (%s)", set.At)
	} else if locked {
		for _, seen := range s.seenOf(s.pool.Name) {
			locked = locked && !strings.Contains(seen.PHPAdminValue, "include_path")
		}
	}
	if !locked || !s.setsIncludePath() {
		return
	}
	s.found(kindIncludePathLocked, fmt.Sprintf("FPM's pool has php_admin_value[include_path]%s: PHP may look for files by that one, and not by the one that realdocd sends, whatever get_include_path() says.", at),
		"Take it out of FPM's pool; set the site's include_path in realdocd.toml.")
}

// setsIncludePath says whether requests of the pool carry an include_path.
func (s *server) setsIncludePath() bool {
	for _, site := range s.sitesOf(s.pool.Name) {
		if site.IncludePath != "" {
			return true
		}
	}
	for _, seen := range s.seenOf(s.pool.Name) {
		if strings.Contains(seen.PHPValue+seen.PHPAdminValue, "include_path") {
			return true
		}
	}
	return false
}

// checkNamedLinks finds settings that name the link of a site of the pool.
func (s *server) checkNamedLinks() {
	for _, p := range s.roots {
		if !p.HasLink() {
			continue
		}
		names := p.namesOf()
		for _, key := range []string{"auto_prepend_file", "auto_append_file"} {
			if file := s.answer.INI[key]; below(filepath.Clean(file), names) {
				s.add(kindININamesLink, s.at(p), fmt.Sprintf("%s = %s goes through the link: a request gets it of the release that is live at that moment.", key, file),
					"Include it from the front controller, by __DIR__; or keep it outside of the releases.")
			}
		}
		// A value that requests have set stays in the worker, and hides php.ini's.
		if !s.setsIncludePath() && anyBelow(strings.Split(s.answer.INI["include_path"], ":"), names) {
			s.add(kindININamesLink, s.at(p), fmt.Sprintf("include_path = %s goes through the link.", s.answer.INI["include_path"]),
				"Set it as the site's include_path in realdocd.toml, where it follows the release, and take it out of php.ini.")
		}
		if log := s.answer.INI["error_log"]; below(filepath.Clean(log), names) {
			s.add(kindErrorLogNamesLink, s.at(p), fmt.Sprintf("error_log = %s is inside of the release: it begins anew with each one, and goes with it.", log),
				"Take a file outside of the releases.")
		}
	}
}

// checkOpenBasedir finds an open_basedir that is for one release only. PHP resolves
// the link in it each time that a file is opened.
func (s *server) checkOpenBasedir() {
	dirs := s.openBasedir()
	for _, p := range s.roots {
		why := ""
		switch {
		case !p.HasLink() || len(dirs) == 0 || !allows(dirs, p):
		case anyBelow(dirs, p.namesOf()):
			why = "names the link: after a flip, requests on the release before may not open their own files"
		case anyBelow(dirs, []string{p.Release}):
			why = "names the release itself: the next one may not be read"
		}
		if why != "" {
			s.add(kindOpenBasedirNamesLink, s.at(p), fmt.Sprintf("open_basedir = %s %s.", strings.Join(dirs, ":"), why),
				fmt.Sprintf("Name the directory above the releases: %s.", filepath.Dir(p.Release)))
		}
	}
}

// anyBelow says whether one of the paths is below a directory, or is one.
func anyBelow(paths, dirs []string) bool {
	return slices.ContainsFunc(paths, func(path string) bool { return path != "" && below(filepath.Clean(path), dirs) })
}

// checkRealpathCache finds a full cache: PHP then looks at each directory of a path
// again, for each file. The paths that realdocd sends name the release itself, so
// entries that are out of date are harmless.
func (s *server) checkRealpathCache() {
	size := bytesOf(s.answer.INI["realpath_cache_size"])
	if size > 0 && s.answer.RealpathCache+realpathEntry > size {
		s.found(kindRealpathCacheFull, fmt.Sprintf("A worker's realpath cache has %d of %d bytes in use; with releases in new directories each deploy adds to it.", s.answer.RealpathCache, size),
			"Double realpath_cache_size in php.ini.")
	}
}

// realpathEntry is about how many bytes a path takes in the cache. A path that does not
// fit in any more is not kept.
const realpathEntry = 300

// bytesOf reads a size as php.ini has it, such as 4096K.
func bytesOf(value string) int64 {
	value = strings.TrimSpace(value)
	unit := int64(1)
	if value != "" {
		switch value[len(value)-1] {
		case 'k', 'K':
			unit = 1 << 10
		case 'm', 'M':
			unit = 1 << 20
		case 'g', 'G':
			unit = 1 << 30
		}
	}
	n, err := strconv.ParseInt(strings.TrimRight(value, "kKmMgG"), 10, 64)
	if err != nil {
		return 0
	}
	return n * unit
}
