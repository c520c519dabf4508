package migrate

import (
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"

	"realdocd/incpath"
)

func itoa(n int) string { return strconv.Itoa(n) }

// makeSite decides what a server's site is.
func (m *model) makeSite(s *server, root, docroot string) *site {
	main := m.apache.main
	st := &site{docroot: docroot, root: root, notes: slices.Clone(s.ownNotes(main))}
	after := m.addResolution(st, merged(s.useReadlink, main.useReadlink))
	m.findLink(st, after, s.pattern)
	if after != "" {
		st.add("link_after", quote(after), "")
	}
	if every := merged(s.every, main.every); every.isSet() {
		seconds, _ := strconv.ParseUint(every.value, 10, 32)
		st.add("realpath_every", quote(fmt.Sprintf("%ds", seconds)), every.at.String()+`; "0s" is cheap, and shows a flip at once`)
	}
	rules := m.rulesFor(s, st)
	m.choosePool(st, s, rules)
	m.addPHP(st, s, rules)
	m.addAliases(st, s)
	m.addTimeout(st, s)
	m.addGrants(st, s)
	return st
}

// merged is a virtual host's own setting, or that of the main server.
func merged(own, main setting) setting {
	if own.isSet() {
		return own
	}
	return main
}

func (st *site) add(name, value, comment string) {
	st.keys = append(st.keys, key{name, value, comment})
}

func (st *site) note(at place, format string, args ...any) {
	st.notes = append(st.notes, note{at, fmt.Sprintf(format, args...)})
}

// addResolution takes UseReadlink. It gives the directory below which the link is.
func (m *model) addResolution(st *site, use setting) (after string) {
	switch {
	case !use.isSet() || strings.EqualFold(use.value, "off"):
		return ""
	case !strings.EqualFold(use.value, "on") && !path.IsAbs(use.value):
		st.note(use.at, "UseReadlink %s is neither On nor a path, and was left out", use.value)
		return ""
	}
	st.add("resolve", `"readlink"`, use.at.String())
	if !path.IsAbs(use.value) {
		return ""
	}
	after = path.Clean(use.value)
	if !isPlain(after) || after == "/" || !strings.HasPrefix(st.root, after+"/") {
		st.note(use.at, "UseReadlink %s is not a directory above the docroot, so link_after was left out", use.value)
		return ""
	}
	return after
}

// findLink looks for the site's link in the file system.
func (m *model) findLink(st *site, after string, pattern bool) {
	st.link = st.root
	if pattern {
		return
	}
	links, exists := m.files.symlinks(st.root)
	links = slices.DeleteFunc(links, func(l symlink) bool { return after != "" && !strings.HasPrefix(l.path, after+"/") })
	switch {
	case len(links) == 0 && !exists:
		where := "this machine"
		if m.files.FS.isCopy() {
			where = "the copy in " + m.files.FS.below
		}
		st.from = append(st.from, note{place{}, "the link was not looked for, as " + where + " has no " + st.root})
		return
	case len(links) == 0:
		st.note(place{}, "%s has no symlink on its path, so it is its own release, and a deploy cannot be seen: put a symlink in its place", st.root)
		return
	}
	st.link = links[0].path
	if real := m.files.real(st.root); real != st.root {
		st.real = real
	}
	st.from = append(st.from, note{place{}, "link " + links[0].path + " -> " + links[0].target})
	if len(links) > 1 && after == "" {
		last := links[len(links)-1].path
		st.note(place{}, "there are several symlinks on the path, and realdocd takes the first, %s, for the link. If a deploy flips %s, set link_after = %s",
			links[0].path, last, quote(path.Dir(last)))
	}
}

// rulesFor are the rules that hold for all of a site, in Apache's order: the last one
// wins. Rules for a part of it become notes.
func (m *model) rulesFor(s *server, st *site) []rule {
	all := m.apache.main.rules
	if s != m.apache.main {
		all = slices.Concat(all, s.rules)
	}
	var got []rule
	for _, r := range all {
		switch {
		case r.scope.covers(st.root), st.real != "" && r.scope.covers(st.real):
			got = append(got, r)
		case !r.scope.touches(st.root):
		case r.key == "":
			if m.apache.servers(r.value) != nil {
				st.note(r.at, "another PHP-FPM runs a part of this site: give that a virtual host of its own, or let Apache ask it without realdocd")
			}
		case r.key == "engine" && !isOn(r.value):
			st.note(r.at, "engine off keeps PHP from running in a part of the site, and holds for PHP inside of Apache alone: say <FilesMatch \\.ph> SetHandler none </FilesMatch> there, or what is uploaded runs")
		case r.key == "include_path":
			st.note(r.at, "include_path for a part of the site has no counterpart: set it in a .user.ini there, or with set_include_path(), from $_SERVER['DOCUMENT_ROOT']")
		}
	}
	slices.SortStableFunc(got, func(a, b rule) int {
		if a.scope.kind != b.scope.kind || a.scope.kind != inDirectory {
			return a.scope.kind - b.scope.kind
		}
		return strings.Count(a.scope.dir, "/") - strings.Count(b.scope.dir, "/")
	})
	return got
}

// isOn reads a flag as PHP does.
func isOn(flag string) bool {
	return slices.Contains([]string{"1", "on", "yes", "true"}, strings.ToLower(flag))
}

// addPHP takes the settings of PHP: include_path and those of incpath become keys, the
// rest moves to FPM.
func (m *model) addPHP(st *site, s *server, rules []rule) {
	settings := m.php.forSite(st.root, s.name.value)
	set := func(r rule, x phpSetting) {
		if before := settings[r.key]; !before.admin || r.admin {
			x.setting, x.admin = setting{r.value, r.at}, r.admin
			settings[r.key] = x
		}
	}
	var moved []rule
	for _, r := range rules {
		if r.key != "" {
			set(r, phpSetting{apache: true})
			moved = append(moved, r)
		}
	}
	if fpm := st.pool.fpm; fpm != nil {
		for _, s := range fpm.PHPSettings() {
			set(rule{key: s.Key, value: s.Value, admin: s.Admin, at: s.At}, phpSetting{pool: true})
		}
	}
	m.addIncludePath(st, settings)
	m.addHtaccess(st)
	for _, r := range moved {
		if r.key != "include_path" && !strings.HasPrefix(r.key, "incpath.") {
			st.noteMove(r, fpmDirective(r))
		}
	}
	for _, key := range sortedKeys(settings) {
		if x := settings[key]; strings.HasPrefix(x.section, "PATH") && key != "include_path" && !strings.HasPrefix(key, "incpath.") {
			st.note(x.at, "[%s] of php.ini: PHP compares it with the path of the release now, which is another after each deploy. Move %s to the pool of PHP-FPM", x.section, key)
		}
	}
}

// fpmDirective is a rule as FPM's pools have it, without the value.
func fpmDirective(r rule) string {
	if r.admin {
		return "php_admin_value[" + r.key + "]"
	}
	return "php_value[" + r.key + "]"
}

// noteMove says where a setting of mod_php goes.
func (st *site) noteMove(r rule, directive string) {
	text := fmt.Sprintf("%s = %s goes into the pool of PHP-FPM, as %[3]s = %[2]s", r.key, r.value, directive)
	if !r.admin {
		text += ", or into .user.ini"
	}
	switch {
	case !st.mentions(r.value):
	case r.key == "open_basedir":
		text += "; it is compared with real paths, so add the directory of the releases"
	default:
		text += "; PHP follows the link in it by itself, so it may be of another release than the request"
	}
	st.notes = append(st.notes, note{r.at, text})
}

// addHtaccess says what is set in the docroot's .htaccess, which mod_php reads for each
// request and nobody else can.
func (m *model) addHtaccess(st *site) {
	file := path.Join(st.root, ".htaccess")
	text, err := m.files.Read(file)
	if err != nil {
		return // as far as can be seen, there is none
	}
	for _, l := range lines(text) {
		if word, _ := cutWord(strings.ToLower(l.text)); strings.HasPrefix(word, "php_") {
			st.note(place{File: file, Line: l.number}, "%s: put it into .user.ini; without mod_php Apache answers 500 to it", l.text)
		}
	}
}

// mentions says whether a list of paths has one below the link.
func (st *site) mentions(list string) bool {
	return slices.ContainsFunc(strings.Split(list, ":"), func(entry string) bool { return incpath.Inside(entry, st.base()) })
}

// base is the link. If none is known, it is the directory that it may be: /srv/shop for
// /srv/shop/public.
func (st *site) base() string {
	if st.link != st.root || !slices.Contains(common, path.Base(st.root)) || slices.Contains(common, path.Base(path.Dir(st.root))) {
		return st.link
	}
	return path.Dir(st.root)
}
