package doctor

import (
	"fmt"
	"os"
	"path"
	"path/filepath"
	"strings"

	"realdocd/deploy"
	"realdocd/gateway"
	"realdocd/incpath"
)

// maxPlaces bounds how many docroots of a pattern are looked at.
const maxPlaces = 20

// A place is a docroot that resolves.
type place struct {
	site gateway.SiteConfig
	deploy.Resolved
	closed []string // files of the release that not everybody may read
}

// subject is the place as findings name it.
func (p *place) subject() Subject { return subjectOf(p.site, p.Docroot) }

func subjectOf(site gateway.SiteConfig, docroot string) Subject {
	s := Subject{Site: site.Name}
	if site.IsGlob() {
		s.Docroot = docroot
	}
	return s
}

// hasLink says whether there is a symlink that a deploy could flip.
func (p *place) hasLink() bool { return p.Link != p.Docroot || p.Release != p.Docroot }

// reused says whether deploys fill directories again that PHP has run from.
func (p *place) reused() bool { return len(p.site.Slots) > 0 || p.site.Resolve == deploy.Readlink }

// resolveDocroots finds the places.
func (x *examination) resolveDocroots() {
	for _, site := range x.config.Sites {
		for _, docroot := range x.docroots(site) {
			got, err := deploy.Inspect(docroot, site.Resolve, site.LinkAfter)
			if err != nil {
				x.add(kindDocrootUnresolved, subjectOf(site, docroot), fmt.Sprintf("Requests get a 503, or the last release that was good: %v.", err),
					"Make the directory or the link, or correct docroot.")
				continue
			}
			p := &place{site: site, Resolved: got}
			x.places = append(x.places, p)
			x.checkLink(p)
		}
	}
}

// docroots are a site's, as far as they exist where it is a pattern.
func (x *examination) docroots(site gateway.SiteConfig) []string {
	if !site.IsGlob() {
		return []string{path.Clean(site.Docroot)}
	}
	found, _ := filepath.Glob(site.Docroot) // the pattern is known to be good
	if len(found) == 0 {
		x.add(kindPatternMatchesNothing, Subject{Site: site.Name}, fmt.Sprintf("No directory matches the docroot %s.", site.Docroot),
			"Correct the pattern, if there should be one.")
	}
	if len(found) > maxPlaces {
		x.add(kindDocrootsLeftOut, Subject{Site: site.Name},
			fmt.Sprintf("The pattern matches %d directories; the first %d were looked at.", len(found), maxPlaces), "")
		found = found[:maxPlaces]
	}
	return found
}

// checkLink looks at the symlinks on the docroot's path.
func (x *examination) checkLink(p *place) {
	if !p.hasLink() {
		x.add(kindNothingToFlip, p.subject(), fmt.Sprintf("The docroot %s has no symlink on its path: there is nothing to flip, and no deploy that realdocd could see.", p.Docroot),
			"Move the release elsewhere, and put a symlink to it in its place.")
		return
	}
	if second := secondLink(p.Resolved); second != "" {
		x.add(kindSecondLink, p.subject(), fmt.Sprintf("The docroot passes two symlinks: %s, whose flips are seen, and %s, whose flips are not seen for up to a minute.", p.Link, second),
			fmt.Sprintf("If deploys flip the second one, set link_after = %q.", path.Dir(second)))
		return
	}
	x.add(kindDocroot, p.subject(), fmt.Sprintf("The link %s leads to the release %s.", p.Link, p.Release), "")
}

// secondLink gives the next symlink of a docroot whose first one only stands for
// another place of the machine, as in /var/www -> /srv/www; "" where there is none.
// A link beside its releases is a deploy's, and symlinks below it are the release's own.
func secondLink(r deploy.Resolved) string {
	if incpath.Inside(r.Release, path.Dir(r.Link)) {
		return ""
	}
	for end := len(r.Link) + 1; end <= len(r.Docroot); end++ {
		if end < len(r.Docroot) && r.Docroot[end] != '/' {
			continue
		}
		if fi, err := os.Lstat(r.Docroot[:end]); err == nil && fi.Mode()&os.ModeSymlink != 0 {
			return r.Docroot[:end]
		}
	}
	return ""
}

// namesOf are the ways to write a place's link: itself, and, where directories
// above it are symlinks, by their real paths.
func (p *place) namesOf() []string {
	names := []string{p.Link}
	if dir, err := filepath.EvalSymlinks(path.Dir(p.Link)); err == nil && dir != path.Dir(p.Link) {
		names = append(names, strings.TrimSuffix(dir, "/")+"/"+path.Base(p.Link))
	}
	return names
}
