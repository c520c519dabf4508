package migrate

import (
	"cmp"
	"path"
	"slices"
	"strings"
)

// A model is what realdocd's configuration will have.
type model struct {
	files  files
	apache *apache
	php    *php

	sites []*site
	pools []*pool
	infos []note // notes on what needs nobody
	notes []note
	used  map[place]bool  // incpath's patterns that stand in an include_path
	names map[string]bool // of sites and pools, with "site." and "pool." before
}

// A site is a table [site.NAME].
type site struct {
	name    string
	docroot string // as realdocd takes it, maybe a pattern
	root    string // the same, as a path
	link    string // the first symlink on root; root if there is none
	real    string // root without symlinks; "" if it has none, or is not there
	from    []note // where it comes from
	pool    *pool
	keys    []key
	notes   []note
}

// A key is one of a table, with the comment on its line.
type key struct {
	name, value string // value in TOML
	comment     string
}

func newModel(a *apache, p *php) *model {
	return &model{apache: a, php: p, used: map[place]bool{}, names: map[string]bool{}}
}

func (m *model) build() {
	m.notes = append(m.notes, m.apache.notes...)
	m.notes = append(m.notes, m.apache.main.notes...)
	for _, host := range m.apache.hosts {
		m.addServer(host)
	}
	if m.apache.main.docroot.isSet() {
		m.addServer(m.apache.main)
	}
	m.namePools()
	m.dropSitesPaths()
	m.addPHPNotes()
}

// addServer makes a site of a server, or adds it to the one that has its docroot.
func (m *model) addServer(s *server) {
	main := m.apache.main
	docroot := s.docroot
	if !docroot.isSet() {
		docroot = main.docroot // as Apache merges
	}
	from := note{s.at, "<VirtualHost>"}
	if s == main {
		from = note{docroot.at, "the main server"}
	}
	if s.name.isSet() {
		from.text = "ServerName " + s.name.value
	}
	if why := unusable(docroot); why != "" {
		m.notes = append(m.notes, note{cmp.Or(from.at, docroot.at), from.text + ": " + why})
		m.notes = append(m.notes, s.ownNotes(main)...)
		return
	}
	root := path.Clean(docroot.value)
	if !s.pattern {
		root = strings.NewReplacer(`\`, `\\`, "*", `\*`, "?", `\?`, "[", `\[`).Replace(root)
	}
	made := m.makeSite(s, path.Clean(docroot.value), root)
	for _, other := range m.sites {
		if other.docroot == root {
			other.merge(made, from)
			return
		}
	}
	made.from = append([]note{from}, made.from...)
	made.name = m.unique("site.", siteName(s.name.value, root, made.link))
	m.sites = append(m.sites, made)
}

// ownNotes are the notes of a virtual host; those of the main server are in the head.
func (s *server) ownNotes(main *server) []note {
	if s == main {
		return nil
	}
	return s.notes
}

// unusable says why there is no site for a docroot; "" when there may be one.
func unusable(docroot setting) string {
	switch {
	case !docroot.isSet():
		return "has no DocumentRoot, so it is not a site"
	case variable.MatchString(docroot.value):
		return "its DocumentRoot has a variable that is not known, so it was left out: write out " + docroot.value
	case !isPlain(docroot.value):
		return "its DocumentRoot cannot be written in TOML, so it was left out"
	}
	return ""
}

// merge adds another server with the same docroot, as a site's second virtual host for
// https has it.
func (st *site) merge(other *site, from note) {
	st.from = append(st.from, from)
	st.notes = append(st.notes, other.notes...)
	st.notes = compact(st.notes)
	if other.pool != st.pool || !slices.EqualFunc(other.keys, st.keys, func(a, b key) bool { return a.name == b.name && a.value == b.value }) {
		st.notes = append(st.notes, note{from.at, "it has the same docroot with other settings. One docroot is one site: what is below is of " + st.from[0].at.String()})
	}
}

// compact leaves each note once.
func compact(notes []note) []note {
	var got []note
	for _, n := range notes {
		if !slices.Contains(got, n) {
			got = append(got, n)
		}
	}
	return got
}

// common are names of directories that say nothing of the site in them.
var common = []string{"", "current", "live", "public", "public_html", "htdocs", "html", "web", "www", "httpdocs", "var", "srv", "home", "app"}

// siteName is a name as in realdocd deploy NAME, from the host or the docroot.
func siteName(host, docroot, link string) string {
	if _, rest, ok := strings.Cut(host, "://"); ok {
		host = rest
	}
	host, _, _ = strings.Cut(host, ":")
	if name := plainName(strings.TrimPrefix(strings.ToLower(host), "www.")); name != "" {
		return name
	}
	for _, p := range []string{link, docroot} {
		parts := strings.Split(p, "/")
		slices.Reverse(parts)
		for _, part := range parts {
			if name := plainName(strings.ToLower(part)); name != "" && !slices.Contains(common, part) {
				return name
			}
		}
	}
	return "default"
}

// plainName makes a bare key of TOML of a text.
func plainName(s string) string {
	s = strings.Map(func(r rune) rune {
		if 'a' <= r && r <= 'z' || '0' <= r && r <= '9' || r == '_' || r == '-' {
			return r
		}
		return '-'
	}, s)
	return strings.Trim(s, "-")
}

// unique gives the name, or with a number behind it, when it is taken.
func (m *model) unique(kind, name string) string {
	got := name
	for n := 2; m.names[kind+got]; n++ {
		got = name + "-" + itoa(n)
	}
	m.names[kind+got] = true
	return got
}
