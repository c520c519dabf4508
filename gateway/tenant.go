package gateway

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"realdocd/gateway/nearest"
	"realdocd/gateway/pattern"
)

// A tenant is a docroot of a site whose docroot is a pattern. Its name is what the
// wildcards have matched, joined by "/": s1, or acme/shop where there are two. Operators
// write it behind the site's name, as in all/s1.

// Tenant is the name of one of the docroots of a site with a pattern; "" for any other.
func (c SiteConfig) Tenant(docroot string) string {
	if !c.IsGlob() {
		return ""
	}
	return strings.Join(pattern.Parse(c.Docroot).Parts(docroot), "/")
}

// TenantDocroot is the docroot of a tenant by its name. The error says what is wrong with
// the name.
func (c SiteConfig) TenantDocroot(tenant string) (string, error) {
	p := pattern.Parse(c.Docroot)
	if p.Wildcards() == 0 {
		return "", fmt.Errorf("the docroot of site %s has no wildcard, so that there is no %q of it", c.Name, tenant)
	}
	parts := strings.Split(tenant, "/")
	if len(parts) != p.Wildcards() {
		return "", fmt.Errorf("the docroot of site %s, %s, has %d wildcards, and %q names %d of them: write all, with / between them",
			c.Name, c.Docroot, p.Wildcards(), tenant, len(parts))
	}
	docroot, ok := p.Docroot(parts)
	if !ok {
		return "", fmt.Errorf("%q cannot be in the docroot of site %s, %s", tenant, c.Name, c.Docroot)
	}
	return docroot, nil
}

// At is the site of one docroot of a pattern, as if it were written out by the name SITE/TENANT:
// {1} in pool, slots, releases and shared_dir is what the first wildcard has matched.
func (c SiteConfig) At(docroot string) SiteConfig {
	if !c.IsGlob() {
		return c
	}
	parts := pattern.Parse(c.Docroot).Parts(docroot)
	c.Of, c.Name, c.Docroot = c.Name, c.Name+"/"+strings.Join(parts, "/"), docroot
	c.Pool, c.Releases, c.SharedDir = pattern.Fill(c.Pool, parts), pattern.Fill(c.Releases, parts), pattern.Fill(c.SharedDir, parts)
	c.Slots = slices.Clone(c.Slots)
	for i, slot := range c.Slots {
		c.Slots[i] = pattern.Fill(slot, parts)
	}
	return c
}

// Wildcards is how many parts the names of the site's tenants have.
func (c SiteConfig) Wildcards() int {
	if !c.IsGlob() {
		return 0
	}
	return pattern.Parse(c.Docroot).Wildcards()
}

// MissingPlaceholder is one in a text, such as {2}, for which the site's docroot has no
// wildcard; "" if there is none.
func (c SiteConfig) MissingPlaceholder(text string) string {
	return pattern.Missing(text, c.Wildcards())
}

// UsesPool says whether a pool may run requests of the site, by its name.
func (c SiteConfig) UsesPool(name string) bool {
	if !pattern.IsForm(c.Pool) {
		return c.Pool == name
	}
	return pattern.Fits(c.Pool, name)
}

// Named finds the site that an operator means, by its name or as SITE/TENANT: its place
// among the sites, and the docroot if that was named too. A docroot that another site has
// written out is that site's. The error says which names are near.
func Named(sites []SiteConfig, name string) (at int, docroot string, err error) {
	at = slices.IndexFunc(sites, func(c SiteConfig) bool { return c.Name == name })
	if at >= 0 {
		return at, "", nil
	}
	var of SiteConfig
	var tenant string
	for _, c := range sites {
		if rest, ok := strings.CutPrefix(name, c.Name+"/"); ok && c.IsGlob() && len(c.Name) > len(of.Name) {
			of, tenant = c, rest
		}
	}
	if of.Name == "" {
		var names []string
		for _, c := range sites {
			names = append(names, c.Name)
		}
		return 0, "", fmt.Errorf("there is no site %q%s", name, nearest.Or(name, names))
	}
	if docroot, err = of.TenantDocroot(tenant); err != nil {
		return 0, "", err
	}
	at = SiteOf(sites, docroot)
	if !sites[at].IsGlob() {
		docroot = ""
	}
	return at, docroot, nil
}

// SiteOf is the place of the site that has a docroot, by the rules of a request; -1 for none.
func SiteOf(sites []SiteConfig, docroot string) int {
	at := slices.IndexFunc(sites, func(c SiteConfig) bool { return !c.IsGlob() && path.Clean(c.Docroot) == docroot })
	if at < 0 {
		at = slices.IndexFunc(sites, func(c SiteConfig) bool { return c.IsGlob() && c.Has(docroot) })
	}
	return at
}
