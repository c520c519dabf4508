package doctor

import (
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"realdocd/deploy"
	"realdocd/gateway/fpm"
)

// checkOpcache looks whether opcache is on, has room for two releases, and sees
// what a deploy changes.
func (s *server) checkOpcache() {
	if s.answer == nil {
		return
	}
	ini := s.answer.INI
	switch {
	case s.isDisabled("opcache_get_status"):
		s.found(kindOpcacheDisabled, fmt.Sprintf("disable_functions has opcache's (%s): neither check nor a deploy learns what is in opcache, compiles a release before it goes live, or makes room.", ini["disable_functions"]),
			"Take opcache_get_status, opcache_compile_file, opcache_invalidate and opcache_is_script_cached out of it; opcache.restrict_api bounds who may use them.")
		return
	case s.answer.Opcache == nil && ini["opcache.restrict_api"] == "" && isOn(s.ownPHP("opcache.enable").Value):
		s.found(kindOpcacheInPool, fmt.Sprintf("FPM's pool has opcache.enable = on (%s), which has no effect there if php.ini has it off.", s.ownPHP("opcache.enable").At),
			"Set opcache.enable = 1 in php.ini, and restart FPM.")
		return
	case !s.answer.HasOpcache || !isOn(ini["opcache.enable"]):
		s.found(kindOpcacheOff, "opcache is off: PHP compiles each file for each request.", "Set opcache.enable = 1 (and install it, if it is a package of its own).")
		return
	case s.answer.Opcache == nil:
		s.found(kindOpcacheUnknown, fmt.Sprintf("opcache does not tell of its contents: opcache.restrict_api is %q.", ini["opcache.restrict_api"]), "")
	default:
		s.checkRoom(s.firstOpcache())
	}
	s.checkTimestamps()
	s.checkMemory()
	s.checkRemembered()
	s.checkKeys()
	s.checkPreload()
}

// firstOpcache is the opcache of the server's FPM as the first of its pools told, so that all
// of them say the same of it.
func (s *server) firstOpcache() *fpm.Opcache {
	for _, other := range s.servers {
		if other.master == s.master && other.answer != nil && other.answer.Opcache != nil {
			return other.answer.Opcache
		}
	}
	return s.answer.Opcache
}

// live is what the live releases of all pools of the server's FPM have in its opcache.
func (s *server) live() (memory, scripts int64) {
	counted := map[string]bool{}
	for _, other := range s.servers {
		if other.master != s.master || other.answer == nil || other.answer.Opcache == nil {
			continue
		}
		for _, p := range other.roots {
			if p.HasLink() && !counted[p.Release] {
				counted[p.Release] = true
				has := other.answer.Opcache.Dirs[p.Release]
				memory, scripts = memory+has[0], scripts+has[1]
			}
		}
	}
	return memory, scripts
}

// checkRoom sees whether the next release of each site fits in beside the live
// one. It is taken to be as large.
func (s *server) checkRoom(o *fpm.Opcache) {
	memory, scripts := s.live()
	total := o.Free + o.Used + o.Wasted
	well := true
	if o.Free < memory || o.Full && o.Keys < o.MaxKeys { // it is full when either is used up
		well = false
		s.found(kindOpcacheMemory, fmt.Sprintf("The live releases take %s of opcache's %s, and %s are free: the next ones do not fit in beside them.", mib(memory), mib(total), mib(o.Free)),
			fmt.Sprintf("Raise opcache.memory_consumption to %d, or more if old releases are to stay.", (total+memory)>>20+1))
	}
	keys := int64(0)
	if o.Scripts > 0 {
		keys = scripts * o.Keys / o.Scripts // a file has a key for each name that it is included by
	}
	if o.MaxKeys-o.Keys < keys {
		well = false
		s.found(kindOpcacheKeys, fmt.Sprintf("The live releases take %d of opcache's %d keys, and %d are free: the next ones do not fit in beside them.", keys, o.MaxKeys, o.MaxKeys-o.Keys),
			fmt.Sprintf("Raise opcache.max_accelerated_files to %d or more.", o.MaxKeys+keys))
	}
	if o.Strings > 0 && o.FreeStrings < o.Strings/100 {
		well = false
		s.found(kindOpcacheStrings, fmt.Sprintf("opcache's buffer for strings, %s, is full: each worker keeps its own copies.", mib(o.Strings)),
			fmt.Sprintf("Double opcache.interned_strings_buffer (%d).", o.Strings>>20))
	}
	if o.Restarts > 0 {
		well = false
		s.found(kindOpcacheRestarts, fmt.Sprintf("opcache ran out of room %d times since FPM's start, and began again with nothing.", o.Restarts),
			"Raise opcache.memory_consumption and opcache.max_accelerated_files.")
	}
	switch {
	case scripts == 0 && len(s.roots) > 0:
		s.found(kindOpcacheCold, "opcache has nothing of the live releases yet: whether two fit in cannot be told.", "")
	case well:
		s.found(kindOpcache, fmt.Sprintf("opcache has %s free, of %s; the live releases take %s.", mib(o.Free), mib(total), mib(memory)), "")
	}
}

// checkTimestamps sees whether PHP notices that a directory was filled again. A
// release with a directory of its own needs none of it.
func (s *server) checkTimestamps() {
	ini := s.answer.INI
	checks := isOn(ini["opcache.validate_timestamps"])
	if !checks && len(s.reusedPlaces()) == 0 {
		s.found(kindOpcacheTimestampsOffFine, "opcache.validate_timestamps = 0: PHP never looks at a file again. That is right as long as each release has a directory of its own.", "")
	}
	for _, p := range s.reusedPlaces() {
		if !checks {
			s.add(kindOpcacheTimestampsOff, s.at(p), "Deploys fill a directory again, and with opcache.validate_timestamps = 0 PHP goes on with the files that were there before.",
				"Set opcache.validate_timestamps = 1 and opcache.revalidate_freq = 0; or take releases instead of slots.")
			continue
		}
		if freq, _ := strconv.Atoi(ini["opcache.revalidate_freq"]); freq > 0 {
			s.add(kindOpcacheRevalidateFreq, s.at(p), fmt.Sprintf("Deploys fill a directory again, and with opcache.revalidate_freq = %d PHP may run a file of before for up to %d s. realdocd deploy and flip wait for that, other tools do not.", freq, freq),
				"Set opcache.revalidate_freq = 0.")
		}
		if isOn(ini["opcache.enable_file_override"]) {
			s.add(kindOpcacheFileOverride, s.at(p), "Deploys fill a directory again, and with opcache.enable_file_override = 1 file_exists() answers by what was there before.",
				"Set opcache.enable_file_override = 0.")
		}
		if ini["opcache.file_update_protection"] == "0" {
			s.add(kindOpcacheUpdateProtection, s.at(p), "opcache.file_update_protection = 0: of a file that was written twice within a second, PHP may keep the first.",
				"Leave it at its default, 2.")
		}
	}
}

// checkMemory says for how long PHP goes by what was in a slot, beside its scripts.
func (s *server) checkMemory() {
	ini := s.answer.INI
	settings, _ := strconv.Atoi(ini["user_ini.cache_ttl"])
	links, _ := strconv.Atoi(ini["realpath_cache_ttl"])
	if ini["user_ini.filename"] == "" {
		settings = 0
	}
	if settings == 0 && links == 0 {
		return
	}
	for _, p := range s.roots {
		if len(p.site.Slots) > 0 {
			s.add(kindPHPRemembers, s.at(p), fmt.Sprintf("Workers of PHP-FPM go by a %s for %d s (user_ini.cache_ttl) and by where a symlink led for %d s (realpath_cache_ttl): realdocd deploy fills a slot in which one would change only when they have forgotten it.",
				ini["user_ini.filename"], settings, links),
				"Deploy with --wait, or take releases instead of slots, if that is in the way.")
		}
	}
}

// checkRemembered finds what PHP goes on with if links are followed by one step: a path stays
// the same while what it leads to changes.
func (s *server) checkRemembered() {
	ini := s.answer.INI
	for _, p := range s.roots {
		if p.site.Resolve != deploy.Readlink || !p.HasLink() {
			continue
		}
		if p.Release != p.Home && (!isOn(ini["opcache.revalidate_path"]) || bytesOf(ini["realpath_cache_size"]) > 0) {
			s.add(kindReadlinkRemembered, s.at(p), fmt.Sprintf("With resolve = \"readlink\" the release is %s, which is a symlink itself: PHP remembers where it led to (opcache.revalidate_path = 0, realpath_cache_size), and goes on with that when it is changed.", p.Release),
				`Take resolve = "realpath"; or both opcache.revalidate_path = 1 and realpath_cache_size = 0.`)
		}
		ttl, _ := strconv.Atoi(ini["user_ini.cache_ttl"])
		if name := ini["user_ini.filename"]; name != "" && ttl > 0 && isFile(filepath.Join(p.ResolvedDocroot, name)) {
			s.add(kindUserINIRemembered, s.at(p), fmt.Sprintf("With resolve = \"readlink\" deploys fill a directory again, and workers go by its %s of before for up to %d s (user_ini.cache_ttl).", name, ttl),
				"Set user_ini.cache_ttl = 0; or take releases with directories of their own.")
		}
	}
}

// isDisabled says whether PHP may not call a function.
func (s *server) isDisabled(function string) bool {
	return slices.Contains(strings.FieldsFunc(s.answer.INI["disable_functions"], func(c rune) bool { return c == ',' || c == ' ' }), function)
}

// reusedPlaces are those of the pool whose directories are filled again.
func (s *server) reusedPlaces() (reused []*root) {
	for _, p := range s.roots {
		if p.reused() {
			reused = append(reused, p)
		}
	}
	return reused
}

// checkKeys sees by what opcache tells files apart.
func (s *server) checkKeys() {
	ini := s.answer.INI
	if !isOn(ini["opcache.use_cwd"]) {
		s.found(kindOpcacheUseCwdOff, "opcache.use_cwd = 0: opcache takes files of two releases with the same relative name for one.", "Leave it at its default, 1.")
	}
	if s.own != nil && s.own.Get("chroot").Value != "" && !isOn(ini["opcache.validate_root"]) {
		s.found(kindOpcacheValidateRootOff, "FPM's pool has a chroot, and opcache.validate_root = 0: pools with other roots get its files by the same names.", "Set opcache.validate_root = 1.")
	}
	if dir := ini["opcache.file_cache"]; dir != "" && !slices.ContainsFunc(s.roots, func(p *root) bool { return p.leadsInto(dir) != "" }) {
		s.found(kindOpcacheFileCache, fmt.Sprintf("opcache.file_cache = %s: files compiled of each release stay there when it is gone.", dir), "Remove them with the releases.")
	}
}

// checkPreload sees what was loaded before any request: all of them get it, on
// whichever release they run.
func (s *server) checkPreload() {
	file := s.answer.INI["opcache.preload"]
	if file == "" {
		return
	}
	for _, p := range s.roots {
		if p.HasLink() && p.leadsInto(file) != "" {
			s.add(kindOpcachePreload, s.at(p), fmt.Sprintf("opcache.preload = %s is of the site: its classes stay those of the release that was live at FPM's start, for requests on every other one.", file),
				"Take opcache.preload out: a deploy by symlink and preloading do not go together without a restart of FPM.")
			return
		}
	}
	s.found(kindOpcachePreloadElsewhere, fmt.Sprintf("opcache.preload = %s: what it loads stays as it was at FPM's start, whatever is deployed.", file),
		"See that it loads nothing that a release has.")
}

// isOn reads a flag as ini_get gives it: what FPM's configuration has set as a
// value is there as it was written.
func isOn(value string) bool {
	switch strings.ToLower(value) {
	case "", "0", "off", "no", "false", "none":
		return false
	}
	return true
}

func mib(bytes int64) string { return fmt.Sprintf("%.1f MiB", float64(bytes)/(1<<20)) }
