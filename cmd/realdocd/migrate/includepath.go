package migrate

import (
	"maps"
	"slices"
	"strings"

	"realdocd/incpath"
)

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

func sortedPlaces(m map[place]bool) []place {
	return slices.SortedFunc(maps.Keys(m), func(a, b place) int { return strings.Compare(a.String(), b.String()) })
}

// addIncludePath takes include_path and what incpath has replaced in it.
func (m *model) addIncludePath(st *site, settings map[string]phpSetting) {
	list, pattern := settings["include_path"], settings["incpath.search_replace_pattern"]
	if list.value == "" {
		if pattern.value != "" {
			st.note(pattern.at, "incpath.search_replace_pattern needs an include_path, and none was found: was a php.ini not named?")
		}
		return
	}
	if !isPlain(list.value) || !isPlain(pattern.value) {
		st.note(list.at, "include_path or incpath.search_replace_pattern cannot be written in TOML, and was left out")
		return
	}
	ofPool := list.pool && list.admin
	if ofPool {
		st.note(list.at, "php_admin_value[include_path] of PHP-FPM wins over realdocd: take it out there")
	}
	value := list.value
	var also string // search_replace_pattern
	replaced := pattern.value != "" && strings.Contains(value, pattern.value)
	m.used[pattern.at] = m.used[pattern.at] || replaced
	switch {
	case !replaced:
	case strings.Contains(pattern.value, ":"):
		st.manyPatterns(pattern.setting)
	case !strings.HasPrefix(pattern.value, "/"):
		value = strings.Replace(value, pattern.value, st.root, 1)
		st.note(pattern.at, "%s is not a path, so the docroot was written in its place", pattern.value)
	default:
		also = pattern.value
		if rest := value[strings.Index(value, also)+len(also):]; rest != "" && rest[0] != '/' && rest[0] != ':' {
			st.note(pattern.at, "incpath replaced a part of a name, %s of %s%s; realdocd replaces whole names only", also, also, rest)
		}
	}
	// What nobody but the site's pool says goes with the site once it is taken out there.
	if !ofPool && !list.apache && list.section == "" && !st.mentions(value) && !replaced {
		st.pool.defaultIncludePath(list.setting)
		return
	}
	st.add("include_path", quote(value), list.at.String())
	if also != "" {
		st.add("search_replace_pattern", quote(also), pattern.at.String())
	}
}

// manyPatterns is for a pattern of several paths: what incpath did with it depends on
// the kind of PHP.
func (st *site) manyPatterns(pattern setting) {
	var elsewhere []string
	for _, p := range strings.Split(pattern.value, ":") {
		if p != "" && !incpath.Inside(p, st.base()) {
			elsewhere = append(elsewhere, p)
		}
	}
	st.note(pattern.at, "incpath.search_replace_pattern has several paths: as one text incpath replaced them, by the docroot in Apache and by their real paths in cli. "+
		"realdocd maps each path below the link by itself, so those need nothing")
	if len(elsewhere) > 0 {
		st.note(pattern.at, "not below the link, as far as is known: if each of them is another spelling of the docroot, add search_replace_pattern = %s",
			quote(strings.Join(elsewhere, ":")))
	}
}

// addPHPNotes says what becomes of the settings of incpath that are for all.
func (m *model) addPHPNotes() {
	last := map[string]setting{}
	for _, s := range m.php.settings {
		last[s.Key] = settingOf(s)
	}
	for _, server := range append(m.apache.hosts, m.apache.main) {
		for _, r := range server.rules {
			if r.key != "" && last[r.key].at == (place{}) {
				last[r.key] = setting{r.value, r.at}
			}
		}
	}
	for _, at := range sortedPlaces(m.used) {
		if !m.used[at] && at != (place{}) {
			m.notes = append(m.notes, note{at, "incpath.search_replace_pattern stands in no include_path, so incpath did nothing, and it was left out"})
		}
	}
	if s := last["incpath.docroot_sapi_list"]; s.value != "" {
		m.infos = append(m.infos, note{s.at, "incpath.docroot_sapi_list = " + s.value + " has no counterpart and needs none: realdocd maps include_path for every request"})
	}
	if s := last["incpath.realpath_sapi_list"]; s.value != "" {
		m.infos = append(m.infos, note{s.at, "incpath.realpath_sapi_list = " + s.value + ": on the command line, run PHP with: realdocd exec SITE -- php ..."})
	}
}
