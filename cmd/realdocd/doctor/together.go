package doctor

import (
	"fmt"
	"slices"
	"strings"
)

// ofMaster are the kinds of which one PHP-FPM's master process or its php.ini is the cause.
// All pools of that FPM have the same then, and it is told once, with the pools that it
// concerns. Beside each are the settings that it goes by: a pool of FPM's that makes one of
// them itself has a finding of its own. What is not here is of one pool, or of one site.
var ofMaster = map[kind][]string{
	kindPHPUnreadBody:           nil,
	kindPHPEndOfLife:            nil,
	kindFPMConfigurationUnknown: nil,
	kindProcessControlTimeout:   nil,

	kindReadTimeoutShort: {"max_execution_time"},
	kindMaxBodySmall:     {"post_max_size"},

	// opcache is one for all pools of an FPM.
	kindOpcache:         nil,
	kindOpcacheCold:     nil,
	kindOpcacheMemory:   nil,
	kindOpcacheKeys:     nil,
	kindOpcacheStrings:  nil,
	kindOpcacheRestarts: nil,

	kindOpcacheOff:               {"opcache.enable"},
	kindOpcacheUnknown:           {"opcache.restrict_api"},
	kindOpcacheDisabled:          {"disable_functions"},
	kindOpcacheUseCwdOff:         {"opcache.use_cwd"},
	kindOpcacheFileCache:         {"opcache.file_cache"},
	kindOpcachePreloadElsewhere:  {"opcache.preload"},
	kindOpcacheTimestampsOffFine: {"opcache.validate_timestamps"},
	kindOpcacheTimestampsOff:     {"opcache.validate_timestamps"},
	kindOpcacheRevalidateFreq:    {"opcache.validate_timestamps", "opcache.revalidate_freq"},
	kindOpcacheFileOverride:      {"opcache.validate_timestamps", "opcache.enable_file_override"},
	kindOpcacheUpdateProtection:  {"opcache.validate_timestamps", "opcache.file_update_protection"},
	kindPHPRemembers:             {"user_ini.filename", "user_ini.cache_ttl", "realpath_cache_ttl"},
}

// add notes a finding of the server, or of a root in it.
func (s *server) add(k kind, about Subject, what, do string) {
	f := finding(k, about, what, do)
	if keys, is := ofMaster[k]; is && !slices.ContainsFunc(keys, s.setsItself) {
		f.master = s.master
	}
	s.findings = append(s.findings, f)
}

// setsItself says whether FPM's pool makes a setting of PHP, and not php.ini.
func (s *server) setsItself(key string) bool { return s.ownPHP(key).IsSet() }

// masterOf tells one FPM from another, whatever pool of it listens: by the process that
// listens, or else by the file that has the listener. What cannot be told is taken for an
// FPM of its own. Who listens where systemd has made the socket is process 1.
func (s *server) masterOf(pid int) string {
	switch {
	case pid > 1:
		return fmt.Sprint("process ", pid)
	case s.own != nil:
		return s.conf.File
	}
	return string(s.addr)
}

// together makes one finding of those that say the same of the same FPM, in the place of the
// first one.
func together(findings []Finding) (told []Finding) {
	type same struct {
		master, id, what, do string
	}
	at := map[same]int{}
	for _, f := range findings {
		key := same{f.master, f.ID, f.What, f.Do}
		first, is := at[key]
		switch {
		case f.master == "":
			told = append(told, f)
		case !is:
			at[key] = len(told)
			told = append(told, f)
		default:
			told[first].Also = append(told[first].Also, f.Subject)
		}
	}
	return told
}

// About is what a finding is about, for people, such as "pools s1, s2 and 298 others".
func (f Finding) About() string {
	if len(f.Also) == 0 {
		return f.Subject.String()
	}
	all := append([]Subject{f.Subject}, f.Also...)
	pools := several("pool", all, func(s Subject) string { return s.Pool })
	parts := []string{pools}
	if !strings.HasPrefix(pools, "pools ") { // each of which has listeners of its own
		parts = append(parts, several("server", all, func(s Subject) string { return s.Server }))
	}
	parts = append(parts,
		several("site", all, func(s Subject) string { return s.Site }),
		several("docroot", all, func(s Subject) string { return s.Docroot }))
	return strings.Join(slices.DeleteFunc(parts, func(part string) bool { return part == "" }), ", ")
}

// maxListed is how many names a list for people has. Of a longer one, two are named.
const maxListed = 3

// several names what subjects have, each once; "" if they have nothing.
func several(noun string, all []Subject, of func(Subject) string) string {
	var names []string
	seen := map[string]bool{"": true}
	for _, s := range all {
		if name := of(s); !seen[name] {
			seen[name] = true
			names = append(names, name)
		}
	}
	switch n := len(names); {
	case n == 0:
		return ""
	case n == 1:
		return noun + " " + names[0]
	case n <= maxListed:
		return fmt.Sprintf("%ss %s and %s", noun, strings.Join(names[:n-1], ", "), names[n-1])
	default:
		return fmt.Sprintf("%ss %s and %d others", noun, strings.Join(names[:2], ", "), n-2)
	}
}
