package main

import (
	"context"
	"fmt"
	"time"

	"realdocd/test/stack"
)

const idleConnections = 10_000

// idle opens connections as a web server keeps them, with one request through
// each, and prints what an idle one costs realdocd in resident memory.
func idle(ctx context.Context, s *stack.Stack, r *report, _ int) error {
	counts := []int{idleConnections}
	if raiseOpenFiles(5*idleConnections+512) == nil {
		counts = append(counts, 5*idleConnections)
	}
	r.says("Resident memory of realdocd before and after so many connections are opened and a request goes through each; "+
		"%v later, and at the most", idleSettles)
	site := s.Site(stack.SiteConfig{Pages: scripts})
	fpm := s.FPM(stack.FPMConfig{MaxChildren: workers})
	request, err := get(site.DocRoot(), trivial)
	if err != nil {
		return err
	}
	t := r.table("connections", "before", "after", "peak", "a connection")
	for _, n := range counts {
		before, after, err := measureIdle(ctx, s.Gateway(stack.GatewayFor(fpm, site)), n, request)
		if err != nil {
			return err
		}
		each := float64(after.RSS-before.RSS) / 1024 / float64(n)
		r.wants(fmt.Sprintf("each of %d idle connections", n), atMost(2.5).in(" KiB"), each)
		mib := func(bytes int64) string { return fmt.Sprintf("%.1f MiB", float64(bytes)/(1<<20)) }
		t.row(fmt.Sprint(n), mib(before.RSS), mib(after.RSS), mib(after.PeakRSS),
			fmt.Sprintf("%.2f KiB", each))
	}
	t.end()
	if len(counts) == 1 {
		r.says("50,000 were not tried: the limit on open files is too low")
	}
	return nil
}

// idleSettles is how long connections have been idle when the memory is looked at.
const idleSettles = 3 * time.Second

func measureIdle(ctx context.Context, gateway *stack.Gateway, n int, request []byte) (before, after stack.Usage, err error) {
	if before, err = gateway.Usage(); err != nil {
		return before, after, err
	}
	web, err := connect(gateway.Addr, n)
	if err != nil {
		return before, after, err
	}
	defer web.close()
	if a := web.inTurn(1, func(int) []byte { return request }); a.failure != nil {
		return before, after, a.failure
	}
	select {
	case <-time.After(idleSettles):
	case <-ctx.Done():
		return before, after, ctx.Err()
	}
	after, err = gateway.Usage()
	return before, after, err
}
