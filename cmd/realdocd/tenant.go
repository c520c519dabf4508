package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"strings"

	"realdocd/deploy"
	"realdocd/gateway"
	"realdocd/gateway/control"
	"realdocd/gateway/nearest"
)

// wantTenant wants there to be a directory for a docroot of a pattern: a name that was
// written wrongly fits the pattern as well. The docroot itself may be missing, before its
// first release.
func wantTenant(site gateway.SiteConfig, docroot string) error {
	home := docroot
	pattern := path.Clean(site.Docroot)
	for !isWild(path.Base(pattern)) && pattern != "/" {
		home, pattern = path.Dir(home), path.Dir(pattern)
	}
	if _, err := os.Lstat(home); !errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	tenant := site.Tenant(docroot)
	return fmt.Errorf("site %s has no %q: there is no %s%s", site.Name, tenant, home, nearest.Hint(tenant, tenantsOnDisk(site)))
}

func isWild(text string) bool { return gateway.SiteConfig{Docroot: text}.IsGlob() }

// tenantsOnDisk names the docroots of a pattern that are there.
func tenantsOnDisk(site gateway.SiteConfig) (names []string) {
	docroots, _ := deploy.Docroots(site.Docroot) // a pattern with a fault is refused
	for _, docroot := range docroots {
		names = append(names, site.Tenant(docroot))
	}
	return names
}

// tenantsBegun are the names of sites and tenants that a word may become.
func tenantsBegun(sites []gateway.SiteConfig, word string) (names []string) {
	for _, site := range sites {
		if site.IsGlob() && strings.HasPrefix(word, site.Name+"/") {
			for _, tenant := range tenantsOnDisk(site) {
				names = append(names, site.Name+"/"+tenant)
			}
		}
	}
	return names
}

// configOf are sites as far as the running gateway tells of them.
func configOf(sites []control.SiteStatus) (all []gateway.SiteConfig) {
	for _, s := range sites {
		all = append(all, gateway.SiteConfig{Name: s.Name, Docroot: s.Docroot, Pool: s.Pool})
	}
	return all
}
