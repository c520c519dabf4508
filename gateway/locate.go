package gateway

import (
	"path"
	"path/filepath"
	"strings"

	"realdocd/deploy"
	"realdocd/gateway/pattern"
	"realdocd/incpath"
)

// maxPatternDocroots bounds how many docroots of a pattern are looked at for one
// DOCUMENT_ROOT.
const maxPatternDocroots = 256

// locate looks where a docroot belongs; nil for nowhere. It goes by the paths alone,
// and then by the way that the docroot takes on disk. Of several places it is the one
// that is nearest to it.
func (s *Server) locate(now *setup, docroot string) *arrival {
	l := locating{s: s, now: now, sent: docroot}
	for _, try := range []func(*site){l.tryKnown, l.tryDisk, l.tryExtra} {
		for _, st := range now.sites.all {
			try(st)
		}
		if l.found != nil {
			break
		}
	}
	if l.found != nil && l.found.site == nil {
		return nil
	}
	return l.found
}

// A locating is the search for one docroot.
type locating struct {
	s      *Server
	now    *setup
	sent   string
	way    deploy.Way // that it takes; none before it was walked
	walked bool
	found  *arrival
	depth  int // of what was found: the longest docroot wins
}

// tryKnown tries the docroots of a site whose releases are known.
func (l *locating) tryKnown(st *site) {
	if !st.IsGlob() {
		l.try(st, path.Clean(st.Docroot))
		return
	}
	for _, docroot := range st.releases.Docroots() {
		l.try(st, docroot)
	}
}

// tryDisk looks at a site's links.
func (l *locating) tryDisk(st *site) {
	if !l.walked {
		l.way, _ = deploy.Walk(l.sent)
		l.walked = true
	}
	docroots := []string{path.Clean(st.Docroot)}
	if st.IsGlob() {
		docroots = l.candidates(st)
	}
	for _, docroot := range docroots {
		l.s.look(st, docroot) // what fails, requests tell
		l.try(st, docroot)
	}
}

// try takes the docroot for the place where what was sent belongs, if it does.
func (l *locating) try(st *site, docroot string) {
	live := st.releases.Now(docroot)
	if live == nil || len(docroot) <= l.depth || st.IsGlob() && l.now.sites.find(docroot) != st {
		return
	}
	m := st.mapping(live)
	mapped, release, ok := l.byName(live, &m)
	var as, in string
	if !ok {
		if mapped, release, ok = l.byWay(live, &m); ok {
			as, in = commonEnd(l.sent, strings.TrimPrefix(mapped, live.Path))
		}
	}
	if !ok {
		mapped, release, ok = l.beside(live)
	}
	if !ok {
		mapped, release, ok = l.byHistory(st, live)
	}
	if !ok {
		return
	}
	at := &arrival{site: st, docroot: docroot, release: release, as: as, in: in}
	switch {
	case incpath.Inside(mapped, live.Docroot):
		at.below = mapped[len(live.Docroot):]
	case incpath.Inside(mapped, live.RealDocroot()):
		at.below = mapped[len(live.RealDocroot()):]
	case st.isExtra(mapped, &m):
		at.extra = l.sent
	default:
		return
	}
	l.found, l.depth = at, len(docroot)
}

// byName goes by the paths that lead to the release, and those of the releases beside
// it. release is the one that is named, "" for the link.
func (l *locating) byName(live *deploy.Release, m *incpath.Mapping) (mapped, release string, ok bool) {
	mapped, ok = m.Path(l.sent)
	return mapped, releaseOf(l.sent, live), ok
}

// byWay goes by the way that was walked: it passes the site's link, or ends in a
// release.
func (l *locating) byWay(live *deploy.Release, m *incpath.Mapping) (mapped, release string, ok bool) {
	for _, link := range l.way.Links {
		if link.Path == live.Link {
			return live.Path + link.Below, "", true
		}
	}
	if l.way.End == "" || l.way.End == l.sent {
		return "", "", false
	}
	mapped, ok = m.Path(l.way.End)
	return mapped, releaseOf(l.way.End, live), ok
}

// beside goes by what lies beside the release, or beside the directory that it comes
// to in the end, and has the same way down.
func (l *locating) beside(live *deploy.Release) (mapped, release string, ok bool) {
	for _, known := range []string{live.Path, live.Home()} {
		rest, ok := besideRelease(l.sent, known, live.Below())
		if !ok {
			continue
		}
		dir := path.Dir(known)
		release = dir + "/" + firstName(l.sent[len(dir):])
		if named := live.NameOf(release); named != "" {
			return live.Path + rest, named, true
		}
	}
	return "", "", false
}

// byHistory goes by the releases that were live once.
func (l *locating) byHistory(st *site, live *deploy.Release) (mapped, release string, ok bool) {
	for _, past := range l.s.history.releasesOf(st.HistoryOf(), live.Link) {
		if incpath.Inside(l.sent, past+live.Below()) && live.HasDocroot(past) {
			return live.Path + l.sent[len(past):], past, true
		}
	}
	return "", "", false
}

// tryExtra tries the extra roots of a site outside of its link. If several sites have
// one, it belongs to the first if they share a pool, and else to none.
func (l *locating) tryExtra(st *site) {
	for _, root := range st.ExtraRoots {
		if st.IsGlob() || !incpath.Inside(l.sent, path.Clean(root)) {
			continue
		}
		switch {
		case l.found == nil:
			l.found = &arrival{site: st, docroot: path.Clean(st.Docroot), extra: l.sent}
		case l.found.site != nil && l.found.site.pool != st.pool:
			l.found = &arrival{}
		}
		return
	}
}

// isExtra says whether a path of the release is in an extra root.
func (s *site) isExtra(mapped string, m *incpath.Mapping) bool {
	for _, root := range s.ExtraRoots {
		in, _ := m.Path(root)
		if incpath.Inside(mapped, path.Clean(in)) {
			return true
		}
	}
	return false
}

// releaseOf is the release that a path is in by its own name; "" if it is written by
// the link.
func releaseOf(path string, live *deploy.Release) string {
	for _, s := range live.Spellings() {
		if incpath.Inside(path, s[0]) {
			return ""
		}
	}
	if known := live.KinOf(path); known != "" {
		return known
	}
	if roof := live.Roof(); roof != "" && incpath.Inside(path, roof) {
		return roof + "/" + firstName(path[len(roof):])
	}
	return ""
}

// candidates are the docroots of a pattern that could be meant: those that have the
// beginning of the path in common, or else all.
func (l *locating) candidates(st *site) []string {
	for _, sent := range []string{l.sent, l.way.End} {
		if narrow := pattern.Narrow(path.Clean(st.Docroot), sent); narrow != "" {
			if found, _ := filepath.Glob(narrow); len(found) > 0 {
				return found[:min(len(found), maxPatternDocroots)]
			}
		}
	}
	found, _ := filepath.Glob(st.Docroot)
	return found[:min(len(found), maxPatternDocroots)]
}

// commonEnd takes off two paths the names at the end that they have in common.
func commonEnd(a, b string) (string, string) {
	for b != "" {
		at, bt := strings.LastIndexByte(a, '/'), strings.LastIndexByte(b, '/')
		if at < 0 || bt < 0 || a[at:] != b[bt:] {
			break
		}
		a, b = a[:at], b[:bt]
	}
	return a, b
}

// firstName is the first name of a path below something, as of "/42/public".
func firstName(below string) string {
	name, _, _ := strings.Cut(strings.TrimLeft(below, "/"), "/")
	return name
}
