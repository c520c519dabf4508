package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"realdocd/test/stack"
)

const (
	mostSites       = 10_000
	mostConnections = 4096
	growthRequests  = 10_000 // a case and round
)

// growth measures what a request costs realdocd with more and more sites, and
// with more and more connections of web servers. With many sites each is asked
// rarely, so that realdocd walks its whole path and not only the link: the table
// has how often a site is asked.
func growth(ctx context.Context, s *stack.Stack, r *report, rounds int) error {
	r.says("CPU of realdocd a request for a script that does nothing, %d requests a case, %d rounds; "+
		"the sites are docroots of one glob, %d of them on disk, and requests go to all of a case in turn",
		growthRequests, rounds, mostSites)
	docroots, err := writeDocroots(ctx, filepath.Join(s.Dir, "sites"))
	if err != nil {
		return err
	}
	fpm := s.FPM(stack.FPMConfig{MaxChildren: workers})
	cases := []*growthCase{
		{sites: 1, connections: 8},
		{sites: 100, connections: 8},
		{sites: mostSites, connections: 8},
		{sites: 1, connections: 256},
		{sites: 1, connections: mostConnections},
	}
	for _, c := range cases {
		if err := c.start(s, fpm, docroots[:c.sites]); err != nil {
			return fmt.Errorf("%v: %w", c, err)
		}
		defer c.web.close()
	}
	for range rounds {
		for _, c := range cases {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			if err := c.measure(); err != nil {
				return fmt.Errorf("%v: %w", c, err)
			}
		}
	}
	return r.growth(cases)
}

// A growthCase is a gateway with so many sites in use, and connections to it.
type growthCase struct {
	sites, connections int

	gateway  *stack.Gateway
	web      webServer
	requests [][]byte // one a site

	cpu, rates []float64 // µs a request, requests a second; a value a round
}

func (c *growthCase) String() string {
	if c.sites == 1 {
		return fmt.Sprintf("1 site and %d connections", c.connections)
	}
	return fmt.Sprintf("%d sites and %d connections", c.sites, c.connections)
}

// start leaves the case with every connection and every site in use, so that
// what is measured is neither the opening nor the first look.
func (c *growthCase) start(s *stack.Stack, fpm *stack.FPM, docroots []string) (err error) {
	for _, docroot := range docroots {
		request, err := get(docroot, trivial)
		if err != nil {
			return err
		}
		c.requests = append(c.requests, request)
	}
	config := stack.GatewayFor(fpm)
	config.Pools["www"]["queue"] = c.connections // the default is 1,024, and all connections ask at once
	config.Sites["all"] = stack.Keys{"docroot": filepath.Join(s.Dir, "sites", "*", "current", "public")}
	c.gateway = s.Gateway(config)
	if c.web, err = connect(c.gateway.Addr, c.connections); err != nil {
		return err
	}
	if a := c.web.inTurn(workers, c.request); a.failure != nil {
		return a.failure
	}
	return c.web.together(len(docroots), c.request).failure
}

func (c *growthCase) request(n int) []byte { return c.requests[n%len(c.requests)] }

func (c *growthCase) measure() error {
	before, err := c.gateway.Usage()
	if err != nil {
		return err
	}
	began := time.Now()
	a := c.web.together(growthRequests, c.request)
	took := time.Since(began)
	after, err := c.gateway.Usage()
	if err != nil {
		return err
	}
	c.cpu = append(c.cpu, float64((after.CPU-before.CPU).Microseconds())/growthRequests)
	c.rates = append(c.rates, growthRequests/took.Seconds())
	return a.failure
}

// growth adds the table of all cases.
func (r *report) growth(cases []*growthCase) error {
	smallest := cases[0]
	t := r.table("sites", "connections", "CPU/req", "of the smallest", "req/s", "a site", "resident")
	for _, c := range cases {
		usage, err := c.gateway.Usage()
		if err != nil {
			return err
		}
		t.row(fmt.Sprint(c.sites), fmt.Sprint(c.connections), fmt.Sprintf("%.1f µs", median(c.cpu)),
			fmt.Sprintf("%.2f", ratio(c.cpu, smallest.cpu)), fmt.Sprintf("%.0f", median(c.rates)), fmt.Sprintf("%.1f", median(c.rates)/float64(c.sites)),
			fmt.Sprintf("%.1f MiB", float64(usage.RSS)/(1<<20)))
	}
	t.end()
	for _, c := range cases[1:] {
		r.wants(fmt.Sprintf("CPU, %v", c), atMost(1.05), ratio(c.cpu, smallest.cpu))
	}
	return nil
}

// writeDocroots lays out all sites below dir, as deploy tools do:
// NAME/current -> releases/1, with public/trivial.php in it.
func writeDocroots(ctx context.Context, dir string) (docroots []string, err error) {
	for n := range mostSites {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		site := filepath.Join(dir, fmt.Sprintf("site%05d", n))
		public := filepath.Join(site, "releases", "1", "public")
		if err := os.MkdirAll(public, 0o755); err != nil {
			return nil, err
		}
		script := filepath.Join(public, trivial)
		if err := os.WriteFile(script, []byte("<?php echo 'hello';\n"), 0o644); err != nil {
			return nil, err
		}
		if err := os.Symlink("releases/1", filepath.Join(site, "current")); err != nil {
			return nil, err
		}
		docroots = append(docroots, filepath.Join(site, "current", "public"))
	}
	return docroots, nil
}
