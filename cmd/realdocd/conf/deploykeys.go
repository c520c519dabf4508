package conf

import (
	"path"

	"realdocd/gateway"
)

// checkDeploys refuses directories that a deploy could not tell apart, or that
// the deploys of several docroots would share.
func (d *document) checkDeploys(site gateway.SiteConfig) {
	slots, releases := []string{"site", site.Name, "slots"}, []string{"site", site.Name, "releases"}
	switch {
	case d.isExcused(slots) || d.isExcused(releases):
		return
	case len(site.Slots) > 0 && site.Releases != "":
		d.fault(releases, "slots and releases do not go together: take slots for fixed directories that alternate, or releases for a new one each time")
	case len(site.Slots) == 1:
		d.fault(slots, `want at least two directories, as in ["/var/www/A", "/var/www/B"], or none`)
	}
	taken := map[string]bool{}
	for _, slot := range site.Slots {
		if slot = path.Clean(slot); taken[slot] {
			d.fault(slots, "%q is there twice", slot)
		}
		taken[slot] = true
	}
	if !site.IsGlob() {
		return
	}
	const shared = "the docroot %q is a pattern, and its sites would share what is for one: give the one that is deployed a [site.NAME] of its own"
	if len(site.Slots) > 0 {
		d.fault(slots, shared, site.Docroot)
	}
	if site.Releases != "" {
		d.fault(releases, shared, site.Docroot)
	}
}
