package doctor

import (
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"realdocd/deploy"
	"realdocd/deploy/code"
	"realdocd/incpath"
)

const (
	codeTimeout = 30 * time.Second // for all releases, so that there is time left for the rest
	maxCodeFile = 1 << 20          // a larger file is not read: it was made by a program
	maxShown    = 20               // findings of one kind in one release
	maxClosed   = 100              // files of one release that FPM is asked about
)

// leftOut are directories that no request includes anything from, and that can be
// very large. vendor and the framework's caches are read: a compiled container
// has absolute paths.
var leftOut = []string{".git", ".hg", ".svn", "node_modules"}

// readCode looks through the live releases, and what they share, for what leads out of
// them: code and symlinks that name the link, or another release.
func (x *examination) readCode() {
	ctx, cancel := context.WithTimeout(x.ctx, codeTimeout)
	defer cancel()
	read := map[string]bool{}
	for _, p := range x.roots {
		if !p.HasLink() || read[p.Release] {
			continue
		}
		read[p.Release] = true
		x.readRelease(ctx, p)
	}
}

// A codeReading is the reading of one release.
type codeReading struct {
	ctx     context.Context
	root    *root
	names   []string // of the link
	others  *others
	mapped  bool // PHP-FPM has other paths
	files   int
	found   map[kind][]Finding
	order   []kind // of found
	skipped int    // files that are too large, or cannot be read
	shared  []sharedPath
}

func (x *examination) readRelease(ctx context.Context, p *root) {
	r := &codeReading{ctx: ctx, root: p, names: p.namesOf(), others: p.others(), found: map[kind][]Finding{}}
	for _, pool := range x.config.Pools {
		r.mapped = r.mapped || pool.Name == p.poolOf() && len(pool.Map) > 0
	}
	err := filepath.WalkDir(p.Home, r.visit)
	if err == nil {
		err = r.readShared()
	}
	r.checkDeclared()
	p.shared = r.sharedDirs()
	if err != nil || r.skipped > 0 {
		why := fmt.Sprintf("%d files are larger than 1 MiB or cannot be read", r.skipped)
		if err != nil {
			why = err.Error()
		}
		x.add(kindCodeLeftOut, p.subject(), fmt.Sprintf("Not all of the release %s was read: %s.", p.Release, why), "")
	}
	for _, k := range r.order {
		all := r.found[k]
		x.findings = append(x.findings, all[:min(len(all), maxShown)]...)
		if more := len(all) - maxShown; more > 0 {
			x.add(k, p.subject(), fmt.Sprintf("There are %d more of these in the release.", more), "")
		}
	}
	if !slices.ContainsFunc(r.order, func(k kind) bool { return k.severity != Note }) {
		x.add(kindCode, p.subject(), fmt.Sprintf("None of %d files of the release leads out of it.", r.files), "")
	}
}

func (r *codeReading) visit(file string, entry fs.DirEntry, err error) error {
	switch {
	case r.ctx.Err() != nil:
		return fmt.Errorf("the time was over after %d files", r.files)
	case err != nil:
		r.skipped++
		return nil
	case entry.IsDir() && slices.Contains(leftOut, entry.Name()):
		return fs.SkipDir
	case entry.Type()&fs.ModeSymlink != 0:
		r.checkSymlink(file)
	case entry.Type().IsRegular() && code.LanguageOf(entry.Name()) != code.Other:
		r.read(file, code.LanguageOf(entry.Name()))
	}
	return nil
}

// text reads a file that is not too long.
func (r *codeReading) text(file string) (text []byte, fi fs.FileInfo) {
	r.files++
	fi, err := os.Lstat(file)
	if err == nil && fi.Size() <= maxCodeFile {
		if text, err = deploy.ReadRegular(file, maxCodeFile); err == nil {
			return text, fi
		}
	}
	r.skipped++
	return nil, fi
}

func (r *codeReading) read(file string, lang code.Language) {
	text, fi := r.text(file)
	if fi != nil && lang == code.PHP && fi.Mode()&0o004 == 0 {
		r.askFPM(file)
	}
	r.readText(file, text, lang)
}

// askFPM has PHP-FPM asked whether it can read a file.
func (r *codeReading) askFPM(file string) {
	if len(r.root.closed) < maxClosed {
		r.root.closed = append(r.root.closed, file)
	}
}

// readText looks for paths in a file, which is one finding a line.
func (r *codeReading) readText(file string, text []byte, lang code.Language) {
	inPHP := lang == code.PHP || lang == code.UserINI
	seen := map[int]bool{}
	note := func(refs []code.Reference, inCode, inFile kind, what string) {
		for _, ref := range refs {
			s := Subject{File: file, Line: ref.Line}
			switch {
			case seen[ref.Line]:
			case inPHP:
				r.note(inCode, s, "The code names "+what+", so that a request may get files of two releases: "+ref.Text,
					"Use __DIR__ or $_SERVER['DOCUMENT_ROOT'] instead; in an include_path, the site's include_path.")
			default:
				r.note(inFile, s, "The file names "+what+"; code that goes by it may get files of two releases: "+ref.Text,
					"Take a path relative to the release, if PHP uses it.")
			}
			seen[ref.Line] = true
		}
	}
	if slices.ContainsFunc(r.names, func(name string) bool { return bytes.Contains(text, []byte(name)) }) {
		note(code.References(text, lang, r.names), kindCodeNamesLink, kindFileNamesLink, "the link by its absolute path")
	}
	for _, roof := range r.others.roofs {
		if bytes.Contains(text, []byte(roof+"/")) {
			note(code.Beside(text, lang, roof, r.others.has), kindCodeNamesRelease, kindFileNamesRelease, "another release")
		}
	}
	if len(r.others.slots) > 0 {
		note(code.References(text, lang, r.others.slots), kindCodeNamesRelease, kindFileNamesRelease, "another release")
	}
	if !r.mayBeRelative(text) {
		return
	}
	dir := filepath.Dir(file)
	note(code.Relative(text, lang, dir, r.namesLink), kindCodeNamesLink, kindFileNamesLink, "the link, from where the file lies")
	note(code.Relative(text, lang, dir, r.others.holdNow), kindCodeNamesRelease, kindFileNamesRelease, "another release, from where the file lies")
}

// mayBeRelative is quick to say that a file has no relative path to the link or to another
// release, as nearly all have none.
func (r *codeReading) mayBeRelative(text []byte) bool {
	if !bytes.Contains(text, []byte("../")) && !bytes.Contains(text, []byte("dirname")) {
		return false
	}
	has := func(name string) bool { return bytes.Contains(text, []byte("/"+name)) }
	return has(filepath.Base(r.root.Link)) || slices.ContainsFunc(r.others.there, has)
}

func (r *codeReading) note(k kind, s Subject, what, do string) {
	named := r.root.subject()
	s.Site, s.Docroot = named.Site, named.Docroot
	if r.found[k] == nil {
		r.order = append(r.order, k)
	}
	r.found[k] = append(r.found[k], finding(k, s, what, do))
}

// namesLink says whether a path is the link or below it.
func (r *codeReading) namesLink(path string) bool { return below(filepath.Clean(path), r.names) }

// below says whether a clean path is one of the directories or below it.
func below(path string, dirs []string) bool {
	return slices.ContainsFunc(dirs, func(dir string) bool { return incpath.Inside(path, dir) })
}
