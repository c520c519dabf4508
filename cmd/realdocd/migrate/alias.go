package migrate

import (
	"io/fs"
	"path"
	"slices"
	"strings"

	"realdocd/incpath"
)

// An alias is a directory outside of a docroot from which Apache serves some URLs.
type alias struct {
	at       place
	url, dir string
}

// aliasDirective takes Alias URL DIRECTORY, or Alias DIRECTORY inside <Location>.
func (a *apache) aliasDirective(args []string, at place) {
	url := "the <Location>"
	if len(args) > 1 {
		url, args = args[0], args[1:]
	}
	a.now.aliases = append(a.now.aliases, alias{at, url, a.absolute(args[0])})
}

// addAliases lets scripts of aliases run: realdocd refuses those outside of the docroot.
func (m *model) addAliases(st *site, s *server) {
	all := m.apache.main.aliases
	if s != m.apache.main {
		all = slices.Concat(s.aliases, all)
	}
	var roots, from []string
	for _, a := range all {
		dir := path.Clean(a.dir)
		if incpath.Inside(dir, st.root) || slices.Contains(roots, dir) || !path.IsAbs(dir) || !isPlain(dir) || dir == "/" {
			continue
		}
		has, known := m.files.hasPHP(dir)
		if known && !has {
			continue
		}
		if !known {
			st.note(a.at, "Alias %s %s: there is no such directory here, so take it out of extra_roots if no PHP is in it", a.url, dir)
		}
		roots, from = append(roots, dir), append(from, a.at.String())
	}
	if len(roots) == 0 {
		return
	}
	quoted := make([]string, len(roots))
	for i, root := range roots {
		quoted[i] = quote(root)
	}
	st.add("extra_roots", "["+strings.Join(quoted, ", ")+"]", strings.Join(from, ", ")+": their scripts get a 403 otherwise")
}

// mostLooked is after how many entries a look for PHP is given up.
const mostLooked = 5000

// hasPHP says whether there is PHP below a directory; known is false if that cannot be told.
func (f files) hasPHP(dir string) (has, known bool) {
	if !f.isDir(dir) {
		return false, false
	}
	looked := 0
	err := fs.WalkDir(f.FS, name(dir), func(file string, _ fs.DirEntry, err error) error {
		if looked++; looked > mostLooked {
			return fs.ErrInvalid
		}
		if strings.HasSuffix(file, ".php") || strings.HasSuffix(file, ".phtml") {
			has = true
			return fs.SkipAll
		}
		return err
	})
	return has, err == nil
}
