package main

import (
	"context"
	"fmt"

	"realdocd/test/stack"
)

const idleConnections = 10_000

// idle opens connections as a web server keeps them, with one request through
// each, and prints what an idle one costs realdocd in resident memory.
func idle(_ context.Context, s *stack.Stack, _ int) error {
	fmt.Printf("resident memory of realdocd before and after %d connections are opened, a request goes through each, and they stay\n",
		idleConnections)
	site := s.Site(stack.SiteConfig{Pages: scripts})
	fpm := s.FPM(stack.FPMConfig{MaxChildren: workers})
	gateway := s.Gateway(stack.GatewayFor(fpm, site))
	before, err := gateway.Usage()
	if err != nil {
		return err
	}
	request, err := get(site.DocRoot(), trivial)
	if err != nil {
		return err
	}
	web, err := connect(gateway.Addr, idleConnections)
	if err != nil {
		return err
	}
	defer web.close()
	if a := web.inTurn(1, func(int) []byte { return request }); a.failure != nil {
		return a.failure
	}
	after, err := gateway.Usage()
	if err != nil {
		return err
	}
	mib := func(bytes int64) string { return fmt.Sprintf("%.1f MiB", float64(bytes)/(1<<20)) }
	t := newTable("connections", "before", "after", "peak", "a connection")
	t.row(fmt.Sprint(idleConnections), mib(before.RSS), mib(after.RSS), mib(after.PeakRSS),
		fmt.Sprintf("%.1f KiB", float64(after.RSS-before.RSS)/1024/idleConnections))
	t.end()
	return nil
}
