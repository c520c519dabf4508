package doctor

import (
	"context"
	"fmt"

	"realdocd/gateway"
	"realdocd/gateway/control"
	"realdocd/gateway/fpmconf"
)

// Surroundings are what an examination has to know beside what the gateway is told.
type Surroundings struct {
	// ConfigFile is the file that the configuration is of, and LogFile the file of the log;
	// "" if there is none.
	ConfigFile, LogFile string
	// Root is the directory below which /etc and the like are looked for; "" is that of
	// this machine.
	Root string
	// Program is the one that the daemon should be; "" is this one.
	Program string
	// Unit are the properties of the daemon's unit as systemctl show has them; none if
	// there is no unit. nil has systemd asked.
	Unit map[string]string
	// Store is how the agent of this host's fleet reaches etcd, and AgentUnit are the properties of
	// its unit, as Unit has them.
	Store     Store
	AgentUnit map[string]string
	// Synchronised says whether the clock of this host is; nil has the kernel asked.
	Synchronised *bool
}

// An examination is one in progress.
type examination struct {
	ctx      context.Context
	config   gateway.Config
	at       Surroundings
	findings []Finding

	daemon  *identity       // whom the daemon runs as, or would; nil if that is not known
	unit    unit            // of the daemon
	unasked bool            // a daemon runs that may not be asked, or does not answer
	view    *control.View   // what the daemon sees; nil if it was not asked
	status  *control.Status // its state; nil likewise
	roots   []*root         // the docroots that resolve
	probes  *probeFiles
	servers []*server
	fpms    fpmconf.Finder
}

// Examine looks at everything that a configuration without faults names, and at the
// running daemon if there is one. ctx bounds the whole. The findings name what was
// left out because the time was over.
func Examine(ctx context.Context, c gateway.Config, at Surroundings) []Finding {
	x := &examination{ctx: ctx, config: c, at: at}
	if at.Unit == nil {
		x.unit = askUnit(ctx, at.ConfigFile)
	} else if len(at.Unit) > 0 {
		x.unit = at.Unit
	}
	x.askDaemon()
	x.findDaemonUser()
	x.checkMachine()
	x.checkFleet()
	before := len(x.findings)
	x.checkOpens()
	if len(x.findings) == before && !x.unasked {
		x.add(kindOpens, Subject{}, fmt.Sprintf("What serve opens, the daemon, as %s, has open or can open.", x.daemonName()), "")
	}
	x.resolveDocroots()
	x.checkUnresolved()
	x.readCode()
	x.checkHooks()
	x.probes = newProbeFiles(c, x.roots)
	defer x.probes.remove()
	x.askServers()
	for _, s := range x.servers {
		s.checkVersion()
		s.checkReleases()
		s.checkINI()
		s.checkTimeouts()
		s.checkOpcache()
		s.checkConfiguration()
	}
	x.checkPools()
	x.checkWebServer()
	x.checkNginx()
	x.checkApache()
	x.checkJobs()
	return together(x.findings)
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
