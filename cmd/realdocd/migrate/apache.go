package migrate

import (
	"path"
	"regexp"
	"strings"
)

// apache is Apache's configuration while it is read.
type apache struct {
	files   files             // of the path that is read
	tree    *tree             // that Apache's own configuration is of
	root    string            // ServerRoot
	vars    map[string]string // Define, and the environment
	defined map[string]bool
	modules map[string]bool // by names without mod_ and _module; empty: none is known

	main  *server
	hosts []*server
	now   *server // main, or the virtual host that is read
	stack []section

	members  map[string][]string // of balancers
	external map[string]string   // FastCgiExternalServer
	modPHP   place               // has PHP run inside Apache
	notes    []note
	noted    map[string]bool
	depth    int
}

// A server is the main server or a virtual host.
type server struct {
	at          place
	name        setting
	docroot     setting
	pattern     bool    // docroot is one, from VirtualDocumentRoot
	every       setting // RealpathEvery
	useReadlink setting
	rules       []rule
	aliases     []alias
	grants      []grant
	notes       []note

	timeout, proxyTimeout, backendTimeout setting
}

// A rule is what is said of PHP for all or a part of a server: a setting of PHP, or
// who runs it.
type rule struct {
	scope scope
	at    place
	// key is PHP's, or "" for a handler, whose backend is in value.
	key, value string
	admin      bool
}

func newApache() *apache {
	main := &server{}
	return &apache{
		root: "/etc/apache2", main: main, now: main,
		vars: map[string]string{}, defined: map[string]bool{}, modules: map[string]bool{},
		members: map[string][]string{}, external: map[string]string{}, noted: map[string]bool{},
	}
}

// readMain reads Apache's own file, whose paths are relative to root until it says
// otherwise.
func (a *apache) readMain(file, root string) error {
	a.root = root
	if err := a.readEnvironment(root); err != nil {
		return err
	}
	return a.readFile(file)
}

// readPart reads a file that Apache's own includes, without that one.
func (a *apache) readPart(file string) error {
	a.root = path.Dir(file)
	for dir := a.root; dir != "/" && dir != "."; dir = path.Dir(dir) {
		for _, main := range apacheMains {
			if a.files.isFile(path.Join(dir, main)) {
				a.root = dir
				if err := a.readEnvironment(dir); err != nil {
					return err
				}
				return a.readFile(file)
			}
		}
	}
	return a.readFile(file)
}

// mostNested is Apache's own limit of includes in includes.
const mostNested = 128

func (a *apache) readFile(file string) error {
	text, err := a.files.Read(file)
	if err != nil {
		return err
	}
	if a.depth++; a.depth > mostNested {
		return errorAt(place{File: file}, "it is included by itself, or %d files deep: take one Include out", mostNested)
	}
	defer func() { a.depth-- }()
	return a.readText(file, text)
}

func (a *apache) readText(file, text string) error {
	before := len(a.stack)
	for _, l := range lines(text) {
		at := place{File: file, Line: l.number}
		var err error
		switch {
		case strings.HasPrefix(l.text, "</"):
			err = a.closeSection(strings.TrimSpace(strings.TrimSuffix(l.text[2:], ">")), before, at)
		case l.text[0] == '<':
			err = a.openSection(strings.TrimSuffix(l.text[1:], ">"), at)
		case !a.skips():
			word, args := cutWord(l.text)
			err = a.directive(strings.ToLower(word), a.expand(args), at)
		}
		if err != nil {
			return err
		}
	}
	if len(a.stack) > before {
		open := a.stack[len(a.stack)-1]
		return errorAt(open.at, "<%s> is not closed in this file", open.name)
	}
	return nil
}

var variable = regexp.MustCompile(`\$\{([^}]+)\}`)

// expand puts in variables; what is not known stays, as in Apache.
func (a *apache) expand(s string) string {
	return variable.ReplaceAllStringFunc(s, func(v string) string {
		if value, ok := a.vars[v[2:len(v)-1]]; ok {
			return value
		}
		return v
	})
}

// absolute makes a path one below ServerRoot, as Apache does.
func (a *apache) absolute(p string) string {
	if path.IsAbs(p) {
		return path.Clean(p)
	}
	return path.Join(a.root, p)
}

// note notes something of the server that is read.
func (a *apache) note(at place, text string) { a.now.notes = append(a.now.notes, note{at, text}) }

// noteOnce notes something that one place is enough for.
func (a *apache) noteOnce(at place, text string) {
	if !a.noted[text] {
		a.noted[text] = true
		a.notes = append(a.notes, note{at, text})
	}
}
