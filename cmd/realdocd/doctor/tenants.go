package doctor

import (
	"fmt"
	"slices"
	"strings"

	"realdocd/gateway"
	"realdocd/gateway/pattern"
)

// isOthers says whether a docroot that fits the pattern of a site is another site's, by the
// rules of a request.
func (x *examination) isOthers(site gateway.SiteConfig, docroot string) bool {
	at := gateway.SiteOf(x.config.Sites, docroot)
	return at >= 0 && x.config.Sites[at].Name != site.Name
}

// maxNamed bounds the names in one finding.
const maxNamed = 10

// checkTenantPools wants each docroot of a pattern to have the pool that its name says.
func (x *examination) checkTenantPools(site gateway.SiteConfig, docroots []string) {
	if !pattern.IsForm(site.Pool) {
		return
	}
	has := map[string]bool{}
	for _, pool := range x.config.Pools {
		has[pool.Name] = true
	}
	var missing, names []string
	for _, docroot := range docroots {
		if its := site.At(docroot); !has[its.Pool] {
			missing, names = append(missing, its.Pool), append(names, its.Name)
		}
	}
	if len(missing) == 0 {
		return
	}
	shown := strings.Join(missing[:min(len(missing), maxNamed)], ", ")
	if more := len(missing) - maxNamed; more > 0 {
		shown += fmt.Sprintf(" and %d more", more)
	}
	x.add(kindPoolMissing, Subject{Site: site.Name}, fmt.Sprintf("Requests of docroots that have no pool get a 503: there is no %s, which the site names for them.", shown),
		fmt.Sprintf("Add the pools, or give the docroots another one, as in [site.%q].", names[0]))
}

// poolOf is the pool that runs a root.
func (p *root) poolOf() string { return p.site.At(p.Docroot).Pool }

// leaveOut takes the docroots out that other sites have.
func (x *examination) leaveOut(site gateway.SiteConfig, docroots []string) []string {
	return slices.DeleteFunc(docroots, func(docroot string) bool { return x.isOthers(site, docroot) })
}
