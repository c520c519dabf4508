package doctor

import (
	"fmt"
	"path"
	"path/filepath"
	"slices"

	"realdocd/deploy"
	"realdocd/gateway"
)

// maxRoots bounds how many docroots of a pattern are looked at.
const maxRoots = 20

// A root is a docroot that resolves, with its site.
type root struct {
	site gateway.SiteConfig
	deploy.Resolved
	closed []string // files of the release that PHP-FPM is asked about
	shared []string // the directories that its symlinks lead to, outside of it
	beside *others  // nil before somebody asks
}

// others are the releases beside the root's, as they were when somebody first asked.
func (p *root) others() *others {
	if p.beside == nil {
		beside := othersOf(p)
		p.beside = &beside
	}
	return p.beside
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
			x.resolveAsDaemon(p)
			x.checkLink(p)
		}
	}
}

// resolveAsDaemon sees whether the daemon will be able to resolve what check can. One that
// runs tells itself.
func (x *examination) resolveAsDaemon(p *root) {
	if x.status != nil || !x.daemon.canBeTold() {
		return
	}
	var err error
	x.daemon.do(func() { _, err = deploy.Inspect(p.Docroot, p.site.Links()) })
	if err != nil {
		x.add(kindDocrootUnseen, p.subject(), fmt.Sprintf("The daemon, as %s, will not be able to resolve the docroot: %v.", x.daemonName(), err), doLetPass)
	}
}

const doLetPass = "Let that user pass and read each directory on the way (chmod o+rx, or a group), and see ProtectHome= and InaccessiblePaths= of the unit."

// checkUnresolved tells of docroots that the daemon could not resolve when it looked last,
// though check can: it has other rights, or its unit shows it another file system.
func (x *examination) checkUnresolved() {
	if x.view == nil {
		return
	}
	for _, trouble := range x.view.Unresolved {
		i := slices.IndexFunc(x.roots, func(p *root) bool { return p.site.Name == trouble.Site && p.Docroot == trouble.Docroot })
		if i < 0 {
			continue // it is told already, or is of a docroot that was not looked at
		}
		effect := "requests get a 503"
		if trouble.Release != "" {
			effect = "requests run on the last good release, " + trouble.Release
		}
		x.add(kindDocrootUnseen, x.roots[i].subject(), fmt.Sprintf("The daemon, as %s, could not resolve the docroot when it looked last, and %s: %s.", x.daemonName(), effect, trouble.Error),
			doLetPass)
	}
}

// docroots are a site's: its own, or those that exist and fit its pattern.
func (x *examination) docroots(site gateway.SiteConfig) []string {
	if !site.IsGlob() {
		return []string{path.Clean(site.Docroot)}
	}
	found, _ := filepath.Glob(site.Docroot) // the pattern is known to be good
	if len(found) == 0 {
		x.add(kindPatternMatchesNothing, Subject{Site: site.Name}, fmt.Sprintf("No directory matches the docroot %s.", site.Docroot),
			"Correct the pattern, if there should be one.")
	}
	found = x.leaveOut(site, found)
	x.checkTenantPools(site, found)
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
	case p.isMounted() != "":
		x.add(kindDocrootMounted, p.subject(), p.isMounted(), "Mount the directory that has the link and the releases, and nothing inside of a release.")
	case p.Doubt != nil:
		x.add(kindSecondLink, p.subject(), fmt.Sprintf("Requests are pinned, and commands that flip refuse to: %v.", p.Doubt), "Set link_after in the site.")
	default:
		x.add(kindDocroot, p.subject(), fmt.Sprintf("The link %s leads to the release %s.", p.Link, p.Release), "")
	}
}

// isMounted says that a part of a file system was put over the release, or into it: then
// the next release has something else there. It is "" otherwise.
func (p *root) isMounted() string {
	point, from := deploy.MountAbove(p.RealDocroot)
	if point == "" || !below(point, []string{p.Home}) {
		return ""
	}
	return fmt.Sprintf("Requests on the live release %s see %s there, in the mount %s, and not what a deploy has put there.", p.Release, from, point)
}

// namesOf are the ways to write a root's link.
func (p *root) namesOf() (names []string) {
	for _, s := range p.Spellings {
		names = append(names, s[0])
	}
	return names
}
