package migrate

import (
	"path"
	"regexp"
	"strings"
)

// A section is one that is open: <Directory …> and its like.
type section struct {
	name  string // as written
	at    place
	skip  bool   // what is in it is not in force, or not understood
	scope *scope // what it narrows, or nil

	balancer string // of <Proxy balancer://…>
}

func (s section) is(name string) bool { return strings.EqualFold(s.name, name) }

// skips says whether the lines that come are left out.
func (a *apache) skips() bool { return len(a.stack) > 0 && a.stack[len(a.stack)-1].skip }

func (a *apache) openSection(text string, at place) error {
	name, rest := cutWord(strings.TrimSpace(text))
	s := section{name: name, at: at, skip: a.skips()}
	if !s.skip {
		args := words(a.expand(strings.TrimSpace(rest)))
		if err := a.begin(&s, args); err != nil {
			return err
		}
	}
	a.stack = append(a.stack, s)
	return nil
}

func (a *apache) begin(s *section, args []string) error {
	first := ""
	if len(args) > 0 {
		first = args[0]
	}
	switch strings.ToLower(s.name) {
	case "virtualhost":
		if a.now != a.main {
			return errorAt(s.at, "<VirtualHost> inside the <VirtualHost> of %s: is its end missing?", a.now.at)
		}
		a.now = &server{at: s.at}
		a.hosts = append(a.hosts, a.now)
	case "ifmodule":
		s.skip = !condition(first, a.isLoaded)
	case "ifdefine":
		s.skip = !condition(first, func(name string) bool { return a.defined[name] })
	case "iffile":
		s.skip = !condition(first, func(p string) bool { return a.files.isFile(a.absolute(p)) || a.files.isDir(a.absolute(p)) })
	case "ifversion", "ifdirective", "ifsection":
		a.note(s.at, "<"+s.name+"> is taken to hold: look whether it does")
	case "if", "elseif", "else":
		s.skip = true
		a.note(s.at, "<"+s.name+"> is decided for each request, and was left out: what it says of PHP has no counterpart here")
	case "macro":
		s.skip = true
		a.noteOnce(s.at, "<Macro> is not understood: write out what its Use makes, and run realdocd migrate on that")
	case "proxy":
		s.balancer = first
	default:
		s.scope = a.scopeOf(s, args)
		if sc := s.scope; sc != nil && (sc.kind == inDirectory || sc.kind == inDirectoryMatch) {
			a.now.grants = append(a.now.grants, grant{at: s.at, scope: *sc})
		}
	}
	return nil
}

// condition reads the argument of <IfModule> and the like, which a ! turns round.
func condition(arg string, is func(string) bool) bool {
	if name, not := strings.CutPrefix(arg, "!"); not {
		return !is(name)
	}
	return is(arg)
}

// closeSection closes the section that is open, which must have been opened in this
// file, as the first so many were not.
func (a *apache) closeSection(name string, before int, at place) error {
	last := len(a.stack) - 1
	if last < before {
		return errorAt(at, "</%s> closes nothing", name)
	}
	open := a.stack[last]
	if !open.is(name) {
		return errorAt(at, "</%s> comes before the end of the <%s> of line %d", name, open.name, open.at.Line)
	}
	a.stack = a.stack[:last]
	if open.is("virtualhost") && !open.skip {
		a.now = a.main
	}
	return nil
}

// moduleName is that of mod_php5.c, of php5_module and of modules/mod_php5.so: php5.
func moduleName(s string) string {
	s = strings.TrimSuffix(strings.TrimSuffix(path.Base(s), ".c"), ".so")
	return strings.TrimPrefix(strings.TrimSuffix(s, "_module"), "mod_")
}

// builtIn are modules that Apache has without LoadModule.
var builtIn = map[string]bool{
	"core": true, "http_core": true, "http": true, "so": true, "unixd": true,
	"log_config": true, "logio": true, "version": true, "watchdog": true,
}

// isLoaded takes every module to be there when no LoadModule was read, as when only
// the files of the sites were given.
func (a *apache) isLoaded(module string) bool {
	module = moduleName(module)
	return len(a.modules) == 0 || a.modules[module] || builtIn[module]
}

// kinds of scopes, in the order in which Apache merges them.
const (
	inServer = iota
	inDirectory
	inDirectoryMatch
	inFiles
	inLocation
)

// A scope is the part of a server that a section is for.
type scope struct {
	kind  int
	dir   string         // of <Directory>, and of one around <Files>; may be a pattern
	match *regexp.Regexp // of <DirectoryMatch>
	some  bool           // only some files or URLs, so that it is not for the site
}

// scopeOf is the scope of a section that narrows the one around it; nil for others.
func (a *apache) scopeOf(s *section, args []string) *scope {
	kind := strings.ToLower(s.name)
	isMatch := strings.HasSuffix(kind, "match")
	if len(args) > 1 && args[0] == "~" {
		args, isMatch = args[1:], true
	}
	if len(args) == 0 {
		return nil
	}
	sc := a.scope()
	switch strings.TrimSuffix(kind, "match") {
	case "directory":
		sc.kind, sc.dir = inDirectory, a.absolute(args[0])
		if isMatch {
			re, err := regexp.Compile(args[0])
			if err != nil {
				a.note(s.at, "the pattern of this <"+s.name+"> is not understood, so it was left out: "+args[0])
				re = regexp.MustCompile(`$.^`) // nothing
			}
			sc.kind, sc.match = inDirectoryMatch, re
		}
	case "files":
		sc.kind = max(sc.kind, inFiles)
		sc.some = sc.some || !isMatch && !strings.Contains(args[0], "*") || isMatch && !strings.Contains(args[0], "ph")
	case "location":
		sc.kind = inLocation
		sc.some = sc.some || !isMatch && args[0] != "/" && args[0] != "/*" || isMatch && !strings.Contains(args[0], "ph")
	default:
		return nil
	}
	return &sc
}

// scope is that of what is read now.
func (a *apache) scope() scope {
	for i := len(a.stack) - 1; i >= 0; i-- {
		if a.stack[i].scope != nil {
			return *a.stack[i].scope
		}
	}
	return scope{}
}

// covers says whether the scope is for a whole site with this docroot.
func (s scope) covers(docroot string) bool {
	switch {
	case s.some:
		return false
	case s.match != nil:
		return s.match.MatchString(docroot) || s.match.MatchString(docroot+"/")
	case s.dir == "":
		return true
	}
	for dir := docroot; ; dir = path.Dir(dir) {
		if ok, err := path.Match(s.dir, dir); err == nil && ok || dir == s.dir {
			return true
		}
		if dir == "/" || dir == "." {
			return false
		}
	}
}

// touches says whether the scope is for a part of such a site.
func (s scope) touches(docroot string) bool {
	if s.dir != "" && s.match == nil {
		return s.some && scope{dir: s.dir}.covers(docroot) || strings.HasPrefix(s.dir, strings.TrimSuffix(docroot, "/")+"/")
	}
	return s.some
}
