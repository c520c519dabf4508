package conf

import (
	"path"
	"strings"

	"github.com/BurntSushi/toml"

	"realdocd/deploy"
	"realdocd/gateway"
)

// checkIncludePaths refuses a pool's include_path that leads through the link of a
// site: requests of other sites would carry it as it is, and its files would be of
// whichever release is live.
func (d *document) checkIncludePaths() {
	g := &d.config.Gateway
	for _, pool := range g.Pools {
		for _, entry := range strings.Split(pool.IncludePath, ":") {
			if site := siteOf(g.Sites, entry); site != nil {
				d.fault([]string{"pool", pool.Name, "include_path"}, "%q is below the link of [%s]: it belongs in the include_path of that site, where it follows the release",
					entry, toml.Key{"site", site.Name})
			}
		}
	}
}

// siteOf is the site that has a path below its link; nil for none. Which link that is
// tells the disk; a docroot that is not there yet stands for itself.
func siteOf(sites []gateway.SiteConfig, entry string) *gateway.SiteConfig {
	if !path.IsAbs(entry) {
		return nil
	}
	for i := range sites {
		site := &sites[i]
		if site.IsGlob() {
			continue
		}
		names := []string{path.Clean(site.Docroot)}
		if got, err := deploy.Inspect(site.Docroot, site.Links()); err == nil && got.HasLink() {
			for _, s := range got.Spellings {
				names = append(names, s[0])
			}
		}
		for _, name := range names {
			if path.Clean(entry) == name || below(entry, name) {
				return site
			}
		}
	}
	return nil
}
