package doctor

import (
	"fmt"
	"path"
	"path/filepath"

	"realdocd/deploy"
	"realdocd/gateway"
)

// maxRoots bounds how many docroots of a pattern are looked at.
const maxRoots = 20

// A root is a docroot that resolves, with its site.
type root struct {
	site gateway.SiteConfig
	deploy.Resolved
	closed []string // files of the release that not everybody may read
}

// subject is the root as findings name it.
func (p *root) subject() Subject { return subjectOf(p.site, p.Docroot) }

func subjectOf(site gateway.SiteConfig, docroot string) Subject {
	s := Subject{Site: site.Name}
	if site.IsGlob() {
		s.Docroot = docroot
	}
	return s
}

// reused says whether deploys fill directories again that PHP has run from.
func (p *root) reused() bool { return len(p.site.Slots) > 0 || p.site.Resolve == deploy.Readlink }

// resolveDocroots finds the roots.
func (x *examination) resolveDocroots() {
	for _, site := range x.config.Sites {
		for _, docroot := range x.docroots(site) {
			got, err := deploy.Inspect(docroot, site.Links())
			if err != nil {
				x.add(kindDocrootUnresolved, subjectOf(site, docroot), fmt.Sprintf("Requests get a 503, or the last release that was good: %v.", err),
					"Make the directory or the link, or correct docroot.")
				continue
			}
			p := &root{site: site, Resolved: got}
			x.roots = append(x.roots, p)
			x.checkLink(p)
		}
	}
}

// docroots are a site's: its own, or those that exist and fit its pattern.
func (x *examination) docroots(site gateway.SiteConfig) []string {
	if !site.IsGlob() {
		return []string{path.Clean(site.Docroot)}
	}
	found, _ := filepath.Glob(site.Docroot) // the pattern is known to be good
	found = x.leaveOut(site, found)
	x.checkTenantPools(site, found)
	if len(found) == 0 {
		x.add(kindPatternMatchesNothing, Subject{Site: site.Name}, fmt.Sprintf("No directory matches the docroot %s.", site.Docroot),
			"Correct the pattern, if there should be one.")
	}
	if len(found) > maxRoots {
		x.add(kindDocrootsLeftOut, Subject{Site: site.Name},
			fmt.Sprintf("The pattern matches %d directories; the first %d were looked at.", len(found), maxRoots), "")
		found = found[:maxRoots]
	}
	return found
}

// checkLink looks at the symlinks on the docroot's path.
func (x *examination) checkLink(p *root) {
	switch {
	case !p.HasLink():
		x.add(kindNothingToFlip, p.subject(), fmt.Sprintf("Requests are not pinned, and deploys cannot be seen: %v.", p.NothingToFlip()),
			"Move the release elsewhere, and put a symlink to it in its place; in a container, mount the directory above.")
	case p.Doubt != nil:
		x.add(kindSecondLink, p.subject(), fmt.Sprintf("Requests are pinned, and commands that flip refuse to: %v.", p.Doubt), "Set link_after in the site.")
	default:
		x.add(kindDocroot, p.subject(), fmt.Sprintf("The link %s leads to the release %s.", p.Link, p.Release), "")
	}
}

// namesOf are the ways to write a root's link.
func (p *root) namesOf() (names []string) {
	for _, s := range p.Spellings {
		names = append(names, s[0])
	}
	return names
}
