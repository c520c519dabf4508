package conf

import (
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/BurntSushi/toml"

	"realdocd/gateway"
	"realdocd/gateway/control"
	"realdocd/gateway/nearest"
	"realdocd/gateway/pattern"
)

// inherit completes the sites that are one docroot of a site with a pattern, as their names
// say: [site."all/s1"] has the docroot that all/s1 means, and each key of [site.all] that it
// does not set itself.
func (d *document) inherit(v any) {
	sites, _ := v.(map[string]any)
	for _, name := range slices.Sorted(maps.Keys(sites)) {
		raw, _ := sites[name].(map[string]any)
		parent, of := d.parentOf(name, sites)
		if raw == nil || parent == nil {
			continue
		}
		at := []string{"site", name, "docroot"}
		docroot, err := of.TenantDocroot(strings.TrimPrefix(name, of.Name+"/"))
		if err != nil {
			d.fault(at, "%v", err)
			continue
		}
		if raw["docroot"] != nil && raw["docroot"] != docroot {
			d.fault(at, "by its name this site is the docroot %s of [%s]: leave docroot out, or take another name", docroot, toml.Key{"site", of.Name})
			continue
		}
		whole := maps.Clone(parent)
		if raw["slots"] != nil || raw["releases"] != nil {
			delete(whole, "slots") // of the two, it has what it says
			delete(whole, "releases")
		}
		maps.Copy(whole, raw)
		whole["docroot"] = docroot
		sites[name] = whole
		d.tenants[name] = of
	}
}

// isToldOfPattern says whether a key of a site is the pattern's, and its fault was told there.
func (d *document) isToldOfPattern(at []string, known bool) bool {
	if len(at) != 3 || at[0] != "site" {
		return false
	}
	of, ok := d.tenants[at[1]]
	if _, own := d.lines[toml.Key(at).String()]; !ok || own || at[2] == "docroot" {
		return false
	}
	return !known || d.isExcused([]string{"site", of.Name, at[2]})
}

// parentOf is the site with a pattern that a name begins with; nil for none.
func (d *document) parentOf(name string, sites map[string]any) (parent map[string]any, of gateway.SiteConfig) {
	for i, c := range name {
		if c != '/' {
			continue
		}
		raw, _ := sites[name[:i]].(map[string]any)
		docroot, _ := raw["docroot"].(string)
		docroot, _ = d.expanded(docroot)
		if site := (gateway.SiteConfig{Name: name[:i], Docroot: path.Clean(docroot)}); site.IsGlob() {
			parent, of = raw, site
		}
	}
	return parent, of
}

// fillIn puts what the wildcards of a pattern have matched into a site that is one docroot
// of it.
func (d *document) fillIn(site *gateway.SiteConfig) {
	of, ok := d.tenants[site.Name]
	if !ok {
		return
	}
	site.Of = of.Name
	as := *site
	as.Docroot, as.Name = of.Docroot, of.Name
	its := as.At(site.Docroot)
	site.Pool, site.Slots, site.Releases, site.SharedDir = its.Pool, its.Slots, its.Releases, its.SharedDir
}

// checkPlaceholders refuses a {1} that no wildcard of the docroot stands for, and one in a
// value in which it is not replaced.
func (d *document) checkPlaceholders(site *gateway.SiteConfig) {
	at := func(key string) []string { return []string{"site", site.Name, key} }
	for key, texts := range map[string][]string{
		"pool": {site.Pool}, "releases": {site.Releases}, "shared_dir": {site.SharedDir}, "slots": site.Slots,
	} {
		for _, text := range texts {
			switch missing := site.MissingPlaceholder(text); {
			case missing == "" || d.isExcused(at(key)):
			case site.IsGlob():
				d.fault(at(key), "%q has %s, and the docroot %s has %s", text, missing, site.Docroot, control.Count(site.Wildcards(), "wildcard"))
			default:
				d.fault(at(key), "%q has %s, which stands for what a wildcard of the docroot matches, and %s has none", text, missing, site.Docroot)
			}
		}
	}
	for key, text := range map[string]string{
		"include_path": site.IncludePath, "link_after": site.LinkAfter, "search_replace_pattern": site.SearchReplacePattern,
	} {
		if pattern.IsForm(text) && !d.isExcused(at(key)) {
			d.fault(at(key), "%q: {1} and its like are replaced in pool, slots, releases and shared_dir alone", text)
		}
	}
}

// wantSomePool wants there to be a pool of the form that a site names, such as fpm-{1}.
func (d *document) wantSomePool(site *gateway.SiteConfig, names []string) {
	if !slices.ContainsFunc(names, site.UsesPool) {
		form := strings.ReplaceAll(site.Pool, "{1}", "NAME")
		d.fault([]string{"site", site.Name, "pool"}, "there is no pool of the form %q, such as [%s]%s", site.Pool, toml.Key{"pool", form}, nearest.Hint(form, names))
	}
}
