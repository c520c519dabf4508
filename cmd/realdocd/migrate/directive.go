package migrate

import (
	"errors"
	"io/fs"
	"path"
	"regexp"
	"strconv"
	"strings"
)

// directive takes one directive, in lower case, with its arguments as text.
func (a *apache) directive(name, text string, at place) error {
	args := words(text)
	if len(args) == 0 {
		return nil // none that matters goes without
	}
	first := setting{args[0], at}
	s := a.now
	switch name {
	case "include", "includeoptional":
		return a.include(args[0], name == "include", at)
	case "serverroot":
		a.root = path.Clean(args[0])
	case "define":
		a.defined[args[0]] = true
		if len(args) > 1 {
			a.vars[args[0]] = args[1]
		}
	case "undefine":
		delete(a.defined, args[0])
		delete(a.vars, args[0])
	case "loadmodule":
		a.modules[moduleName(args[0])] = true
		if len(args) > 1 {
			a.modules[moduleName(args[1])] = true
		}
		if phpModule.MatchString(args[0]) {
			a.modPHP = at
		}
	case "alias":
		a.aliasDirective(args, at)
	case "aliasmatch":
		a.note(at, "AliasMatch is not understood: name the directory in extra_roots if there is PHP in it, or its scripts get a 403")
	case "userdir":
		if !strings.EqualFold(args[0], "disabled") {
			a.noteOnce(at, "UserDir: PHP in the directories of users is outside of every docroot, and gets a 403: add a site such as docroot = \"/home/*/public_html\", or name them in extra_roots")
		}
	case "require", "allow":
		a.access(name, args)
	case "timeout", "proxytimeout":
		a.timeoutDirective(name, first)
	case "proxyset":
		if a.proxiesFastCGI() {
			a.backendTimeout(args, at)
		}
	case "assignuserid", "suexecusergroup":
		a.note(at, "PHP ran as user "+args[0]+" here: give the site a pool of PHP-FPM with that user")
	case "proxyfcgisetenvif":
		if strings.Contains(text, "SCRIPT_FILENAME") || strings.Contains(text, "DOCUMENT_ROOT") {
			a.note(at, "ProxyFCGISetEnvIf changes what realdocd finds the site and the script by: see what it is for, and whether it is needed still")
		}
	case "servername":
		s.name = first
	case "documentroot":
		s.docroot, s.pattern = setting{a.absolute(args[0]), at}, false
	case "virtualdocumentroot", "virtualdocumentrootip":
		s.docroot, s.pattern = setting{vhostPattern(a.absolute(args[0])), at}, true
	case "realpathevery":
		if _, err := strconv.ParseUint(args[0], 10, 32); err != nil {
			return errorAt(at, "RealpathEvery: want a number of seconds, not %q", args[0])
		}
		if args[0] != "0" { // as mod_realdoc merges: 0 is not set
			s.every = first
		}
	case "usereadlink":
		s.useReadlink = first
	case "use":
		a.noteOnce(at, "Use is not understood: write out what the macro makes, and run realdocd migrate on that")
	case "php_value", "php_flag", "php_admin_value", "php_admin_flag":
		a.phpValue(args, strings.HasPrefix(name, "php_admin_"), at)
	default:
		a.handler(name, args, at)
	}
	return nil
}

var phpModule = regexp.MustCompile(`^php\d*_module$`)

// vhostPattern turns the %0, %2.1+ of VirtualDocumentRoot into *, and keeps the rest
// from being taken for a pattern.
func vhostPattern(p string) string {
	p = strings.NewReplacer("*", `\*`, "?", `\?`, "[", `\[`).Replace(p)
	p = regexp.MustCompile(`%(p|-?\d+\+?(\.-?\d+\+?)?)`).ReplaceAllString(p, "*")
	return strings.ReplaceAll(p, "%%", "%")
}

// include reads what an Include names. A directory stands for all that is in it, as
// in Apache.
func (a *apache) include(pattern string, must bool, at place) error {
	p := a.absolute(pattern)
	if !strings.ContainsAny(p, "*?[") {
		switch _, err := fs.Stat(a.files.FS, name(p)); {
		case a.files.isDir(p):
			return a.includeDir(p, 0)
		case !errors.Is(err, fs.ErrNotExist):
			return a.readFile(p)
		case must:
			return errorAt(at, "Include: there is no %s; paths in it are relative to ServerRoot, which is %s", p, a.root)
		}
		return nil
	}
	for _, found := range a.files.Glob(p) {
		var err error
		if a.files.isDir(found) {
			err = a.includeDir(found, 0)
		} else {
			err = a.readFile(found)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (a *apache) includeDir(dir string, depth int) error {
	const deepest = 20 // a symlink may lead round and round
	entries, err := a.files.list(dir)
	if err != nil || depth > deepest {
		return err
	}
	for _, p := range entries {
		if a.files.isDir(p) {
			err = a.includeDir(p, depth+1)
		} else {
			err = a.readFile(p)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (a *apache) phpValue(args []string, admin bool, at place) {
	value := ""
	if len(args) > 1 && args[1] != "none" {
		value = args[1]
	}
	a.addRule(rule{key: args[0], value: value, admin: admin, at: at})
}

func (a *apache) addRule(r rule) {
	r.scope = a.scope()
	a.now.rules = append(a.now.rules, r)
}
