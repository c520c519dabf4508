package main

import (
	"context"
	"fmt"
	"os/exec"
	"strings"
	"time"

	"realdocd/test/stack"
)

const roundTakes = 2 * time.Second

// visitors are the numbers of clients: fewer than FPM's workers, and more.
var visitors = []int{8, 32, 128}

// throughput loads the ways from nginx to FPM one after the other. realdocd has its
// defaults.
func throughput(ctx context.Context, s *stack.Stack, r *report, rounds int) error {
	r.says("Requests for a script that does nothing, by wrk -t1, for %v a way in each of %d rounds; %d FPM workers, 1 nginx worker; realdocd has its defaults",
		roundTakes, rounds, workers)
	ways, err := build(s)
	if err != nil {
		return err
	}
	if err := alternate(ctx, ways.paths(), rounds, visitors...); err != nil {
		return err
	}
	r.paths(ways.paths(), visitors...)
	direct, realdocd := ways.direct, ways.realdocd
	for _, n := range visitors {
		what := fmt.Sprintf("%d clients: ", n)
		r.wants(what+"requests/s", atLeast(1), realdocd.of(direct, n, rates))
		r.wants(what+"p99", atMost(1.1), realdocd.of(direct, n, p99))
		r.wants(what+"over 8 ms, more than direct", atMost(0).in(" %"), max(0, 100*(median(realdocd.with[n].over)-median(direct.with[n].over))))
		r.wants(what+"CPU, of HAProxy's", atMost(0.45), realdocd.of(ways.haproxy, n, cpu))
		r.wants(what+"CPU, of the bare relay's", atMost(1.2), realdocd.of(ways.relay, n, cpu))
	}
	fpm, err := fpmOf(ctx, ways.gateway)
	if err != nil {
		return err
	}
	r.says("%.2f %% of realdocd's requests went over a kept connection", 100*float64(fpm.Reused)/float64(fpm.Opened+fpm.Reused))
	return drawPlots(ways.paths())
}

// modes loads the ways on which realdocd keeps no connection.
func modes(ctx context.Context, s *stack.Stack, r *report, rounds int) error {
	const clients = 8
	r.says(`The same with %d clients where no connection to FPM is kept: reuse = "off", and FPM on TCP with the defaults; %d rounds`, clients, rounds)
	site := s.Site(stack.SiteConfig{Pages: scripts})
	unix, tcp := s.FPM(stack.FPMConfig{MaxChildren: workers}), s.FPM(stack.FPMConfig{MaxChildren: workers, TCP: true})
	off := stack.GatewayFor(unix, site)
	off.Pools["www"]["reuse"] = "off"
	offGateway, tcpGateway := s.Gateway(off), s.Gateway(stack.GatewayFor(tcp, site))
	unixForward, tcpForward := stack.Addr(s.Dir+"/haproxy.sock"), stack.Addr(s.Dir+"/haproxy2.sock")
	unixProxy := s.HAProxy(stack.Forward{Listen: unixForward, Backend: unix.Addr})
	tcpProxy := s.HAProxy(stack.Forward{Listen: tcpForward, Backend: tcp.Addr})
	nginx := s.Nginx(stack.NginxConfig{Servers: []stack.NginxServer{
		{Root: site.DocRoot(), Backend: unix.Addr},
		{Root: site.DocRoot(), Backend: unixForward},
		{Root: site.DocRoot(), Backend: offGateway.Addr, KeepAlive: 64},
		{Root: site.DocRoot(), Backend: tcp.Addr},
		{Root: site.DocRoot(), Backend: tcpForward},
		{Root: site.DocRoot(), Backend: tcpGateway.Addr, KeepAlive: 64},
	}})
	paths := []*path{
		{name: "direct, unix"},
		{name: "HAProxy, unix", pids: []int{unixProxy.Pid()}},
		{name: "realdocd, reuse off", pids: []int{offGateway.Pid()}},
		{name: "direct, TCP"},
		{name: "HAProxy, TCP", pids: []int{tcpProxy.Pid()}},
		{name: "realdocd, TCP", pids: []int{tcpGateway.Pid()}},
	}
	for i, p := range paths {
		p.url = nginx.URL(i, trivial)
		p.base, p.haproxy = paths[i/3*3], paths[i/3*3+1]
	}
	if err := alternate(ctx, paths, rounds, clients); err != nil {
		return err
	}
	r.paths(paths, clients)
	for _, ours := range []*path{paths[2], paths[5]} {
		r.wants(ours.name+": requests/s", atLeast(0.75), ours.of(ours.base, clients, rates))
		r.wants(ours.name+": requests/s, of HAProxy's", atLeast(1.15), ours.of(ours.haproxy, clients, rates))
	}
	return nil
}

// routes are the paths, with all parts running.
type routes struct {
	direct, realdocd, relay, stream, haproxy, gofast *path

	gateway *stack.Gateway
}

func (r *routes) paths() []*path {
	return []*path{r.direct, r.realdocd, r.relay, r.stream, r.haproxy, r.gofast}
}

// build starts every part once.
func build(s *stack.Stack) (*routes, error) {
	site := s.Site(stack.SiteConfig{Pages: scripts})
	fpm := s.FPM(stack.FPMConfig{MaxChildren: workers})
	// What keeps connections has an FPM of its own, so that it holds no worker while another way is measured.
	gateway, err := startReusing(s, stack.GatewayFor(s.FPM(stack.FPMConfig{MaxChildren: workers}), site))
	if err != nil {
		return nil, err
	}
	streamed, forwarded := stack.Addr(s.Dir+"/stream"), stack.Addr(s.Dir+"/haproxy.sock")
	haproxy := s.HAProxy(stack.Forward{Listen: forwarded, Backend: fpm.Addr})
	gofastAddr, relayAddr := stack.Addr(s.Dir+"/gofast.sock"), stack.Addr(s.Dir+"/relay.sock")
	gofast, err := startProgram(s, "gofastproxy", gofastAddr, fpm.Addr)
	if err != nil {
		return nil, err
	}
	relay, err := startProgram(s, "relay", relayAddr, s.FPM(stack.FPMConfig{MaxChildren: workers}).Addr, fmt.Sprint(workers))
	if err != nil {
		return nil, err
	}
	stream := s.Nginx(stack.NginxConfig{Streams: []stack.Forward{{Listen: streamed, Backend: fpm.Addr}}})
	nginx := s.Nginx(stack.NginxConfig{Servers: []stack.NginxServer{
		{Root: site.DocRoot(), Backend: fpm.Addr},
		{Root: site.DocRoot(), Backend: gateway.Addr, KeepAlive: 64},
		{Root: site.DocRoot(), Backend: relayAddr, KeepAlive: 64},
		{Root: site.DocRoot(), Backend: streamed},
		{Root: site.DocRoot(), Backend: forwarded},
		{Root: site.DocRoot(), Backend: gofastAddr, KeepAlive: 64},
	}})
	r := &routes{
		direct:   &path{name: "direct"},
		realdocd: &path{name: "realdocd", pids: []int{gateway.Pid()}},
		relay:    &path{name: "bare relay", pids: []int{relay.Pid()}},
		stream:   &path{name: "nginx stream", pids: stream.Workers()},
		haproxy:  &path{name: "HAProxy TCP", pids: []int{haproxy.Pid()}},
		gofast:   &path{name: "Go libraries", pids: []int{gofast.Pid()}},
		gateway:  gateway,
	}
	for i, p := range r.paths() {
		p.url, p.base, p.haproxy = nginx.URL(i, trivial), r.direct, r.haproxy
	}
	return r, nil
}

// startProgram builds and starts a yardstick, one of the programs below this directory.
func startProgram(s *stack.Stack, name string, listen, fpm stack.Addr, more ...string) (*stack.Process, error) {
	binary := s.Dir + "/" + name + ".bin"
	if out, err := exec.Command("go", "build", "-o", binary, "./test/bench/"+name).CombinedOutput(); err != nil {
		return nil, fmt.Errorf("build %s: %w: %s", name, err, strings.TrimSpace(string(out)))
	}
	return s.Program(name, listen, binary, append([]string{string(listen), string(fpm)}, more...)...), nil
}
