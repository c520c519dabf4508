package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"time"

	"realdocd/test/stack"
)

const (
	keptConnections = 10_000
	keptAtOnce      = 64
)

// kept has a web server keep many connections to realdocd, with requests in
// turn through all of them, and looks whether FPM's workers are free after.
func kept(ctx context.Context, s *stack.Stack, r *report, rounds int) error {
	r.says("%d connections of a web server stay open; in each of %d rounds every one sends a request, %d at a time; "+
		"then %d requests of 100 ms go straight to FPM at the same time, one for each of its workers",
		keptConnections, rounds, keptAtOnce, workers)
	site := s.Site(stack.SiteConfig{Pages: scripts})
	fpm := s.FPM(stack.FPMConfig{MaxChildren: workers, Status: true})
	config := stack.GatewayFor(fpm, site)
	config.Pools["www"]["reuse"] = "off"
	off := s.Gateway(config)
	auto, err := startReusing(s, stack.GatewayFor(fpm, site))
	if err != nil {
		return err
	}
	cases := []*keptCase{{name: `reuse = "off"`, gateway: off}, {name: "defaults", gateway: auto}}
	for _, c := range cases {
		if err := c.measure(ctx, fpm, site, rounds); err != nil {
			return fmt.Errorf("%s: %w", c.name, err)
		}
	}
	r.kept(cases)
	return nil
}

// A keptCase is one way to run the pool, with what was seen after each round.
type keptCase struct {
	name    string
	gateway *stack.Gateway

	sent, served int
	failure      error
	free         []int           // FPM's workers, 1 s after the last request
	atOnce       []time.Duration // how long the straight requests took, right after it
	later        []time.Duration // and 1 s after it
	reused       float64         // the share of requests over a kept connection
}

func (c *keptCase) measure(ctx context.Context, fpm *stack.FPM, site *stack.Site, rounds int) error {
	request, err := get(site.DocRoot(), trivial)
	if err != nil {
		return err
	}
	web, err := connect(c.gateway.Addr, keptConnections)
	if err != nil {
		return err
	}
	defer web.close()
	for range rounds {
		a := web.inTurn(keptAtOnce, func(int) []byte { return request })
		last := time.Now()
		c.sent, c.served = c.sent+a.sent, c.served+a.served
		if c.failure == nil {
			c.failure = a.failure
		}
		if err := c.look(ctx, last, fpm, site); err != nil {
			return err
		}
	}
	st, err := fpmOf(ctx, c.gateway)
	if err != nil {
		return err
	}
	c.reused = float64(st.Reused) / float64(max(st.Opened+st.Reused, 1))
	return nil
}

// look asks FPM straight after the last request, and 1 s after it.
func (c *keptCase) look(ctx context.Context, last time.Time, fpm *stack.FPM, site *stack.Site) error {
	took, err := askAllWorkers(fpm, site)
	if err != nil {
		return err
	}
	c.atOnce = append(c.atOnce, took)
	select {
	case <-time.After(time.Until(last.Add(time.Second))):
	case <-ctx.Done():
		return ctx.Err()
	}
	free, err := freeWorkers(fpm)
	if err != nil {
		return err
	}
	c.free = append(c.free, free)
	took, err = askAllWorkers(fpm, site)
	c.later = append(c.later, took)
	return err
}

// askAllWorkers sends as many requests as FPM has workers straight to it, and
// returns how long it took until all were answered.
func askAllWorkers(fpm *stack.FPM, site *stack.Site) (time.Duration, error) {
	var a answers
	var asking sync.WaitGroup
	began := time.Now()
	for range workers {
		asking.Go(func() {
			reply, err := stack.Ask(fpm.Addr, nil, stack.ParamsFor(site.DocRoot(), http.MethodGet, slower)...)
			if err == nil && !reply.Ended {
				err = errors.New("FPM closed without an answer")
			}
			if err != nil {
				a.add(0, err)
				return
			}
			a.add(reply.Status, nil)
		})
	}
	asking.Wait()
	return time.Since(began), a.failure
}

// freeWorkers is how many FPM says to be idle.
func freeWorkers(fpm *stack.FPM) (int, error) {
	reply, err := stack.Ask(fpm.Status, nil, "REQUEST_METHOD", http.MethodGet, "SCRIPT_NAME", stack.StatusPath,
		"SCRIPT_FILENAME", stack.StatusPath, "QUERY_STRING", "json")
	if err != nil {
		return 0, err
	}
	var said struct {
		Idle int `json:"idle processes"`
	}
	if err := json.Unmarshal(reply.Body, &said); err != nil {
		return 0, fmt.Errorf("read FPM's status page: %w in %.200q", err, reply.Body)
	}
	return said.Idle, nil
}

// kept adds the table of all cases.
func (r *report) kept(cases []*keptCase) {
	t := r.table("", "served", "sent", "kept to FPM", "at once", "1 s later", "worst", "free then")
	for _, c := range cases {
		t.row(c.name, fmt.Sprint(c.served), fmt.Sprint(c.sent), fmt.Sprintf("%.1f %%", 100*c.reused),
			ms(median(c.atOnce)), ms(median(c.later)), ms(slices.Max(c.later)), fmt.Sprintf("%d of %d", slices.Min(c.free), workers))
	}
	t.end()
	for _, c := range cases {
		r.wants(c.name+": served", atLeast(100).in(" %"), 100*float64(c.served)/float64(c.sent))
		r.wants(c.name+": workers free 1 s later", atLeast(workers).whole(), float64(slices.Min(c.free)))
		if c.failure != nil {
			r.says("%s: the first that was not served: %v", c.name, c.failure)
		}
	}
}
