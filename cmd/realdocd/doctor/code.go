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

// readCode looks through the live releases for code that names the link. Such code
// gets files of whichever release is live at that moment.
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
	files   int
	found   map[kind][]Finding
	skipped int // files that are too large, or cannot be read
}

func (x *examination) readRelease(ctx context.Context, p *root) {
	r := &codeReading{ctx: ctx, root: p, names: p.namesOf(), found: map[kind][]Finding{}}
	err := filepath.WalkDir(p.Release, r.visit)
	if err != nil || r.skipped > 0 {
		why := fmt.Sprintf("%d files are larger than 1 MiB or cannot be read", r.skipped)
		if err != nil {
			why = err.Error()
		}
		x.add(kindCodeLeftOut, p.subject(), fmt.Sprintf("Not all of the release %s was read: %s.", p.Release, why), "")
	}
	for _, k := range []kind{kindCodeNamesLink, kindFileNamesLink, kindSymlinkThroughLink} {
		all := r.found[k]
		x.findings = append(x.findings, all[:min(len(all), maxShown)]...)
		if more := len(all) - maxShown; more > 0 {
			x.add(k, p.subject(), fmt.Sprintf("There are %d more of these in the release.", more), "")
		}
	}
	if len(r.found) == 0 {
		x.add(kindCode, p.subject(), fmt.Sprintf("None of %d files of the release names the link.", r.files), "")
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

// checkSymlink finds symlinks that lead out of the release and back in through
// the link.
func (r *codeReading) checkSymlink(file string) {
	to, err := os.Readlink(file)
	if err != nil || !r.namesLink(to) {
		return
	}
	r.note(kindSymlinkThroughLink, Subject{File: file}, fmt.Sprintf("The symlink leads to %s, through the link: after a flip, requests on this release see files of the next.", to),
		"Make it relative.")
}

func (r *codeReading) read(file string, lang code.Language) {
	r.files++
	fi, err := os.Lstat(file)
	if err != nil || fi.Size() > maxCodeFile {
		r.skipped++
		return
	}
	if lang == code.PHP && fi.Mode()&0o004 == 0 && len(r.root.closed) < maxClosed {
		r.root.closed = append(r.root.closed, file)
	}
	text, err := deploy.ReadRegular(file, maxCodeFile)
	if err != nil {
		r.skipped++
		return
	}
	if !slices.ContainsFunc(r.names, func(name string) bool { return bytes.Contains(text, []byte(name)) }) {
		return
	}
	for _, ref := range code.References(text, lang, r.names) {
		s := Subject{File: file, Line: ref.Line}
		if lang == code.PHP || lang == code.UserINI {
			r.note(kindCodeNamesLink, s, "The code names the link by its absolute path, so that a request may get files of two releases: "+ref.Text,
				"Use __DIR__ or $_SERVER['DOCUMENT_ROOT'] instead; in an include_path, the site's include_path.")
			continue
		}
		r.note(kindFileNamesLink, s, "The file names the link by its absolute path; code that goes by it may get files of two releases: "+ref.Text,
			"Take a path relative to the release, if PHP uses it.")
	}
}

func (r *codeReading) note(k kind, s Subject, what, do string) {
	named := r.root.subject()
	s.Site, s.Docroot = named.Site, named.Docroot
	r.found[k] = append(r.found[k], finding(k, s, what, do))
}

// namesLink says whether a path is the link or below it.
func (r *codeReading) namesLink(path string) bool { return below(filepath.Clean(path), r.names) }

// below says whether a clean path is one of the directories or below it.
func below(path string, dirs []string) bool {
	return slices.ContainsFunc(dirs, func(dir string) bool { return incpath.Inside(path, dir) })
}
