package main

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// A named release is one that this host has.
type namedRelease struct{ name, dir string }

// complete are the releases that the fleet may flip to: the live one, and those in directories
// that have nothing but releases, each with its docroot and not in the course of being filled.
// Of two that have one name there is none, unless one of them is live. Only the one with a name
// is looked for, if that is not "".
func (g *goLive) complete(only string) (all []namedRelease) {
	seen := map[string]string{} // directories by names; "" if there are several
	add := func(name, dir string) {
		if only != "" && name != only {
			return
		}
		if other, has := seen[name]; has && g.seenAs(other) != g.seenAs(dir) {
			seen[name] = ""
		} else if !has {
			seen[name] = dir
		}
	}
	for _, slot := range g.site.Slots {
		add(filepath.Base(slot), filepath.Clean(slot))
	}
	for _, roof := range g.roofs() {
		for _, name := range directoriesIn(roof, only) {
			add(name, filepath.Join(roof, name))
		}
	}
	if live := g.liveName(); live != "" && (only == "" || live == only) {
		seen[live] = g.link.root(g.link.live)
	}
	for name, dir := range seen {
		if dir != "" && g.link.checkRelease(g.link.into(dir)) == nil && !g.isFilling(dir) {
			all = append(all, namedRelease{name, dir})
		}
	}
	return all
}

// directoriesIn are the names of a directory's own directories that are not hidden; of one name
// only, if that is not "". A directory that is not there has none.
func directoriesIn(dir, only string) (names []string) {
	if only != "" {
		if fi, err := os.Lstat(filepath.Join(dir, only)); err == nil && fi.IsDir() {
			names = append(names, only)
		}
		return names
	}
	entries, _ := os.ReadDir(dir)
	for _, e := range entries {
		if e.IsDir() && !strings.HasPrefix(e.Name(), ".") {
			names = append(names, e.Name())
		}
	}
	return names
}

// roofs are the directories that have nothing but releases of the site.
func (g *goLive) roofs() (dirs []string) {
	if g.site.Releases != "" {
		dirs = append(dirs, filepath.Clean(g.site.Releases))
	}
	if g.link.live != "" {
		beside := filepath.Dir(g.link.root(g.link.live))
		same := func(dir string) bool { return g.seenAs(dir) == g.seenAs(beside) }
		if filepath.Base(beside) == "releases" && !slices.ContainsFunc(dirs, same) {
			dirs = append(dirs, beside)
		}
	}
	return dirs
}

// isFilling says whether a deploy is at work in a directory, or has broken off there.
func (g *goLive) isFilling(dir string) bool {
	rec, err := g.records().Of(dir)
	return err == nil && rec != nil && !rec.Begun.IsZero() && rec.Filled.Before(rec.Begun)
}

// frozen is the hash of the content of a release that is live, or is to go live. What comes into
// it does not count from then on: PHP and commands write there.
func (h *fleetHost) frozen(ctx context.Context, g *goLive, dir string) (string, error) {
	content, err := h.contents.Load().Freeze(ctx, g.seenAs(dir), g.filling(""))
	return content.Hash, err
}

// hash is that of the content of a release that is not live, nor has to be. One that was frozen has
// what it had then, until Prepare looks again: a host may have many that were live once.
func (h *fleetHost) hash(ctx context.Context, g *goLive, dir string) (string, error) {
	contents := h.contents.Load()
	if kept, ok := contents.Kept(g.seenAs(dir)); ok && !kept.Frozen.IsZero() {
		return kept.Hash, nil
	}
	content, err := contents.Of(ctx, g.seenAs(dir), g.filling(""))
	return content.Hash, err
}
