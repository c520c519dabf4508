package main

import (
	"bytes"
	"context"
	"net/http"
	"time"

	"realdocd/test/stack"
)

const diskAnswers = 200 * time.Millisecond

// slowDisk measures requests while the log, the history and spooled bodies are on a disk
// that answers every 200 ms. A flip and an upload each second use it.
func slowDisk(ctx context.Context, s *stack.Stack, r *report, rounds int) error {
	const clients = 8
	r.says("Requests for a script that does nothing, %d clients, while the log, the history and bodies are on a disk that answers every %v; "+
		"a flip and an upload of 1 MiB twice a second; %d rounds; ratios are of the way with a quick disk", clients, diskAnswers, rounds)
	site := s.Site(stack.SiteConfig{Pages: scripts})
	slow, quick := s.SlowDisk(), s.SlowDisk()
	paths := []*path{{name: "the disk is quick"}, {name: "the disk is slow"}}
	var servers []stack.NginxServer
	for i, disk := range []*stack.SlowDisk{quick, slow} {
		// Each has an FPM of its own: two that keep connections to one are in each other's way.
		c := stack.GatewayFor(s.FPM(stack.FPMConfig{MaxChildren: workers}), site)
		c.Top["state_dir"], c.Top["spool_dir"] = disk.Dir+"/state", disk.Dir
		gateway := s.Gateway(c)
		c.Log["output"] = disk.Dir + "/log"
		s.Reload(gateway, c)
		paths[i].pids, paths[i].base = []int{gateway.Pid()}, paths[0]
		servers = append(servers, stack.NginxServer{Root: site.DocRoot(), Backend: gateway.Addr, KeepAlive: 64})
	}
	nginx := s.Nginx(stack.NginxConfig{Servers: servers})
	for i, p := range paths {
		p.url = nginx.URL(i, trivial)
	}
	slow.Answer(diskAnswers)
	defer slow.Recover()
	using, stop := context.WithCancel(ctx)
	defer stop()
	go useDisk(using, site, nginx)
	if err := alternate(ctx, paths, rounds, clients); err != nil {
		return err
	}
	r.paths(paths, clients)
	r.wants("p99, of that with a quick disk", atMost(1.1), paths[1].of(paths[0], clients, p99))
	return nil
}

// useDisk flips and uploads on both ways until ctx ends.
func useDisk(ctx context.Context, site *stack.Site, nginx *stack.Nginx) {
	tick := time.NewTicker(500 * time.Millisecond)
	defer tick.Stop()
	for n := 0; ; n++ {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		site.Flip(1 + n%2)
		for server := range 2 {
			go func() {
				resp, err := http.Post(nginx.URL(server, trivial), "application/octet-stream", bytes.NewReader(make([]byte, 1<<20)))
				if err == nil {
					resp.Body.Close()
				}
			}()
		}
	}
}
