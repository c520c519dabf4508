package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"time"

	"realdocd/test/stack"
)

const (
	watchedClients = 8
	scrapeEvery    = time.Second
	tracedShare    = 0.01
)

// watched measures what it costs to be seen: metrics that are scraped each second, FPM's
// status and opcache with them, traces of one request in a hundred, and Server-Timing;
// against a realdocd with none of that.
func watched(ctx context.Context, s *stack.Stack, r *report, rounds int) error {
	rounds *= 2 // a few percent are less than what one round is off
	r.says("Requests for a script that does nothing, %d clients: metrics scraped each %v, %.0f %% of the requests traced, Server-Timing; against none of that; %d rounds",
		watchedClients, scrapeEvery, 100*tracedShare, rounds)
	site := s.Site(stack.SiteConfig{Pages: scripts})
	fpm := s.FPM(stack.FPMConfig{MaxChildren: workers, Status: true})
	plain, err := startReusing(s, stack.GatewayFor(fpm, site))
	if err != nil {
		return err
	}
	collector := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { io.Copy(io.Discard, r.Body) }))
	defer collector.Close()
	metrics := s.FreeAddr()
	watched := s.FPM(stack.FPMConfig{MaxChildren: workers, Status: true}) // of its own: two that keep connections to one are in each other's way
	c := stack.GatewayFor(watched, site)
	c.Top["metrics"] = string(metrics)
	c.Pools["www"]["status"], c.Pools["www"]["status_path"] = string(watched.Status), stack.StatusPath
	c.Sites[site.Name]["server_timing"] = true
	c.Rest = fmt.Sprintf("[trace]\nendpoint = %q\nratio = %v", collector.URL, tracedShare)
	seen, err := startReusing(s, c)
	if err != nil {
		return err
	}
	scraping, stop := context.WithCancel(ctx)
	scraped := make(chan error, 1)
	go func() { scraped <- scrape(scraping, "http://"+string(metrics)+"/metrics") }()
	nginx := s.Nginx(stack.NginxConfig{Servers: []stack.NginxServer{
		{Root: site.DocRoot(), Backend: plain.Addr, KeepAlive: 64}, {Root: site.DocRoot(), Backend: seen.Addr, KeepAlive: 64},
	}})
	off := &path{name: "realdocd", url: nginx.URL(0, trivial), pids: []int{plain.Pid()}, fpm: fpm.Workers()}
	on := &path{name: "realdocd, seen", url: nginx.URL(1, trivial), pids: []int{seen.Pid()}, fpm: watched.Workers(), base: off}
	off.base = off
	err = alternate(ctx, []*path{off, on}, rounds, watchedClients)
	stop()
	if scrapeErr := <-scraped; err == nil {
		err = scrapeErr
	}
	if err != nil {
		return err
	}
	t := r.table("", "req/s", "ratio", "p99", "ratio", "CPU", "ratio", "PHP-FPM's", "ratio")
	t.row(off.compared(watchedClients)...)
	t.row(on.compared(watchedClients)...)
	t.end()
	traced, err := seen.Metric("realdocd_trace_spans_total", "result", "exported")
	if err != nil {
		return err
	}
	r.says("%.0f spans were taken", traced)
	r.wants("requests/s while it is seen, of those while it is not", atLeast(.98), on.of(off, watchedClients, rates))
	return nil
}

// scrape scrapes until ctx ends.
func scrape(ctx context.Context, url string) error {
	tick := time.NewTicker(scrapeEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		answer, err := http.Get(url)
		if err != nil {
			return fmt.Errorf("scrape: %w", err)
		}
		_, err = io.Copy(io.Discard, answer.Body)
		answer.Body.Close()
		if err != nil || answer.StatusCode != http.StatusOK {
			return fmt.Errorf("scrape: %s, %w", answer.Status, err)
		}
	}
}
