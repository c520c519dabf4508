package conf

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"realdocd/gateway"
	"realdocd/gateway/pattern"
)

// A place is a directory, or a pattern of such, that the configuration names.
type place struct {
	site, key, path string
	form            string   // path with {1} and its like, where each docroot has its own
	parts           []string // of path
}

func newPlace(site, key, form string) place {
	clean := path.Clean(asPattern(form))
	return place{site, key, clean, form, strings.Split(strings.TrimSuffix(clean, "/"), "/")}
}

func (p place) at() []string {
	if p.site == "" {
		return []string{p.key}
	}
	return []string{"site", p.site, p.key}
}

// deployed says whether deploys fill or remove what is there.
func (p place) deployed() bool { return p.key == "slots" || p.key == "releases" }

// checkOverlaps refuses directories of deploys that hold, or lie in, what somebody
// else counts on: a deploy would empty or remove it. Symlinks are looked at by the
// deploys themselves.
func (d *document) checkOverlaps() {
	places := d.places()
	for i, a := range places {
		for _, b := range places[:i] {
			if !a.deployed() && !b.deployed() {
				continue
			}
			relation := a.to(b)
			if relation == "" { // as of nearly all pairs of many sites, so this comes first
				continue
			}
			isTwice := relation == "is" && a.site == b.site && a.key == b.key // which is told already
			if isTwice || d.isExcused(a.at()) || d.isExcused(b.at()) || d.isForOther(a, b) || d.isForOther(b, a) {
				continue
			}
			d.fault(a.at(), "%q %s %s, %q (%s): deploys would empty or remove what is in use there; give each a directory of its own",
				a.path, relation, d.label(b.at()), b.path, d.whereOf(b, a))
		}
	}
}

// places are the directories that matter, in the order of the file.
func (d *document) places() (all []place) {
	g := &d.config.Gateway
	add := func(site, key string, paths ...string) {
		for _, p := range paths {
			if path.IsAbs(p) {
				all = append(all, newPlace(site, key, p))
			}
		}
	}
	add("", "state_dir", g.StateDir)
	add("", "spool_dir", g.SpoolDir)
	add("", "control", g.Control)
	for _, s := range g.Sites {
		add(s.Name, "docroot", s.Docroot)
		add(s.Name, "slots", s.Slots...)
		add(s.Name, "releases", s.Releases)
		add(s.Name, "shared_dir", s.SharedDir)
	}
	slices.SortStableFunc(all, func(a, b place) int { return d.lines.of(a.at()...) - d.lines.of(b.at()...) })
	return all
}

// asPattern is a path with a wildcard in the place of {1} and its like.
func asPattern(text string) string {
	for n := 1; pattern.IsForm(text) && n < 10; n++ {
		text = strings.ReplaceAll(text, fmt.Sprintf("{%d}", n), "*")
	}
	return text
}

// isForOther says whether a place of a pattern would be that of the docroot which another
// site has written out: that site has it alone.
func (d *document) isForOther(of, a place) bool {
	pattern, site := d.siteNamed(of.site), d.siteNamed(a.site)
	if pattern == nil || site == nil || !pattern.IsGlob() || site.IsGlob() || !pattern.Has(site.Docroot) {
		return false
	}
	form := gateway.SiteConfig{Name: of.site, Docroot: pattern.Docroot, Releases: of.form}
	if of.key == "docroot" {
		form.Releases = site.Docroot
	}
	relation := newPlace("", "", form.At(site.Docroot).Releases).to(a)
	return relation == "is" || relation == "holds"
}

func (d *document) siteNamed(name string) *gateway.SiteConfig {
	for i := range d.config.Gateway.Sites {
		if d.config.Gateway.Sites[i].Name == name {
			return &d.config.Gateway.Sites[i]
		}
	}
	return nil
}

// whereOf is the line of a place, which may be a default, as seen from another.
func (d *document) whereOf(p, from place) string {
	if line := d.lines.of(p.at()...); line > 0 {
		return d.faults.placeText(line, d.lines.of(from.at()...))
	}
	return "the default"
}

// to says how a lies to b, as "lies in"; "" if they have nothing to do with each
// other. Either may be a pattern.
func (a place) to(b place) string {
	outer, inner := b.parts, a.parts
	for i := range min(len(outer), len(inner)) {
		if outer[i] == inner[i] {
			continue
		}
		x, _ := path.Match(outer[i], inner[i])
		y, _ := path.Match(inner[i], outer[i])
		if !x && !y {
			return ""
		}
	}
	switch {
	case len(inner) > len(outer):
		return "lies in"
	case len(inner) < len(outer):
		return "holds"
	}
	return "is"
}
