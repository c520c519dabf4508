package main

import (
	"context"

	"realdocd/test/stack"
)

// A setting is one thing that is not as by default. What it costs is measured beside a
// realdocd with the defaults.
type setting struct {
	name string
	set  func(c *stack.GatewayConfig, site *stack.Site)
}

var tried = []setting{
	{`reuse = "off"`, func(c *stack.GatewayConfig, _ *stack.Site) { c.Pools["www"]["reuse"] = "off" }},
	{"no access log", func(c *stack.GatewayConfig, _ *stack.Site) { c.Log["access"] = false }},
	{`realpath_every = "2s"`, func(c *stack.GatewayConfig, site *stack.Site) {
		c.Sites[site.Name]["realpath_every"] = "2s"
	}},
}

// settings measures what settings cost, with the fewest clients.
func settings(ctx context.Context, s *stack.Stack, r *report, rounds int) error {
	const clients = 8
	r.says("Requests for a script that does nothing, %d clients, %d rounds; ratios are of the defaults", clients, rounds)
	site := s.Site(stack.SiteConfig{Pages: scripts})
	var paths []*path
	var servers []stack.NginxServer
	for _, one := range append([]setting{{"defaults", func(*stack.GatewayConfig, *stack.Site) {}}}, tried...) {
		fpm := s.FPM(stack.FPMConfig{MaxChildren: workers}) // of its own: two that keep connections to one are in each other's way
		c := stack.GatewayFor(fpm, site)
		one.set(&c, site)
		gateway, err := startReusing(s, c)
		if err != nil {
			return err
		}
		paths = append(paths, &path{name: one.name, pids: []int{gateway.Pid()}, fpm: fpm.Workers()})
		servers = append(servers, stack.NginxServer{Root: site.DocRoot(), Backend: gateway.Addr, KeepAlive: 64})
	}
	nginx := s.Nginx(stack.NginxConfig{Servers: servers})
	for i, p := range paths {
		p.url, p.base = nginx.URL(i, trivial), paths[0]
	}
	if err := alternate(ctx, paths, rounds, clients); err != nil {
		return err
	}
	t := r.table("", "req/s", "ratio", "p99", "ratio", "CPU", "ratio", "PHP-FPM's", "ratio")
	for _, p := range paths {
		t.row(p.compared(clients)...)
	}
	t.end()
	return nil
}
