package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"realdocd/test/stack"
)

// threeHosts is a fleet of three hosts on one machine, each with a site, a PHP-FPM, a realdocd and an agent of its
// own. Each serves release 1, and has release 2.
type threeHosts struct {
	t        *testing.T
	stacks   []*stack.Stack
	sites    []*stack.Site
	gateways []*stack.Gateway
	agents   []*stack.Agent
}

// openThreeHosts gives each host the keys of [fleet] beside etcd and host.
func openThreeHosts(t *testing.T, fleetKeys string) *threeHosts {
	t.Helper()
	h := &threeHosts{t: t}
	var etcd *stack.Etcd
	for i := range 3 {
		s := stack.For(t, "php-fpm", "etcd", "rsync")
		if i == 0 {
			etcd = s.Etcd()
		}
		site := s.Site(stack.SiteConfig{})
		if i > 0 { // they are one release on each host, byte for byte
			for _, n := range []int{1, 2} {
				if out, err := exec.Command("rsync", "-a", "--delete", h.sites[0].Release(n)+"/", site.Release(n)+"/").CombinedOutput(); err != nil {
					t.Fatalf("%v: %s", err, out)
				}
			}
		}
		config := stack.GatewayFor(s.FPM(stack.FPMConfig{}), site)
		config.Sites["shop"]["releases"] = site.Dir + "/releases"
		config.Rest = fmt.Sprintf("[fleet]\netcd = ['http://%s']\nhost = 'web%d'\n%s\n", etcd.Addr, i+1, fleetKeys)
		gw := s.Gateway(config)
		h.stacks, h.sites, h.gateways = append(h.stacks, s), append(h.sites, site), append(h.gateways, gw)
		h.agents = append(h.agents, s.Agent(gw))
	}
	for i, gw := range h.gateways {
		stack.Until(t, fmt.Sprintf("web%d is ready", i+1), func() bool {
			code, _, err := gw.Command("status", "--check")
			return err == nil && code == 0
		})
	}
	return h
}

// command runs a command on the first host.
func (h *threeHosts) command(want int, args ...string) string {
	h.t.Helper()
	code, out, err := h.gateways[0].Command(args...)
	if err != nil || code != want {
		h.t.Fatalf("%q: exit code %d (%v), want %d\n%s", args, code, err, want, out)
	}
	return out
}

// build is a source that is like release 2.
func (h *threeHosts) build() string {
	h.t.Helper()
	source := h.t.TempDir() + "/build"
	if out, err := exec.Command("cp", "-a", h.sites[0].Release(2), source).CombinedOutput(); err != nil {
		h.t.Fatalf("%v: %s", err, out)
	}
	return source
}

// wantLive wants the requests of each host to get a release.
func (h *threeHosts) wantLive(release string) {
	h.t.Helper()
	for i, gw := range h.gateways {
		reply := h.stacks[i].Ask(gw.Addr, nil, stack.ParamsFor(h.sites[i].DocRoot(), "GET", "/index.php")...)
		live, err := filepath.EvalSymlinks(h.sites[i].Link())
		if err != nil || filepath.Base(live) != release || reply.Status != 200 {
			h.t.Errorf("web%d serves %s (%v), want %s; a request gets %d", i+1, live, err, release, reply.Status)
		}
	}
}

func TestFleetCommands_FlipRollBackAndDrainThreeRealHosts(t *testing.T) {
	h := openThreeHosts(t, "")
	out := h.command(0, "fleet", "flip", "shop", "2")
	if !strings.Contains(out, "prepare   3 of 3 hosts") || !strings.Contains(out, "2 is live on 3 hosts as number 1") {
		t.Errorf("it says\n%s", out)
	}
	h.wantLive("2")
	out = h.command(0, "fleet", "status", "shop")
	if !strings.Contains(out, "web3  in step  ") || strings.Contains(out, "OTHER CONTENT") || strings.Contains(out, "BEHIND") {
		t.Errorf("the status is\n%s", out)
	}
	h.command(0, "fleet", "drain", "shop", "1", "--timeout", "10s")
	h.command(0, "fleet", "rollback", "shop")
	h.wantLive("1")

	if err := os.WriteFile(h.sites[1].Release(2)+"/public/index.php", []byte("<?php // another"), 0o644); err != nil {
		t.Fatal(err)
	}
	out = h.command(1, "fleet", "flip", "shop", "2")
	if !strings.Contains(out, "web2: ") || strings.Contains(out, "web1: ") || !strings.Contains(out, "nothing has changed: 2 of 3 hosts could flip shop to 2") {
		t.Errorf("it says\n%s", out)
	}
	h.wantLive("1")
}

func TestFleetCommands_DeployPushesARelease(t *testing.T) {
	// All hosts are on this machine, so that no ssh is needed.
	h := openThreeHosts(t, `push = 'rsync -a "$REALDOC_SOURCE/" "$REALDOC_TARGET/"'`)
	source := h.build()
	out := h.command(0, "deploy", "--fleet", "shop", source)
	live, err := filepath.EvalSymlinks(h.sites[0].Link())
	if err != nil || !strings.Contains(out, " is on 3 hosts (") || !strings.Contains(out, " is live on 3 hosts as number 1") {
		t.Fatalf("%v; it says\n%s", err, out)
	}
	h.wantLive(filepath.Base(live))
	for _, site := range h.sites {
		if left, _ := filepath.Glob(site.Dir + "/releases/.*"); len(left) > 0 {
			t.Errorf("%q is left", left)
		}
	}
	h.command(0, "fleet", "rollback", "shop")
	h.wantLive("1")
}

func TestFleetCommands_DeployHasTheHostsFetch(t *testing.T) {
	origin := t.TempDir() + "/releases"
	h := openThreeHosts(t, `fetch = 'rsync -a "`+origin+`/$REALDOC_RELEASE/" "$REALDOC_TARGET/"'`)
	if err := os.Symlink(h.sites[0].Dir+"/releases", origin); err != nil {
		t.Fatal(err)
	}
	out := h.command(0, "deploy", "--fleet", "shop", h.build())
	live, err := filepath.EvalSymlinks(h.sites[0].Link())
	if err != nil || !strings.Contains(out, " is live on 3 hosts as number 1") {
		t.Fatalf("%v; it says\n%s", err, out)
	}
	h.wantLive(filepath.Base(live))

	// One that was away, and has nothing, fetches what is committed before it says that it is ready.
	h.agents[2].Kill()
	stack.Receive(t, h.agents[2].Done(), "the end of the agent")
	out = h.command(1, "fleet", "flip", "shop", "1")
	if !strings.Contains(out, "web3: it ") {
		t.Errorf("it says\n%s", out)
	}
	h.stacks[2].StartAgentAgain(h.agents[2])
	stack.Until(t, "web3 is back", func() bool {
		_, out, _ := h.gateways[0].Command("fleet", "status", "shop")
		return strings.Contains(out, "web3  in step")
	})
	h.command(0, "fleet", "rollback", "shop")
	h.wantLive("1")
}
