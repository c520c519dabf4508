package deploy

import (
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"realdocd/deploy/code"
)

const (
	maxReadFile  = 8 << 20 // a compiled container or configuration is smaller
	maxShared    = 50_000  // files and directories outside of the release that are looked at
	maxNamings   = 20      // that are told
	timeOfNoFile = 1       // Unix time from which opcache takes a file's time for one
)

// unread are directories that no request includes anything from, and that can be
// very large.
var unread = []string{".git", ".hg", ".svn", "node_modules"}

// A Foreign directory is one that no request of a release may get code from.
type Foreign struct {
	Dir string // absolute and clean
	Is  string // what it is, as in "the source directory"
}

// A Naming is a place in a release, or in what it shares with others, that names a
// directory which is foreign to it.
type Naming struct {
	File string
	Line int    // 0: the file is a symlink
	Text string // the line, shortened, or where the symlink leads
	Foreign
	// Runs says that code would run from there, or by settings of there.
	Runs bool
}

func (n Naming) String() string {
	at := n.File
	if n.Line > 0 {
		at = fmt.Sprintf("%s:%d", n.File, n.Line)
	}
	return fmt.Sprintf("%s names %s, %s: %s", at, n.Dir, n.Is, n.Text)
}

// A Reading is what was found in the files of a release.
type Reading struct {
	Files   int // that were read
	LeftOut int // that are too large, or cannot be read
	// Namings are the first of those that were found, those that run before the
	// others; More were not told.
	Namings []Naming
	More    int
	// Newest is the time of the youngest PHP file, and Changed when the last one of
	// them was changed, whatever its time says.
	Newest, Changed time.Time
	// Remembered are the symlinks of the release and its files of settings, with when
	// each was changed.
	Remembered []Changed
	// Odd are PHP files whose time is ahead of now, or 0: opcache never keeps
	// them. OddFile is one of them.
	Odd     int
	OddFile string
}

// A Changed is a file and when it was changed.
type Changed struct {
	Path    string
	At      time.Time
	Symlink bool
}

// Stops says whether something of the release would run code of elsewhere.
func (r *Reading) Stops() bool { return len(r.Namings) > 0 && r.Namings[0].Runs }

// Read looks through the files of a release, a directory by its absolute path, for
// what names a foreign directory by its absolute path, outside of comments; and for how
// old its PHP files are. It follows symlinks that lead out of the release, to what it
// shares with others, once each. ctx bounds it.
func Read(ctx context.Context, release string, foreign []Foreign) (*Reading, error) {
	r := &reading{ctx: ctx, release: filepath.Clean(release), foreign: foreign, now: time.Now(), seen: map[string]bool{}}
	for _, f := range foreign {
		r.names = append(r.names, f.Dir)
	}
	if err := filepath.WalkDir(r.release, r.visit); err != nil {
		return nil, fmt.Errorf("look through release %s: %w", release, err)
	}
	for len(r.shared) > 0 {
		next := r.shared[0]
		r.shared = r.shared[1:]
		if err := filepath.WalkDir(next, r.visitShared); err != nil {
			return nil, fmt.Errorf("look through %s, which release %s shares: %w", next, release, err)
		}
	}
	slices.SortStableFunc(r.Namings, func(a, b Naming) int {
		switch {
		case a.Runs == b.Runs:
			return 0
		case a.Runs:
			return -1
		}
		return 1
	})
	r.More = max(0, len(r.Namings)-maxNamings)
	r.Namings = r.Namings[:len(r.Namings)-r.More]
	return &r.Reading, nil
}

// reading is a Reading under way.
type reading struct {
	Reading
	ctx     context.Context
	release string
	foreign []Foreign
	names   []string
	now     time.Time
	shared  []string // outside of the release, to be read
	outside int      // entries that were seen there
	seen    map[string]bool
}

func (r *reading) visit(file string, entry fs.DirEntry, err error) error {
	switch {
	case r.ctx.Err() != nil:
		return fmt.Errorf("after %d files: %w", r.Files, r.ctx.Err())
	case err != nil:
		if file == r.release {
			return err
		}
		r.LeftOut++
	case entry.IsDir() && slices.Contains(unread, entry.Name()):
		return fs.SkipDir
	case entry.Type()&fs.ModeSymlink != 0:
		r.remember(file, entry, true)
		r.follow(file)
	case entry.Type().IsRegular() && code.LanguageOf(entry.Name()) != code.Other:
		r.read(file, entry)
	}
	return nil
}

// visitShared is visit for what is outside of the release, and may be an archive of
// uploads.
func (r *reading) visitShared(file string, entry fs.DirEntry, err error) error {
	if r.outside++; r.outside > maxShared {
		r.LeftOut++
		return fs.SkipAll
	}
	if err != nil {
		r.LeftOut++
		return nil
	}
	return r.visit(file, entry, nil)
}

// follow looks where a symlink leads.
func (r *reading) follow(link string) {
	to, err := LinkTarget(link)
	if err != nil {
		r.LeftOut++
		return
	}
	if f, ok := r.foreignTo(to); ok {
		r.Namings = append(r.Namings, Naming{File: link, Text: "a symlink to " + to, Foreign: f, Runs: true})
		return
	}
	real, err := filepath.EvalSymlinks(link)
	if err != nil || below(real, r.release) || r.seen[real] {
		return // one that leads nowhere is the site's affair
	}
	if f, ok := r.foreignTo(real); ok {
		r.Namings = append(r.Namings, Naming{File: link, Text: "a symlink to " + real, Foreign: f, Runs: true})
		return
	}
	r.seen[real] = true
	r.shared = append(r.shared, real)
}

// remember notes a file that PHP goes by for longer than for one request. What is shared
// has the same path in each release.
func (r *reading) remember(file string, entry fs.DirEntry, symlink bool) {
	fi, err := entry.Info()
	if err != nil || !below(file, r.release) {
		return
	}
	if at := changed(fi); !at.IsZero() {
		r.Remembered = append(r.Remembered, Changed{file, at, symlink})
	}
}

func changed(fi fs.FileInfo) time.Time {
	if st, ok := fi.Sys().(*syscall.Stat_t); ok {
		return time.Unix(st.Ctim.Unix())
	}
	return time.Time{}
}

func (r *reading) foreignTo(path string) (Foreign, bool) {
	for _, f := range r.foreign {
		if below(path, f.Dir) && !below(path, r.release) {
			return f, true
		}
	}
	return Foreign{}, false
}

func (r *reading) read(file string, entry fs.DirEntry) {
	lang := code.LanguageOf(entry.Name())
	fi, err := entry.Info()
	if err != nil {
		r.LeftOut++
		return
	}
	if lang == code.PHP {
		r.age(file, fi)
	}
	if fi.Size() > maxReadFile {
		r.LeftOut++
		return
	}
	text, err := ReadRegular(file, maxReadFile)
	if err != nil {
		r.LeftOut++
		return
	}
	r.Files++
	if lang == code.UserINI {
		r.remember(file, entry, false)
	}
	if !slices.ContainsFunc(r.names, func(name string) bool { return bytes.Contains(text, []byte(name)) }) {
		return
	}
	for _, ref := range code.References(text, lang, r.names) {
		f := r.foreign[slices.Index(r.names, ref.Name)]
		r.Namings = append(r.Namings, Naming{File: file, Line: ref.Line, Text: ref.Text, Foreign: f, Runs: runs(lang, entry.Name(), f.Dir)})
	}
}

// runs says whether what such a file names decides what PHP runs. A directory of the
// root, such as /app, looks like the path of a URL.
func runs(lang code.Language, name, dir string) bool {
	if strings.Count(dir, "/") < 2 {
		return false
	}
	return lang == code.PHP || lang == code.UserINI || strings.HasPrefix(strings.ToLower(name), ".env")
}

func (r *reading) age(file string, fi fs.FileInfo) {
	if at := changed(fi); at.After(r.Changed) {
		r.Changed = at
	}
	at := fi.ModTime()
	if at.After(r.now.Add(time.Second)) || at.Unix() < timeOfNoFile {
		r.Odd++
		r.OddFile = file
		return
	}
	if at.After(r.Newest) {
		r.Newest = at
	}
}
