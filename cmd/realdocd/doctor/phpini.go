package doctor

import (
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"realdocd/gateway"
)

// checkINI looks for settings of PHP that follow the link, which realdocd cannot map.
func (s *server) checkINI() {
	s.checkOpenBasedir()
	if s.answer == nil {
		return
	}
	s.checkIncludePathLock()
	s.checkIncludePathOver()
	s.checkPHPPaths()
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

// checkIncludePathOver finds an include_path of PHP's that is hidden as soon as one request
// of the pool sets another: the requests of the other sites get the pool's then.
func (s *server) checkIncludePathOver() {
	ini, pools := s.answer.IncludePath, s.pool.IncludePath
	if own := s.ownPHP("include_path"); own.IsSet() && !own.Admin {
		ini = own.Value // which the answer does not have
		if pools == "" {
			pools = s.answer.IncludePath
		}
	}
	if pools == "" || pools == ini || ini == ".:/usr/share/php" || ini == ".:/usr/share/pear" || !s.setsIncludePath() || s.allSetIncludePath() {
		return
	}
	s.found(kindIncludePathOverridden, fmt.Sprintf("PHP has include_path = %s, and requests of the pool whose site has none get %s.", ini, pools),
		fmt.Sprintf("Set include_path of [pool.%s] to what its sites need, or of each site.", s.pool.Name))
}

// allSetIncludePath says whether each site of the pool has an include_path of its own.
func (s *server) allSetIncludePath() bool {
	return !slices.ContainsFunc(s.sitesOf(s.pool.Name), func(site gateway.SiteConfig) bool { return site.IncludePath == "" })
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

// checkOpenBasedir finds an open_basedir that is for one release only, or without what the
// releases share. PHP resolves the link in it each time that a file is opened.
func (s *server) checkOpenBasedir() {
	dirs := s.openBasedir()
	for _, p := range s.roots {
		if len(dirs) == 0 || !p.HasLink() || !allows(dirs, p.docrootForPHP()) {
			continue
		}
		why := ""
		switch {
		case anyBelow(dirs, p.namesOf()):
			why = "names the link: after a flip, requests on the release before may not open their own files"
		case anyBelow(dirs, []string{p.Release}):
			why = "names the release itself: the next one may not be read"
		}
		if why != "" {
			s.add(kindOpenBasedirNamesLink, s.at(p), fmt.Sprintf("open_basedir = %s %s.", strings.Join(dirs, ":"), why), "Name "+p.openDirs()+".")
			continue
		}
		for _, shared := range p.shared {
			if !allows(dirs, shared) {
				s.add(kindOpenBasedirExcludesShared, s.at(p), fmt.Sprintf("open_basedir is %s, and the release has symlinks to %s, which is not inside.", strings.Join(dirs, ":"), shared),
					"Name "+p.openDirs()+".")
				break
			}
		}
	}
}

// openDirs are what an open_basedir of the site needs, for people.
func (p *root) openDirs() string {
	text := "the directory above the releases, " + filepath.Dir(p.Release)
	for _, shared := range p.shared {
		if !below(shared, []string{filepath.Dir(p.Release)}) {
			text += ", and what they share, " + shared
		}
	}
	return text
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
