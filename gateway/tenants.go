package gateway

import (
	"fmt"
	"slices"
	"strings"
	"sync"

	"realdocd/deploy"
	"realdocd/gateway/fpm"
	"realdocd/gateway/pattern"
	"realdocd/gateway/spare"
)

// A tenant is one docroot of a site with a pattern, at work. It is found once, and not for
// each request.
type tenant struct {
	site    *site
	docroot string
	name    string    // what the wildcards have matched
	pool    *fpm.Pool // nil if the configuration has none for it
	metrics *siteMetrics
}

// tenantTable remembers the tenants of one configuration that were asked for.
type tenantTable struct {
	mu    sync.RWMutex // guards the following
	known map[string]*tenant
}

// tenant gives the tenant of a clean docroot that fits a pattern; nil if it fits none. The
// caller has looked whether a site has the docroot written out.
func (t *siteTable) tenant(docroot string, m *metrics) *tenant {
	if len(t.globs) == 0 {
		return nil
	}
	t.tenants.mu.RLock()
	known := t.tenants.known[docroot]
	t.tenants.mu.RUnlock()
	if known != nil {
		return known
	}
	for _, s := range t.globs {
		if s.Has(docroot) {
			return t.tenants.remember(s.tenantOf(strings.Clone(docroot), m)) // it is a view of a buffer that is used again
		}
	}
	return nil
}

// remember keeps a tenant. Names that visitors have made up must not fill the memory.
func (t *tenantTable) remember(one *tenant) *tenant {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.known) >= deploy.MaxDocroots {
		clear(t.known)
	}
	if t.known == nil {
		t.known = map[string]*tenant{}
	}
	t.known[one.docroot] = one
	return one
}

func (s *site) tenantOf(docroot string, m *metrics) *tenant {
	t := &tenant{site: s, docroot: docroot, name: s.tenantName(docroot), metrics: s.metrics}
	t.pool, _ = s.poolOf(docroot)
	if t.pool != nil && s.pool == nil {
		t.metrics = m.site(s.Name, t.pool.Name)
	}
	return t
}

// tenantName is the name of a docroot; "" if the site's docroot is no pattern.
func (s *site) tenantName(docroot string) string {
	if s.pattern == nil {
		return ""
	}
	return strings.Join(s.pattern.Parts(docroot), "/")
}

// poolOf is the pool of a docroot. The error says which one is missing.
func (s *site) poolOf(docroot string) (*fpm.Pool, error) {
	if s.pool != nil {
		return s.pool, nil
	}
	if p := s.pools[s.poolName(docroot)]; p != nil {
		return p, nil
	}
	return nil, s.noPool(docroot)
}

// poolName is what the site's pool is called for a docroot.
func (s *site) poolName(docroot string) string {
	if s.pattern == nil {
		return s.Pool
	}
	return pattern.Fill(s.Pool, s.pattern.Parts(docroot))
}

func (s *site) noPool(docroot string) error {
	return fmt.Errorf("there is no [pool.%s] for the docroot %s of site %s: add it, or give the docroot another pool, in [site.%q]",
		s.poolName(docroot), docroot, s.Name, s.Name+"/"+s.tenantName(docroot))
}

// hasRelease says whether a docroot is known to have had a release, by its path.
func (s *site) hasRelease(docroot, release string) bool {
	return slices.Contains(s.releases.DocrootsOf(release), docroot)
}

// uses says whether the pool may run requests of the site.
func (s *site) uses(p *fpm.Pool) bool {
	if s.pool != nil {
		return s.pool == p
	}
	return s.UsesPool(p.Name)
}

// eachPool does something with each pool that may run requests of the site.
func (s *site) eachPool(do func(*fpm.Pool)) {
	for _, p := range s.pools {
		if s.uses(p) {
			do(p)
		}
	}
}

// maxTold bounds the names in one event of the log.
const maxTold = 10

// tellMissingPools tells which docroots on disk have no pool, before a visitor meets it. It
// looks at the disk, and ends then.
func (s *Server) tellMissingPools(now *setup, st *site) {
	var docroots []string
	spare.During(func() { docroots, _ = deploy.Docroots(st.Docroot) }) // a pattern with a fault is refused
	var missing []string
	for _, docroot := range docroots {
		if now.sites.find(docroot) != st {
			continue
		}
		if _, err := st.poolOf(docroot); err != nil {
			missing = append(missing, st.poolName(docroot))
		}
	}
	if len(missing) > 0 {
		s.log.Warn().Str("site", st.Name).Int("docroots", len(missing)).Strs("pools", missing[:min(len(missing), maxTold)]).
			Msg("docroots of a pattern have no pool, and their requests are refused: add the pools")
	}
}
