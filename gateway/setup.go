package gateway

import (
	"fmt"
	"maps"
	"sync/atomic"

	"realdocd/gateway/fpm"
	"realdocd/gateway/sock"
)

// A setup is one configuration at work. A request runs under one from its
// beginning to its end; a reload makes another, which takes over the pools and
// the sites that it names too, with all that is known of them.
type setup struct {
	cfg      Config
	sites    siteTable
	arrivals arrivals
	pools    map[string]*fpm.Pool
	// standings are where the sites stand in the fleet; nil without one.
	standings atomic.Pointer[standings]
}

// newSetup makes a setup of a configuration without faults. before is the one that
// it replaces; nil for the first.
func newSetup(cfg Config, before *setup, s *Server) *setup {
	now := &setup{cfg: cfg, pools: map[string]*fpm.Pool{}}
	known := map[string]*site{}
	if before != nil {
		for _, st := range before.sites.all {
			known[st.Name] = st
		}
	}
	s.total.SetLimit(cfg.MaxConns)
	sharers := sharersOf(cfg.Pools)
	for _, c := range cfg.Pools {
		c.Sharers = sharers
		var p *fpm.Pool
		if before != nil {
			p = before.pools[c.Name]
		}
		if p == nil {
			p = fpm.New(c, s.log)
			s.remember(p)
			p.Spare, p.Total, p.Turns = s.spare, &s.total, s.turns
		} else {
			p.Configure(c)
		}
		now.pools[c.Name] = p
	}
	var sites []*site
	for _, c := range cfg.Sites {
		st := newSite(c, now.pools, known[c.Name], s)
		if of := known[c.Of]; of != nil && known[c.Name] == nil {
			st.maintenances.inherit(of.maintenances, c.Docroot)
		}
		if c.IncludePath != "" {
			st.eachPool(func(p *fpm.Pool) { p.SetsIncludePath.Store(true) })
		}
		sites = append(sites, st)
	}
	now.sites = newSiteTable(sites)
	s.moveMaintenances(now)
	return now
}

// sharersOf counts the pools that use a listener, of those that several use.
func sharersOf(pools []fpm.Config) map[sock.Addr]int {
	users := map[sock.Addr]int{}
	for _, c := range pools {
		for _, addr := range c.Servers {
			users[addr]++
		}
	}
	maps.DeleteFunc(users, func(_ sock.Addr, n int) bool { return n < 2 })
	return users
}

// Reload takes another configuration without losing a request or a connection.
// If it fails, nothing has changed; it fails at once while another Reload or a HandOver
// is under way. Requests that run go on under the configuration, and in the pool, that
// they began with.
func (s *Server) Reload(cfg Config) error {
	if err := s.life.become(reloading); err != nil {
		return err
	}
	defer s.life.must(serving)
	if err := s.readKeys(&cfg); err != nil {
		s.ReloadFailed()
		return err
	}
	opened, err := s.openNew(&cfg)
	if err != nil {
		s.ReloadFailed()
		return fmt.Errorf("open the sockets: %w", err)
	}
	before := s.setup.Load()
	now := newSetup(cfg, before, s)
	s.fleet.adopt(now, &s.setup)
	s.forgetStandings()
	s.tellStandings()
	s.begin(now, before)
	s.sockets.Store(s.replace(opened, &now.cfg))
	for name, p := range before.pools {
		if now.pools[name] == nil {
			p.Discard()
		}
	}
	s.metrics.forget(before, now)
	s.page.Always(cfg.Page != "")
	s.reloads.took(&cfg)
	return nil
}
