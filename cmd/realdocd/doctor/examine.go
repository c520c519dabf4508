package doctor

import (
	"context"

	"realdocd/gateway"
	"realdocd/gateway/control"
)

// An examination is one in progress.
type examination struct {
	ctx      context.Context
	config   gateway.Config
	findings []Finding

	view    *control.View   // what the daemon sees; nil if it was not asked
	status  *control.Status // its state; nil likewise
	roots   []*root         // the docroots that resolve
	probes  *probeFiles
	servers []*server
}

// Examine looks at everything that a configuration without faults names, and at the
// running daemon if there is one. ctx bounds the whole. The findings name what was
// left out because the time was over.
func Examine(ctx context.Context, c gateway.Config) []Finding {
	x := &examination{ctx: ctx, config: c}
	x.askDaemon()
	x.checkMachine()
	x.resolveDocroots()
	x.readCode()
	x.probes = newProbeFiles(c, x.roots)
	defer x.probes.remove()
	x.askServers()
	for _, s := range x.servers {
		s.checkVersion()
		s.checkReleases()
		s.checkINI()
		s.checkOpcache()
		s.checkConfiguration()
	}
	x.checkPools()
	x.checkWebServer()
	return x.findings
}

// add notes a finding.
func (x *examination) add(k kind, s Subject, what, do string) {
	x.findings = append(x.findings, finding(k, s, what, do))
}

// sitesOf are the sites that a pool serves.
func (x *examination) sitesOf(pool string) (sites []gateway.SiteConfig) {
	for _, s := range x.config.Sites {
		if s.UsesPool(pool) {
			sites = append(sites, s)
		}
	}
	return sites
}
