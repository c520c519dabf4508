package main

import (
	"context"
	"fmt"
	"os/exec"
	"strings"
	"time"

	"realdocd/test/stack"
)

const (
	visitors   = 8
	roundTakes = 3 * time.Second
)

// throughput loads the ways from nginx to FPM one after the other.
func throughput(ctx context.Context, s *stack.Stack, rounds int) error {
	fmt.Printf("requests for a script that does nothing: wrk -t1 -c%d, %v a path, %d rounds; %d FPM workers, 1 nginx worker\n",
		visitors, roundTakes, rounds, workers)
	r, err := build(s)
	if err != nil {
		return err
	}
	for range rounds {
		for _, p := range r.paths() {
			if err := p.measure(ctx, visitors, roundTakes); err != nil {
				return fmt.Errorf("%s: %w", p.name, err)
			}
		}
	}
	t := newTable("path", "req/s", "of direct", "p50", "p99", "of direct's", "proxy CPU/req", "of HAProxy's", "failed")
	for _, p := range r.paths() {
		t.row(p.row(r.direct, r.haproxy)...)
	}
	t.end()
	for _, ours := range []*path{r.realdocd, r.reusing} {
		fmt.Printf("%s: %.2f × the CPU of HAProxy, %.2f × its requests per second; p99 is %.2f × that of nginx straight to FPM\n",
			ours.name, ratio(ours.cpu, r.haproxy.cpu), ratio(ours.rates, r.haproxy.rates), ratio(ours.p99, r.direct.p99))
	}
	fpm, err := fpmOf(ctx, r.reuser)
	if err != nil {
		return err
	}
	fmt.Printf("%s: %.2f%% of the requests went over a kept connection\n",
		r.reusing.name, 100*float64(fpm.Reused)/float64(fpm.Opened+fpm.Reused))
	return nil
}

// routes are the paths, with all parts running.
type routes struct {
	direct, realdocd, reusing, stream, haproxy, gofast *path

	reuser *stack.Gateway // of the path reusing
}

func (r *routes) paths() []*path {
	return []*path{r.direct, r.realdocd, r.reusing, r.stream, r.haproxy, r.gofast}
}

// build starts every part once.
func build(s *stack.Stack) (*routes, error) {
	site := s.Site(stack.SiteConfig{Pages: scripts})
	fpm := s.FPM(stack.FPMConfig{MaxChildren: workers})
	gateway := s.Gateway(stack.GatewayFor(fpm, site))
	reuser, err := startReusing(s, stack.GatewayFor(fpm, site))
	if err != nil {
		return nil, err
	}
	streamed, forwarded := stack.Addr(s.Dir+"/stream"), stack.Addr(s.Dir+"/haproxy.sock")
	haproxy := s.HAProxy(stack.Forward{Listen: forwarded, Backend: fpm.Addr})
	gofastAddr := stack.Addr(s.Dir + "/gofast.sock")
	gofast, err := startGofast(s, gofastAddr, fpm.Addr)
	if err != nil {
		return nil, err
	}
	stream := s.Nginx(stack.NginxConfig{Streams: []stack.Forward{{Listen: streamed, Backend: fpm.Addr}}})
	nginx := s.Nginx(stack.NginxConfig{Servers: []stack.NginxServer{
		{Root: site.DocRoot(), Backend: fpm.Addr},
		{Root: site.DocRoot(), Backend: gateway.Addr, KeepAlive: 64},
		{Root: site.DocRoot(), Backend: reuser.Addr, KeepAlive: 64},
		{Root: site.DocRoot(), Backend: streamed},
		{Root: site.DocRoot(), Backend: forwarded},
		{Root: site.DocRoot(), Backend: gofastAddr, KeepAlive: 64},
	}})
	url := func(n int) string { return nginx.URL(n, trivial) }
	return &routes{
		direct:   &path{name: "nginx → FPM", url: url(0)},
		realdocd: &path{name: "nginx → realdocd → FPM", url: url(1), pids: []int{gateway.Pid()}},
		reusing:  &path{name: "nginx → realdocd, reuse → FPM", url: url(2), pids: []int{reuser.Pid()}},
		stream:   &path{name: "nginx → nginx stream → FPM", url: url(3), pids: stream.Workers()},
		haproxy:  &path{name: "nginx → HAProxy TCP → FPM", url: url(4), pids: []int{haproxy.Pid()}},
		gofast:   &path{name: "nginx → net/http/fcgi + gofast → FPM", url: url(5), pids: []int{gofast.Pid()}},
		reuser:   reuser,
	}, nil
}

// startGofast starts the yardstick proxy.
func startGofast(s *stack.Stack, listen, fpm stack.Addr) (*stack.Process, error) {
	binary := s.Dir + "/gofastproxy"
	if out, err := exec.Command("go", "build", "-o", binary, "./test/bench/gofastproxy").CombinedOutput(); err != nil {
		return nil, fmt.Errorf("build gofastproxy: %w: %s", err, strings.TrimSpace(string(out)))
	}
	return s.Program("gofast", listen, binary, string(listen), string(fpm)), nil
}
