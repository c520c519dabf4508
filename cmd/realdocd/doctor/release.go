package doctor

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
)

// checkReleases looks whether FPM can read what it is to run.
func (s *server) checkReleases() {
	dirs := s.openBasedir()
	for _, p := range s.roots {
		if len(dirs) > 0 && !allows(dirs, p.docrootForPHP()) {
			s.add(kindOpenBasedirExcludesRelease, s.at(p), fmt.Sprintf("open_basedir is %s, and the release %s is not inside.", strings.Join(dirs, ":"), p.Release),
				"Name "+p.openDirs()+".")
			continue
		}
		if s.answer != nil {
			s.checkReadable(p)
		}
	}
}

// at is a root as findings of the server name it.
func (s *server) at(p *root) Subject {
	at := p.subject()
	at.Pool, at.Server = s.pool.Name, string(s.addr)
	return at
}

func (s *server) checkReadable(p *root) {
	for _, path := range p.mustRead() {
		if bar, is := s.answer.Barred[path]; is {
			do := fmt.Sprintf("Let it: chmod o+rX %s, or give it to a group of FPM's user.", bar)
			if theirs := s.pool.InFPM(path); theirs != path {
				path, do = path+", which it has as "+theirs, fmt.Sprintf("Mount it there, correct map in [pool.%s], or let it: chmod o+rX %s.", s.pool.Name, bar)
			}
			s.add(kindReleaseUnreadable, s.at(p), fmt.Sprintf("PHP-FPM, as %s, cannot read %s: it may not pass %s.", s.userName(), path, bar), do)
			return
		}
	}
	n := 0
	for _, path := range p.closed {
		bar, is := s.answer.Barred[path]
		if dirs := s.openBasedir(); !is || len(dirs) > 0 && !allows(dirs, path) {
			continue // open_basedir is a finding of its own
		}
		if n++; n <= maxShown {
			at := s.at(p)
			at.File = path
			s.add(kindFileUnreadable, at, fmt.Sprintf("PHP-FPM, as %s, cannot read what the release has, or shares: it may not pass %s.", s.userName(), bar),
				fmt.Sprintf("Let it: chmod o+rX %s, and look at the umask of the deploy.", bar))
		}
	}
	if n == 0 {
		s.add(kindRelease, s.at(p), fmt.Sprintf("PHP-FPM, as %s, can read the release %s.", s.userName(), p.Release), "")
	}
}

// openBasedir are the directories that FPM limits PHP to; none if it does not. It may
// be why the probe does not run; then the pool's configuration tells.
func (s *server) openBasedir() []string {
	var value string
	if s.answer != nil {
		value = s.answer.INI["open_basedir"]
	} else if s.own != nil {
		value = s.own.PHP("open_basedir").Value
	}
	return slices.DeleteFunc(strings.Split(value, ":"), func(dir string) bool { return dir == "" })
}

// docrootForPHP is the docroot as PHP compares it with open_basedir.
func (p *root) docrootForPHP() string {
	if real, err := filepath.EvalSymlinks(p.ResolvedDocroot); err == nil {
		return real
	}
	return p.ResolvedDocroot
}

// allows says whether open_basedir lets PHP into a real path. PHP compares them component by
// component (php-src, main/fopen_wrappers.c).
func allows(dirs []string, path string) bool {
	return slices.ContainsFunc(dirs, func(dir string) bool {
		dir = filepath.Clean(dir)
		if real, err := filepath.EvalSymlinks(dir); err == nil {
			dir = real
		}
		return dir == "/" || below(path, []string{dir})
	})
}
