// Command bench measures realdocd beside nginx straight to PHP-FPM, nginx's
// stream proxy, HAProxy in TCP mode, and a proxy of net/http/fcgi and gofast:
// all in one run, in alternating rounds, on a script that does nothing. It
// prints medians, and ratios to nginx straight to FPM; only the ratios tell
// something about another machine.
//
//	make bench                 # 5 rounds of 3 s each
//	make bench ROUNDS=9
package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"text/tabwriter"
	"time"

	"realdocd/test/stack"
)

const (
	workers     = 12
	connections = 8
	length      = 3 * time.Second
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run() error {
	rounds := 5
	if s := os.Getenv("ROUNDS"); s != "" {
		n, err := strconv.Atoi(s)
		if err != nil || n < 1 {
			return fmt.Errorf("ROUNDS=%q is not a number of rounds", s)
		}
		rounds = n
	}
	s, err := stack.New()
	if err != nil {
		return err
	}
	defer s.Close()
	paths, err := build(s)
	if err != nil {
		return err
	}
	fmt.Printf("a script that does nothing; wrk -t1 -c%d, %v a round, %d rounds; %d FPM workers, 1 nginx worker\n\n",
		connections, length, rounds, workers)
	for round := range rounds {
		for _, p := range paths {
			if err := p.measure(); err != nil {
				return fmt.Errorf("%s: %w", p.name, err)
			}
		}
		fmt.Printf("round %d of %d\n", round+1, rounds)
	}
	table(paths)
	return idle(s)
}

// build starts every part once, and gives the paths a request can take.
func build(s *stack.Stack) ([]*path, error) {
	site, err := s.NewSite(stack.SiteConfig{})
	if err != nil {
		return nil, err
	}
	for _, n := range site.Releases {
		trivial := filepath.Join(site.Release(n), "public", "trivial.php")
		if err := os.WriteFile(trivial, []byte("<?php echo 'hello';\n"), 0o644); err != nil {
			return nil, err
		}
	}
	fpm, err := s.StartFPM(stack.FPMConfig{MaxChildren: workers})
	if err != nil {
		return nil, err
	}
	gateway, err := s.StartGateway(stack.GatewayFor(fpm, site))
	if err != nil {
		return nil, err
	}
	reusing := stack.GatewayFor(fpm, site)
	reusing.Pools["www"]["reuse"] = "auto"
	reuser, err := s.StartGateway(reusing)
	if err != nil {
		return nil, err
	}
	streamed, forwarded := stack.Addr(s.Dir+"/stream"), stack.Addr(s.Dir+"/haproxy.sock")
	haproxy, err := s.StartHAProxy(stack.Forward{Listen: forwarded, Backend: fpm.Addr})
	if err != nil {
		return nil, err
	}
	gofast, err := startGofast(s, fpm.Addr)
	if err != nil {
		return nil, err
	}
	proxy, err := s.StartNginx(stack.NginxConfig{Streams: []stack.Forward{{Listen: streamed, Backend: fpm.Addr}}})
	if err != nil {
		return nil, err
	}
	servers := []stack.NginxServer{
		{Root: site.DocRoot(), Backend: fpm.Addr},
		{Root: site.DocRoot(), Backend: gateway.Addr, KeepAlive: 64},
		{Root: site.DocRoot(), Backend: streamed},
		{Root: site.DocRoot(), Backend: forwarded},
		{Root: site.DocRoot(), Backend: gofast.addr, KeepAlive: 64},
		{Root: site.DocRoot(), Backend: reuser.Addr, KeepAlive: 64},
	}
	nginx, err := s.StartNginx(stack.NginxConfig{Servers: servers})
	if err != nil {
		return nil, err
	}
	url := func(n int) string { return nginx.URL(n, "/trivial.php") }
	return []*path{
		{name: "nginx → FPM", url: url(0)},
		{name: "nginx → realdocd → FPM", url: url(1), pids: []int{gateway.Pid()}},
		{name: "nginx → realdocd, reuse → FPM", url: url(5), pids: []int{reuser.Pid()}},
		{name: "nginx → nginx stream → FPM", url: url(2), pids: proxy.Workers()},
		{name: "nginx → HAProxy TCP → FPM", url: url(3), pids: []int{haproxy.Pid()}},
		{name: "nginx → net/http/fcgi + gofast → FPM", url: url(4), pids: []int{gofast.pid}},
	}, nil
}

// table prints medians, and what they are of nginx straight to FPM.
func table(paths []*path) {
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "\npath\treq/s\tof direct\tp50\tp99\tproxy CPU/req\tfailed\t")
	direct := median(paths[0].rates)
	for _, p := range paths {
		cpu := "-"
		if len(p.pids) > 0 {
			cpu = fmt.Sprintf("%.1f µs", median(p.cpu))
		}
		fmt.Fprintf(w, "%s\t%.0f\t%.2f\t%.2f ms\t%.2f ms\t%s\t%d\t\n", p.name, median(p.rates),
			median(p.rates)/direct, median(p.p50), median(p.p99), cpu, p.failed)
	}
	w.Flush()
	ours := paths[1]
	fmt.Println()
	for _, p := range paths[2:] {
		fmt.Printf("realdocd is %.2f × %s in requests per second, %.2f × in CPU\n",
			median(ours.rates)/median(p.rates), p.name, median(ours.cpu)/median(p.cpu))
	}
}

func median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	return sorted[len(sorted)/2]
}
