package gateway

import (
	"strings"
	"sync"
	"sync/atomic"

	"realdocd/gateway/pin"
)

// What stands in pins for a site is its name and, of a pattern, the tenant's: no path, so that
// a host follows the pins of another one that has its sites elsewhere.

// pinSiteOf is that of a site whose docroot is written out. A tenant that has got settings of its
// own, as name, is still the one of the pattern.
func pinSiteOf(pattern, name string) pin.Site {
	if tenant, is := strings.CutPrefix(name, pattern+"/"); is && pattern != "" {
		return pin.SiteOf(pattern, tenant)
	}
	return pin.SiteOf(name, "")
}

// pinSites remember those of a pattern's docroots, so that a request does not take one apart.
type pinSites struct {
	count atomic.Int32
	known sync.Map // the docroot, and its pin.Site
}

// maxPinSites bounds what is remembered.
const maxPinSites = 4096

// tagOf is what stands in pins for one of the site's docroots.
func (s *site) tagOf(docroot string) pin.Site {
	if !s.IsGlob() {
		return s.pinSite
	}
	if known, ok := s.pinSites.known.Load(docroot); ok {
		return known.(pin.Site)
	}
	its := pin.SiteOf(s.HistoryOf(), strings.Join(s.pattern.Parts(docroot), "/"))
	if s.pinSites.count.Load() < maxPinSites {
		if _, had := s.pinSites.known.LoadOrStore(docroot, its); !had {
			s.pinSites.count.Add(1)
		}
	}
	return its
}
