package migrate

import "strings"

// A grant is a <Directory> of Apache's, which it compares with the path that it serves.
type grant struct {
	at    place
	scope scope
	opens bool // it says Require all granted, or the like
}

// access takes what lets visitors into a directory.
func (a *apache) access(name string, args []string) {
	text := strings.ToLower(strings.Join(args, " "))
	opens := name == "require" && text == "all granted" || name == "allow" && text == "from all"
	if last := len(a.now.grants) - 1; opens && last >= 0 && a.within(a.now.grants[last].at) {
		a.now.grants[last].opens = true
	}
}

// within says whether the section that began there is open.
func (a *apache) within(at place) bool {
	for _, s := range a.stack {
		if s.at == at {
			return true
		}
	}
	return false
}

// addGrants names the <Directory> sections that hold for a release and not for the link:
// mod_realdoc had Apache serve the resolved path, and without it Apache serves the link's.
func (m *model) addGrants(st *site, s *server) {
	if st.real == "" || !m.usesRealdoc(s) {
		return
	}
	all := m.apache.main.grants
	if s != m.apache.main {
		all = append(all[:len(all):len(all)], s.grants...)
	}
	for _, g := range all {
		if g.opens && g.scope.dir != "/" && g.scope.covers(st.root) {
			return // the link is open itself
		}
	}
	for _, g := range all {
		if g.scope.covers(st.real) && !g.scope.covers(st.root) {
			st.note(g.at, "without mod_realdoc Apache compares <Directory> with the link's path, so that this one, %s, does not hold any more: have it for %s too, or visitors get a 403", g.scope.dir, st.link)
		}
	}
}

// usesRealdoc says whether mod_realdoc resolves the docroot of a server.
func (m *model) usesRealdoc(s *server) bool {
	main := m.apache.main
	return m.apache.modules["realdoc"] || s.every.isSet() || s.useReadlink.isSet() || main.every.isSet() || main.useReadlink.isSet()
}
