package conf

import (
	"fmt"
	"path"
	"strings"

	"realdocd/deploy"
	"realdocd/gateway"
)

// sharedPaths reads paths below a release.
func sharedPaths(v any) ([]string, error) {
	paths, err := listOf(text)(v)
	if err == nil {
		err = deploy.CheckShared(paths)
	}
	return paths, err
}

func excludePattern(v any) (string, error) {
	s, err := text(v)
	if err == nil {
		err = deploy.CheckExclude(s)
	}
	return s, err
}

// shellCommand reads a command of a shell.
func shellCommand(v any) (string, error) {
	s, err := text(v)
	if err == nil && strings.TrimSpace(s) == "" {
		return "", wanted(`a command such as "php artisan config:cache"`, v)
	}
	return s, err
}

// checkDeploys refuses directories that a deploy could not tell apart, or that
// the deploys of several docroots would share.
func (d *document) checkDeploys(site *gateway.SiteConfig) {
	d.checkShared(site)
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
	d.wantOwnPlaces(site)
}

// wantOwnPlaces wants each docroot of a pattern to have places of its own.
func (d *document) wantOwnPlaces(site *gateway.SiteConfig) {
	for key, dirs := range map[string][]string{"slots": site.Slots, "releases": {site.Releases}, "shared_dir": {site.SharedDir}} {
		if dir, n := sharedPlace(site, dirs); n > 0 {
			d.fault([]string{"site", site.Name, key}, "the docroot %q is a pattern, and its sites would share %q, which is for one: write {%d} where the name stands, or give the one that is deployed a [site.%q] of its own",
				site.Docroot, dir, n, site.Name+"/NAME")
		}
	}
}

// sharedPlace is a directory in which a {n} is missing; n is 0 if there is none.
func sharedPlace(site *gateway.SiteConfig, dirs []string) (dir string, n int) {
	for _, dir := range dirs {
		for n := 1; dir != "" && n <= site.Wildcards(); n++ {
			if !strings.Contains(dir, fmt.Sprintf("{%d}", n)) {
				return dir, n
			}
		}
	}
	return "", 0
}

// checkShared fills in where shared paths are, and refuses what has no place.
func (d *document) checkShared(site *gateway.SiteConfig) {
	at := func(key string) []string { return []string{"site", site.Name, key} }
	beside := site.Releases
	if len(site.Slots) > 0 {
		beside = site.Slots[0]
	}
	switch {
	case len(site.Shared) > 0 && beside == "":
		d.fault(at("shared"), "it is for deploys, and this site has neither slots nor releases")
	case len(site.Shared) == 0 && site.SharedDir != "":
		d.fault(at("shared_dir"), `there is no shared: name what releases share, as in shared = ["storage", ".env"]`)
	case len(site.Shared) > 0 && site.SharedDir == "":
		site.SharedDir = path.Join(path.Dir(path.Clean(beside)), "shared")
	}
	if len(site.Exclude) > 0 && beside == "" {
		d.fault(at("exclude"), "it is for deploys, and this site has neither slots nor releases")
	}
}
