package e2e

import (
	"maps"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"realdocd/test/stack"
)

// Blue and green: the old pool is gone from the configuration, and what runs in it ends there.
func TestASiteMovesToAnotherPoolUnderLoad(t *testing.T) {
	for _, reuse := range []string{"off", "auto"} {
		t.Run("reuse "+reuse, func(t *testing.T) {
			st := stack.For(t, "nginx", "php-fpm")
			blue, green := st.FPM(named("blue")), st.FPM(named("green"))
			s := openShopOn(st, blue, settings{pool: stack.Keys{"reuse": reuse}})
			g := newGate(st)
			runs := s.visit(g.path())
			s.holding(t, 1, 0)
			traffic, stop := s.steady(t)
			s.config.Pools = map[string]stack.Keys{"green": {"server": []string{string(green.Addr)}, "reuse": reuse}}
			s.config.Sites["shop"]["pool"] = "green"
			s.Reload(s.gw, s.config)
			if by := s.served(t, 10); by["green"] != 10 {
				t.Errorf("served by %v after the reload", by)
			}
			s.More(traffic, 20)
			g.open(t)
			if a := wantServed(t, <-runs); a.body != "blue" {
				t.Errorf("the request that ran ended on %q", a.body)
			}
			wantNoneFailed(t, traffic, stop)
		})
	}
}

func TestWhoWaitsInAPoolThatAReloadTakesAwayIsServed(t *testing.T) {
	for name, fpm := range map[string]stack.FPMConfig{"over a unix socket": {}, "over TCP": {TCP: true}} {
		t.Run(name, func(t *testing.T) {
			s := openShopWith(t, settings{fpm: fpm, pool: stack.Keys{"max_conns": 1}})
			g := newGate(s.Stack)
			runs := s.visit(g.path())
			s.holding(t, 1, 0)
			waits := s.visit("/who.php")
			s.holding(t, 1, 1)
			s.config.Pools = map[string]stack.Keys{"green": {"server": []string{string(s.fpm.Addr)}}}
			s.config.Sites["shop"]["pool"] = "green"
			s.Reload(s.gw, s.config)
			g.open(t)
			wantServed(t, <-runs)
			wantServed(t, <-waits)
		})
	}
}

// askOn asks for a page on a connection that is kept.
func askOn(t *testing.T, s *stack.Stack, kept *stack.Client, site *stack.Site) {
	t.Helper()
	if err := kept.Begin(true); err != nil {
		t.Fatal(err)
	}
	if err := kept.Params(stack.ParamsFor(site.DocRoot(), "GET", "/who.php")...); err != nil {
		t.Fatal(err)
	}
	if err := kept.Stdin(nil); err != nil {
		t.Fatal(err)
	}
	if reply := s.Reply(kept); reply.Status != http.StatusOK || !reply.Ended {
		t.Fatalf("on a kept connection: status %d, complete %v", reply.Status, reply.Ended)
	}
}

func TestReloadsLoseNoRequestAndNoConnection(t *testing.T) {
	s := openShop(t)
	kept := s.Connect(s.gw.Addr) // as of a web server with keep-alive
	askOn(t, s.Stack, kept, s.site)
	traffic, stop := s.steady(t)
	for range 10 {
		s.Reload(s.gw, s.config)
		s.More(traffic, 5)
	}
	wantNoneFailed(t, traffic, stop)
	askOn(t, s.Stack, kept, s.site)
}

func TestAConfigurationWithAFaultChangesNothing(t *testing.T) {
	s := openShop(t)
	for _, c := range []struct {
		name   string
		change func(*stack.GatewayConfig)
		line   string // the text of the line at fault
		fault  string
	}{
		{"a key that is misspelt", func(c *stack.GatewayConfig) { c.Pools["www"]["queue_timeuot"] = "1s" }, "queue_timeuot", "queue_timeout"},
		{"a pool that is not there", func(c *stack.GatewayConfig) { c.Sites["shop"]["pool"] = "green" }, "pool = ", "green"},
	} {
		t.Run(c.name, func(t *testing.T) {
			bad := s.config
			bad.Pools = map[string]stack.Keys{"www": maps.Clone(s.config.Pools["www"])}
			bad.Sites = map[string]stack.Keys{"shop": maps.Clone(s.config.Sites["shop"])}
			c.change(&bad)
			err := s.gw.Reload(bad)
			if err == nil {
				t.Fatal("it was taken")
			}
			where := s.gw.Config + ":" + lineOf(t, s.gw.Config, c.line)
			if !strings.Contains(err.Error(), where) || !strings.Contains(err.Error(), c.fault) {
				t.Errorf("want %s and %q: %v", where, c.fault, err)
			}
			s.observe(t)
		})
	}
}

func TestSitesComeAndGoWithAReload(t *testing.T) {
	s := openShop(t)
	blog := s.Site(stack.SiteConfig{Name: "blog", First: 11, Pages: pages()})
	answers := func(site *stack.Site) int {
		return s.Ask(s.gw.Addr, nil, stack.ParamsFor(site.DocRoot(), "GET", "/who.php")...).Status
	}
	both := func(shop, blogs int) {
		t.Helper()
		if a, b := answers(s.site), answers(blog); a != shop || b != blogs {
			t.Errorf("shop %d, blog %d; want %d and %d", a, b, shop, blogs)
		}
	}
	both(200, 404)
	s.config.Sites["blog"] = stack.Keys{"docroot": blog.DocRoot()}
	s.Reload(s.gw, s.config)
	both(200, 200)
	delete(s.config.Sites, "shop")
	s.Reload(s.gw, s.config)
	both(404, 200)
}

func TestAReloadMovesTheListener(t *testing.T) {
	s := openShop(t)
	moved := stack.Addr(filepath.Join(filepath.Dir(string(s.gw.Addr)), "moved"))
	s.config.Top["listen"] = []string{string(moved)}
	s.Reload(s.gw, s.config)
	if reply := s.Ask(moved, nil, stack.ParamsFor(s.site.DocRoot(), "GET", "/who.php")...); reply.Status != http.StatusOK {
		t.Errorf("at the new address: status %d", reply.Status)
	}
	if conn, err := s.gw.Addr.Dial(); err == nil {
		conn.Close()
		t.Error("it listens on the old address still")
	}
}
