package deploy

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// A Use is a directory, or a link, that somebody counts on.
type Use struct {
	Path string
	Kind UseKind
	// What it is, as in "the live release of site shop".
	What string
	// Around is set where it may lie around what is removed: the directory of
	// releases holds each of them.
	Around bool
}

// UseKind says what a Use is.
type UseKind int

// What a deploy must not read its source from comes first.
const (
	UseSlot UseKind = iota
	UseReleases
	UseLive
	UseOther
)

// A SiteOnDisk is what a site's configuration says of directories.
type SiteOnDisk struct {
	Name string
	// Docroot may be a pattern. Docroots are then those of it that are meant; nil are all
	// that are on disk.
	Docroot  string
	Docroots []string
	// Links says how its links are looked at, with Slots and Releases.
	Links      Options
	Shared     string
	ExtraRoots []string
	History    *History // nil if none is kept
	// Own is set for the site that deploys, OwnLink is the link that it flips, and OwnSlot
	// the slot that it fills; these are its to change.
	Own              bool
	OwnLink, OwnSlot string
}

// Uses lists what a site counts on, its docroots expanded on disk.
func (s SiteOnDisk) Uses() (uses []Use, err error) {
	for _, slot := range s.Links.Slots {
		if !s.Own || filepath.Clean(slot) != filepath.Clean(s.OwnSlot) {
			uses = append(uses, s.use(UseSlot, slot, "a slot"))
		}
	}
	if s.Links.Releases != "" {
		releases := s.use(UseReleases, s.Links.Releases, "the directory of releases")
		releases.Around = s.Own && s.OwnSlot == ""
		uses = append(uses, releases)
	}
	if s.Shared != "" {
		uses = append(uses, s.use(UseOther, s.Shared, "shared_dir"))
	}
	for _, dir := range s.ExtraRoots {
		root := s.use(UseOther, dir, "a directory of extra_roots")
		root.Around = true
		uses = append(uses, root)
	}
	docroots := s.Docroots
	if docroots == nil {
		if docroots, err = Docroots(s.Docroot); err != nil {
			return nil, err
		}
	}
	for _, docroot := range docroots {
		of, err := s.docrootUses(docroot)
		if err != nil {
			return nil, err
		}
		uses = append(uses, of...)
	}
	return uses, nil
}

func (s SiteOnDisk) use(kind UseKind, path, what string) Use {
	return Use{Path: path, Kind: kind, What: what + " of site " + s.Name}
}

// docrootUses are the links on a docroot's way, what they and the links beside them
// lead to, and the release that a rollback would go to.
func (s SiteOnDisk) docrootUses(docroot string) (uses []Use, err error) {
	found, exists, _ := FindLink(docroot, s.Links) // what of the way there is counts
	if exists && found.Release != "" {
		uses = append(uses, s.use(UseLive, found.Release, "the live release"))
	}
	if found.Way.End != "" {
		uses = append(uses, s.use(UseOther, found.Way.End, "the docroot "+docroot))
	}
	for _, link := range found.Way.Links {
		uses = append(uses, s.use(UseOther, link.Path, "the link"))
		// Two steps behind one another each lead to what is in use.
		uses = append(uses, s.use(UseOther, link.target(), "what "+link.Path+" leads to, the way"))
		uses = append(uses, besideUses(link.Path, s.Name)...)
	}
	// The slot that is filled is where a rollback of its own link would go.
	if !exists || s.History == nil || s.Own && s.OwnSlot != "" && found.Link == s.OwnLink {
		return uses, nil
	}
	events, err := s.History.Of(found.Link)
	if err != nil {
		return nil, err
	}
	if back, ok := Previous(events, found.Link, found.Release, Gone); ok {
		uses = append(uses, s.use(UseOther, back.Release, "the rollback target"))
	}
	return uses, nil
}

// Gone says why a release cannot be gone back to that is not there.
func Gone(e Event) string {
	if fi, err := os.Stat(e.Release); err != nil || !fi.IsDir() {
		return "it is gone"
	}
	return ""
}

// besideUses are what the symlinks beside a link lead to: "previous -> releases/41".
func besideUses(link, site string) (uses []Use) {
	entries, err := os.ReadDir(filepath.Dir(link))
	if err != nil {
		return nil
	}
	for _, e := range entries {
		path := filepath.Join(filepath.Dir(link), e.Name())
		if e.Type()&fs.ModeSymlink == 0 || path == link || path == hidden(link, "realdocd-next") {
			continue
		}
		if target, err := filepath.EvalSymlinks(path); err == nil {
			uses = append(uses, Use{target, UseOther, "what the symlink " + path + " leads to, beside the link of site " + site, true})
		}
	}
	return uses
}

// Docroots are those of a pattern that are on disk; of a docroot that is written
// out it is that.
func Docroots(pattern string) ([]string, error) {
	pattern = filepath.Clean(pattern)
	if !strings.ContainsAny(pattern, `*?[\`) {
		return []string{pattern}, nil
	}
	found, err := filepath.Glob(pattern)
	if err != nil {
		return nil, fmt.Errorf("look for the docroots %s: %w", pattern, err)
	}
	return found, nil
}
