package main

import (
	"context"
	"fmt"
	"slices"
	"time"

	"realdocd/test/stack"
)

const (
	busyRate    = 1800 // requests a second: three times what 12 workers serve of 20 ms each
	busyClients = 500
	quietRate   = 20
	busyTakes   = 5 * time.Second
	calmTakes   = 4 * time.Second
	bestTakes   = 1200 // requests, 2 s of them
	// settled is when the queue has filled up.
	settled = time.Second
	// patience is the queue_timeout of one way: 1,800 requests a second that wait for
	// so long are fewer than 500, so that all of them find a free client.
	patience = 200 * time.Millisecond
)

// overload sends three times of what FPM can serve to one site, and a few
// requests to another on the same pool.
func overload(ctx context.Context, s *stack.Stack, r *report, rounds int) error {
	r.says("A busy site with %d requests/s from at most %d clients, a quiet one with %d/s; both sleep 20 ms, on %d FPM workers; "+
		"realdocd with its defaults, and with queue_timeout = %v; %d rounds of %v",
		busyRate, busyClients, quietRate, workers, patience, rounds, busyTakes)
	p, err := buildPressure(s)
	if err != nil {
		return err
	}
	ways := []*way{p.direct, p.realdocd, p.impatient}
	var best []float64
	for range rounds {
		rate, err := p.bestRate()
		if err != nil {
			return err
		}
		best = append(best, rate)
		measureCalm(ctx, ways)
		for _, w := range ways {
			w.measure(ctx, rate)
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
	r.busy(ways, median(best))
	r.quiet(ways)
	ours := p.realdocd
	r.wants("served, of FPM's own best", atLeast(0.97), median(ours.ofBest))
	r.wants("answers of 502, or none", atMost(0).whole(), float64(ours.broken()))
	r.wants("the quiet site's p99, of that alone", atMost(1.3), ratio(ours.pressed99, ours.calm99))
	r.says("The load generator itself lags by up to %s, in the median round", ms(median(p.impatient.lag)))
	return nil
}

// busy adds what became of the busy site's requests.
func (r *report) busy(ways []*way, best float64) {
	t := r.table("busy site", "sent", "not sent", "200", "503", "502", "other", "served/s", "of the best")
	t.row("12 clients of FPM", "-", "-", "-", "-", "-", "-", fmt.Sprintf("%.0f", best), "1.00")
	for _, w := range ways {
		n := w.statuses
		t.row(w.name, fmt.Sprint(w.sent), fmt.Sprint(w.unsent), fmt.Sprint(n[200]), fmt.Sprint(n[503]), fmt.Sprint(n[502]),
			fmt.Sprint(w.sent-n[200]-n[503]-n[502]), fmt.Sprintf("%.0f", median(w.rates)), fmt.Sprintf("%.2f", median(w.ofBest)))
	}
	t.end()
}

// quiet adds how late refusals were, and how long the quiet site's requests took.
func (r *report) quiet(ways []*way) {
	t := r.table("quiet site", "p99 alone", "under load", "ratio", "failed", "refused late by, p99", "at most")
	for _, w := range ways {
		late, latest := "-", "-"
		if len(w.latest) > 0 {
			late, latest = ms(median(w.late99)), ms(slices.Max(w.latest))
		}
		t.row(w.name, fmt.Sprintf("%.1f ms", median(w.calm99)), fmt.Sprintf("%.1f ms", median(w.pressed99)),
			fmt.Sprintf("%.2f", ratio(w.pressed99, w.calm99)), fmt.Sprint(w.quietFailed), late, latest)
	}
	t.end()
}

// A pressure is what takes the load.
type pressure struct {
	direct, realdocd *way
	impatient        *way // realdocd with patience

	fpm  *stack.FPM
	slow []byte // a request of the busy site
}

// buildPressure starts every part.
func buildPressure(s *stack.Stack) (*pressure, error) {
	busy := s.Site(stack.SiteConfig{Name: "busy", Pages: scripts})
	quiet := s.Site(stack.SiteConfig{Name: "quiet", Pages: scripts})
	fpm := s.FPM(stack.FPMConfig{MaxChildren: workers})
	gateway := s.Gateway(stack.GatewayFor(fpm, busy, quiet))
	config := stack.GatewayFor(fpm, busy, quiet)
	config.Pools["www"]["queue_timeout"] = patience.String()
	impatient := s.Gateway(config)
	nginx := s.Nginx(stack.NginxConfig{Servers: []stack.NginxServer{
		{Root: busy.DocRoot(), Backend: fpm.Addr},
		{Root: quiet.DocRoot(), Backend: fpm.Addr},
		{Root: busy.DocRoot(), Backend: gateway.Addr, KeepAlive: 64},
		{Root: quiet.DocRoot(), Backend: gateway.Addr, KeepAlive: 64},
		{Root: busy.DocRoot(), Backend: impatient.Addr, KeepAlive: 64},
		{Root: quiet.DocRoot(), Backend: impatient.Addr, KeepAlive: 64},
	}})
	request, err := get(busy.DocRoot(), slow)
	if err != nil {
		return nil, err
	}
	return &pressure{
		direct:    &way{name: "nginx → FPM", busy: nginx.URL(0, slow), quiet: nginx.URL(1, slow), statuses: map[int]int{}},
		realdocd:  &way{name: "realdocd, defaults", busy: nginx.URL(2, slow), quiet: nginx.URL(3, slow), statuses: map[int]int{}},
		impatient: &way{name: "realdocd, queue_timeout", busy: nginx.URL(4, slow), quiet: nginx.URL(5, slow), statuses: map[int]int{}},
		fpm:       fpm,
		slow:      request,
	}, nil
}

// bestRate is what FPM serves a second when every worker has the connection of
// one client, who asks again as soon as he has his answer.
func (p *pressure) bestRate() (float64, error) {
	web, err := connect(p.fpm.Addr, workers)
	if err != nil {
		return 0, err
	}
	defer web.close()
	began := time.Now()
	a := web.together(bestTakes, func(int) []byte { return p.slow })
	return bestTakes / time.Since(began).Seconds(), a.failure
}
