package e2e

import (
	"embed"
	"io/fs"
	"maps"
	"os"
	"testing"

	"realdocd/test/stack"
)

func TestMain(m *testing.M) { os.Exit(stack.Main(m)) }

//go:embed pages
var embedded embed.FS

func pages() fs.FS {
	sub, err := fs.Sub(embedded, "pages")
	if err != nil {
		panic(err) // the directory is in this package
	}
	return sub
}

// shop is the usual stack: nginx in front of realdocd in front of PHP-FPM, with one site.
type shop struct {
	*stack.Stack
	site   *stack.Site
	fpm    *stack.FPM
	config stack.GatewayConfig
	gw     *stack.Gateway
	web    *stack.Nginx
}

// settings are what a shop has beside the defaults.
type settings struct {
	fpm            stack.FPMConfig
	top, pool, log stack.Keys // of realdocd
	nginx          []string   // lines of its location for PHP
}

// openShop starts it; lines go into nginx's location for PHP.
func openShop(t *testing.T, lines ...string) *shop {
	t.Helper()
	return openShopWith(t, settings{nginx: lines})
}

func openShopWith(t *testing.T, c settings) *shop {
	t.Helper()
	s := stack.For(t, "nginx", "php-fpm")
	return openShopOn(s, s.FPM(c.fpm), c)
}

// openShopOn starts what stands in front of an FPM.
func openShopOn(s *stack.Stack, fpm *stack.FPM, c settings) *shop {
	sh := &shop{Stack: s, site: s.Site(stack.SiteConfig{Pages: pages()}), fpm: fpm}
	sh.config = stack.GatewayFor(fpm, sh.site)
	maps.Copy(sh.config.Pools["www"], c.pool)
	maps.Copy(sh.config.Top, c.top)
	maps.Copy(sh.config.Log, c.log)
	sh.gw = s.Gateway(sh.config)
	sh.web = s.Nginx(stack.NginxConfig{Servers: []stack.NginxServer{{Root: sh.site.DocRoot(), Backend: sh.gw.Addr, Lines: c.nginx}}})
	return sh
}

// bench is realdocd alone, with both of its ends in the hands of the test.
type bench struct {
	*stack.Stack
	site *stack.Site
	fpm  *stack.FakeFPM
	gw   *stack.Gateway
}

// openBench starts it; settings go into the site's table, except for those of the pool.
func openBench(t *testing.T, site, pool stack.Keys) *bench {
	t.Helper()
	s := stack.For(t)
	c := &bench{Stack: s, site: s.Site(stack.SiteConfig{Pages: pages()}), fpm: s.FakeFPM()}
	siteKeys := stack.Keys{"docroot": c.site.DocRoot()}
	// The fake does not answer the daemon's own questions.
	poolKeys := stack.Keys{"server": []string{string(c.fpm.Addr)}, "reuse": "off", "max_conns": 0}
	maps.Copy(siteKeys, site)
	maps.Copy(poolKeys, pool)
	c.gw = s.Gateway(stack.GatewayConfig{
		Pools: map[string]stack.Keys{"www": poolKeys},
		Sites: map[string]stack.Keys{"shop": siteKeys},
	})
	return c
}

// params of a request for one of the site's scripts.
func (c *bench) params(method, script string, more ...string) []string {
	return stack.ParamsFor(c.site.DocRoot(), method, script, more...)
}

// begin sends a request up to the end of its params.
func (c *bench) begin(t *testing.T, method string, more ...string) *stack.Client {
	t.Helper()
	client := c.Connect(c.gw.Addr)
	if err := client.Begin(false); err != nil {
		t.Fatal(err)
	}
	if err := client.Params(c.params(method, "/index.php", more...)...); err != nil {
		t.Fatal(err)
	}
	return client
}

// get sends a whole GET request and returns both of its ends.
func (c *bench) get(t *testing.T) (*stack.Client, *stack.FakeRequest) {
	t.Helper()
	client := c.begin(t, "GET")
	if err := client.Stdin(nil); err != nil {
		t.Fatal(err)
	}
	return client, c.fpm.Next()
}
