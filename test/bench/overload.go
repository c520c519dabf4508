package main

import (
	"context"
	"fmt"
	"time"

	"realdocd/test/stack"
)

const (
	busyRate    = 1800 // requests a second: three times what 12 workers serve of 20 ms each
	busyClients = 500
	quietRate   = 5
	busyTakes   = 5 * time.Second
	calmTakes   = 4 * time.Second
	bestTakes   = 1200 // requests, 2 s of them
	// settled is when the queue has filled up.
	settled = time.Second
	// patience is the pool's queue_timeout: 1,800 requests a second that wait for
	// so long are fewer than 500, so that all of them find a free client.
	patience = 200 * time.Millisecond
)

// overload sends three times of what FPM can serve to one site, and a few
// requests to another on the same pool.
func overload(ctx context.Context, s *stack.Stack, rounds int) error {
	fmt.Printf("a busy site with %d requests/s from at most %d clients, a quiet one with %d/s; both sleep 20 ms, on %d FPM workers; "+
		"realdocd with max_conns = %d, queue_timeout = %v; %d rounds of %v\n",
		busyRate, busyClients, quietRate, workers, workers, patience, rounds, busyTakes)
	ways, best, err := buildOverload(s)
	if err != nil {
		return err
	}
	var bests []float64
	for range rounds {
		rate, err := best()
		if err != nil {
			return err
		}
		bests = append(bests, rate)
		measureCalm(ctx, ways)
		for _, w := range ways {
			w.measure(ctx, rate)
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
	printBusy(ways, median(bests))
	printQuiet(ways)
	ours := ways[1]
	fmt.Printf("realdocd serves %.2f of FPM's own best rate, with %d answers of 502 or none; refusals come at most %s past their deadline (p99 %s); "+
		"the quiet site's p99 is %.2f × that without load\n",
		median(ours.ofBest), ours.broken(), ms(percentile(ours.late, 100)), ms(percentile(ours.late, 99)), ours.quietFactor())
	return nil
}

// A way leads from nginx to FPM for both sites.
type way struct {
	name        string
	busy, quiet string // URLs

	rates, ofBest []float64 // of the busy site, served a second; a value a round
	statuses      map[int]int
	sent, unsent  int
	late          []time.Duration // refusals, past their deadline
	calm, pressed []time.Duration // of the quiet site, without load and under it
	quietFailed   int
}

// measure loads the way for one round. best is FPM's own rate in this round.
func (w *way) measure(ctx context.Context, best float64) {
	quiet := make(chan *outcomes)
	go func() { quiet <- openLoad{w.quiet, quietRate, busyClients, busyTakes}.send(ctx) }()
	busy := openLoad{w.busy, busyRate, busyClients, busyTakes}.send(ctx)

	rate := busy.rate(200, settled, busyTakes)
	w.rates, w.ofBest = append(w.rates, rate), append(w.ofBest, rate/best)
	w.sent += len(busy.all)
	w.unsent += busy.unsent
	for _, one := range busy.all {
		w.statuses[one.status]++
	}
	for _, took := range busy.took(503) {
		w.late = append(w.late, pastDeadline(took))
	}
	pressed := <-quiet
	w.pressed = append(w.pressed, pressed.took(200)...)
	w.quietFailed += len(pressed.all) - len(pressed.took(200))
}

// pastDeadline is how late a refusal came. One that came before queue_timeout
// was refused because the queue was full: it was due at once.
func pastDeadline(took time.Duration) time.Duration {
	if took < patience {
		return took
	}
	return took - patience
}

// measureCalm asks the quiet site while nothing else runs, on all ways at once:
// so few requests do not meet.
func measureCalm(ctx context.Context, ways []*way) {
	calm := make([]chan *outcomes, len(ways))
	for i, w := range ways {
		calm[i] = make(chan *outcomes)
		go func() { calm[i] <- openLoad{w.quiet, quietRate, busyClients, calmTakes}.send(ctx) }()
	}
	for i, w := range ways {
		w.calm = append(w.calm, (<-calm[i]).took(200)...)
	}
}

// broken counts the answers of 502 and those that did not come.
func (w *way) broken() int { return w.statuses[502] + w.statuses[0] }

func (w *way) quietFactor() float64 {
	return float64(percentile(w.pressed, 99)) / float64(max(percentile(w.calm, 99), 1))
}

func printBusy(ways []*way, best float64) {
	t := newTable("busy site", "sent", "not sent", "200", "503", "502", "other", "served/s", "of FPM's best")
	t.row("FPM straight, not overloaded", "-", "-", "-", "-", "-", "-", fmt.Sprintf("%.0f", best), "1.00")
	for _, w := range ways {
		n := w.statuses
		t.row(w.name, fmt.Sprint(w.sent), fmt.Sprint(w.unsent), fmt.Sprint(n[200]), fmt.Sprint(n[503]), fmt.Sprint(n[502]),
			fmt.Sprint(w.sent-n[200]-n[503]-n[502]), fmt.Sprintf("%.0f", median(w.rates)), fmt.Sprintf("%.2f", median(w.ofBest)))
	}
	t.w.Flush()
}

func printQuiet(ways []*way) {
	t := newTable("", "refused past deadline: p50", "p99", "max", "quiet site's p99: no load", "under load", "factor", "failed")
	for _, w := range ways {
		late := []string{"-", "-", "-"}
		if len(w.late) > 0 {
			late = []string{ms(percentile(w.late, 50)), ms(percentile(w.late, 99)), ms(percentile(w.late, 100))}
		}
		t.row(w.name, late[0], late[1], late[2], ms(percentile(w.calm, 99)), ms(percentile(w.pressed, 99)),
			fmt.Sprintf("%.2f", w.quietFactor()), fmt.Sprint(w.quietFailed))
	}
	t.end()
}

// buildOverload starts every part, and gives the ways, the last through
// realdocd, and a measurement of FPM's own best rate.
func buildOverload(s *stack.Stack) ([]*way, func() (float64, error), error) {
	busy, err := s.NewSite(stack.SiteConfig{Name: "busy", Pages: scripts})
	if err != nil {
		return nil, nil, err
	}
	quiet, err := s.NewSite(stack.SiteConfig{Name: "quiet", Pages: scripts})
	if err != nil {
		return nil, nil, err
	}
	fpm, err := s.StartFPM(stack.FPMConfig{MaxChildren: workers})
	if err != nil {
		return nil, nil, err
	}
	config := stack.GatewayFor(fpm, busy, quiet)
	config.Pools["www"]["max_conns"] = workers
	config.Pools["www"]["queue_timeout"] = patience.String()
	gateway, err := s.StartGateway(config)
	if err != nil {
		return nil, nil, err
	}
	nginx, err := s.StartNginx(stack.NginxConfig{Servers: []stack.NginxServer{
		{Root: busy.DocRoot(), Backend: fpm.Addr},
		{Root: quiet.DocRoot(), Backend: fpm.Addr},
		{Root: busy.DocRoot(), Backend: gateway.Addr, KeepAlive: 64},
		{Root: quiet.DocRoot(), Backend: gateway.Addr, KeepAlive: 64},
	}})
	if err != nil {
		return nil, nil, err
	}
	request, err := get(busy.DocRoot(), slow)
	if err != nil {
		return nil, nil, err
	}
	return []*way{
		{name: "nginx → FPM", busy: nginx.URL(0, slow), quiet: nginx.URL(1, slow), statuses: map[int]int{}},
		{name: "nginx → realdocd → FPM", busy: nginx.URL(2, slow), quiet: nginx.URL(3, slow), statuses: map[int]int{}},
	}, func() (float64, error) { return bestRate(fpm, request) }, nil
}

// bestRate is what FPM serves a second when every worker has the connection of
// one client, who asks again as soon as he has his answer.
func bestRate(fpm *stack.FPM, request []byte) (float64, error) {
	web, err := connect(fpm.Addr, workers)
	if err != nil {
		return 0, err
	}
	defer web.close()
	began := time.Now()
	a := web.together(bestTakes, func(int) []byte { return request })
	return bestTakes / time.Since(began).Seconds(), a.failure
}
