package main

import (
	"fmt"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// findDirectory gives the directory of a release that is to go live, by its path or by its
// name: of a directory beside the live release, below releases, among the slots, or of one
// that was live. A name that is none of these is a directory beside us.
func (g *goLive) findDirectory(asked string) (string, error) {
	if !strings.Contains(asked, "/") {
		found := g.named(asked)
		if len(found) == 1 {
			return found[0], nil
		}
		if len(found) > 1 {
			return "", fmt.Errorf("site %s has several releases %q, give the directory of one: %s", g.site.Name, asked, strings.Join(found, ", "))
		}
	}
	dir, err := filepath.Abs(asked)
	if err != nil {
		return "", fmt.Errorf("complete the path of %s: %w", asked, err)
	}
	if !strings.Contains(asked, "/") && wantDirectory(dir) != nil {
		return "", fmt.Errorf("site %s has no release %q, and there is no such directory here: realdocd status %s shows its releases; or give a directory", g.site.Name, asked, g.site.Name)
	}
	return dir, nil
}

// named are the directories that a release's name may mean, each once.
func (g *goLive) named(name string) (found []string) {
	var parents []string
	if g.site.Releases != "" {
		parents = append(parents, g.site.Releases)
	}
	if g.link.live != "" {
		parents = append(parents, path.Dir(g.link.live))
	}
	var candidates []string
	for _, parent := range parents {
		candidates = append(candidates, filepath.Join(parent, name))
	}
	for _, slot := range g.site.Slots {
		if path.Base(slot) == name {
			candidates = append(candidates, path.Clean(slot))
		}
	}
	for _, e := range g.past {
		if path.Base(e.Release) == name {
			candidates = append(candidates, e.Release)
		}
	}
	for _, dir := range candidates {
		same := func(known string) bool { return g.seenAs(known) == g.seenAs(dir) }
		if wantDirectory(dir) == nil && dir != g.link.path && !slices.ContainsFunc(found, same) {
			found = append(found, dir)
		}
	}
	return found
}
