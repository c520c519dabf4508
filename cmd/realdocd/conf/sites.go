package conf

import (
	"path"
	"slices"
	"strings"

	"github.com/BurntSushi/toml"

	"realdocd/gateway"
	"realdocd/gateway/nearest"
	"realdocd/gateway/pattern"
)

func (d *document) readSite(name string, raw map[string]any) {
	at := []string{"site", name}
	site := defaultSite(name)
	d.table(at, raw, siteKeys(&site))
	d.fillIn(&site)
	docroot := append(at, "docroot")
	switch {
	case d.isExcused(docroot):
	case site.Docroot == "":
		d.noDocroot(at, name)
	case !site.IsGlob() && site.LinkAfter != "" && path.Clean(site.Docroot) != path.Clean(site.LinkAfter) && !below(site.Docroot, site.LinkAfter):
		d.fault([]string{"site", name, "link_after"}, "the docroot %q is not below %q", site.Docroot, site.LinkAfter)
	}
	if header := site.RequestIDHeader; header != "" && strings.EqualFold(header, site.ReleaseHeader) {
		d.fault([]string{"site", name, "request_id_header"}, `%q is the release_header already; take a name such as "X-Request-Id"`, header)
	}
	d.checkPlaceholders(&site)
	d.checkDeploys(&site)
	d.config.Gateway.Sites = append(d.config.Gateway.Sites, site)
}

// noDocroot notes a site without a docroot, and whose docroot it may have been meant to be.
func (d *document) noDocroot(at []string, name string) {
	if of, _, ok := strings.Cut(name, "/"); ok {
		d.faults.add(d.lines.of(at...), `[%s] has no docroot: name it, or give it the name of a site with a pattern and, behind a /, what the wildcard stands for: there is no such [%s]%s`,
			toml.Key(at), toml.Key{"site", of}, nearest.Hint(of, d.patterns()))
		return
	}
	d.faults.add(d.lines.of(at...), `[%s] has no docroot: name it, as in docroot = "/var/www/%s/current/public"`, toml.Key(at), name)
}

// patterns are the names of the sites with patterns that were read.
func (d *document) patterns() (names []string) {
	for _, site := range d.config.Gateway.Sites {
		if site.IsGlob() {
			names = append(names, site.Name)
		}
	}
	return names
}

func (d *document) checkSites() {
	g := &d.config.Gateway
	if len(g.Sites) == 0 && !g.ForwardUnmatched && !d.isExcused([]string{"site"}) {
		d.faults.add(0, `no site: add [site.shop] with docroot = "/var/www/shop/current/public"`)
	}
	taken := map[string]string{}
	for i := range g.Sites {
		site := &g.Sites[i]
		d.choosePool(site)
		if other, ok := taken[site.Docroot]; ok && site.Docroot != "" {
			d.fault([]string{"site", site.Name, "docroot"}, "%q is the docroot of [%s] already", site.Docroot, toml.Key{"site", other})
		}
		taken[site.Docroot] = site.Name
	}
	d.checkOverlaps()
}

// choosePool fills in the only pool, and refuses a pool that is not there.
func (d *document) choosePool(site *gateway.SiteConfig) {
	var names []string
	for _, p := range d.config.Gateway.Pools {
		names = append(names, p.Name)
	}
	at := []string{"site", site.Name, "pool"}
	switch {
	case d.isExcused([]string{"pool"}) || d.isExcused(at) || slices.Contains(names, site.Pool):
	case pattern.IsForm(site.Pool):
		d.wantSomePool(site, names)
	case site.Pool == "" && len(names) == 1:
		site.Pool = names[0]
	case site.Pool == "":
		d.faults.add(d.lines.of(at...), `[%s] names no pool, and there are %d: add pool = "%s"`,
			toml.Key(at[:2]), len(names), strings.Join(names, `" or "`))
	default:
		d.fault(at, "there is no [%s]%s", toml.Key{"pool", site.Pool}, nearest.Hint(site.Pool, names))
	}
}

// below says whether file is in the directory dir, at any depth.
func below(file, dir string) bool {
	dir = strings.TrimSuffix(path.Clean(dir), "/")
	return strings.HasPrefix(path.Clean(file), dir+"/")
}

func (d *document) siteTables() (all []table) {
	sites := d.config.Gateway.Sites
	for i := range sites {
		all = append(all, table{[]string{"site", sites[i].Name}, siteKeys(&sites[i])})
	}
	return all
}
