package doctor

import (
	"fmt"
	"slices"

	"realdocd/gateway"
)

// isOthers says whether a docroot that fits the pattern of a site is another site's, by the
// rules of a request.
func (x *examination) isOthers(site gateway.SiteConfig, docroot string) bool {
	at := gateway.SiteOf(x.config.Sites, docroot)
	return at >= 0 && x.config.Sites[at].Name != site.Name
}

// checkTenantPool wants a docroot of a pattern to have the pool that its name says.
func (x *examination) checkTenantPool(site gateway.SiteConfig, docroot string) {
	if !gateway.HasPlaceholder(site.Pool) {
		return
	}
	its := site.At(docroot)
	for _, pool := range x.config.Pools {
		if pool.Name == its.Pool {
			return
		}
	}
	x.add(kindPoolMissing, subjectOf(site, docroot), fmt.Sprintf("Each request gets a 503: there is no [pool.%s], which the site names for this docroot.", its.Pool),
		fmt.Sprintf("Add the pool, or give the docroot another one, in [site.%q].", its.Name))
}

// poolOf is the pool that runs a root.
func (p *root) poolOf() string { return p.site.At(p.Docroot).Pool }

// leaveOut takes the docroots out that other sites have.
func (x *examination) leaveOut(site gateway.SiteConfig, docroots []string) []string {
	return slices.DeleteFunc(docroots, func(docroot string) bool { return x.isOthers(site, docroot) })
}
