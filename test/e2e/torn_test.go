package e2e

import (
	"fmt"
	"testing"
	"time"

	"realdocd/test/stack"
)

// wantWhole fails the test unless every request was served, by one release in every place, and both
// releases of the site had their turn.
func wantWhole(t *testing.T, site *stack.Site, tally *stack.Tally) {
	t.Helper()
	served := 0
	for _, release := range site.Releases {
		n := tally.Releases[fmt.Sprint(release)]
		if n == 0 {
			t.Errorf("%s: release %d served nothing", site.Name, release)
		}
		served += n
	}
	if tally.Torn > 0 || tally.Failed > 0 || tally.Unnamed > 0 || served != tally.Total {
		t.Errorf("%s: %d of %d requests were whole and by its own two releases, want all", site.Name, served-tally.Unnamed, tally.Total)
	}
}

// The reason why realdocd exists. Two virtual hosts share one pool, so that an include_path that sticks to
// a worker would show; one of them keeps its connections to realdocd.
func TestNoRequestIsTornWhileReleasesFlip(t *testing.T) {
	s := stack.For(t, "nginx", "php-fpm")
	shop := s.Site(stack.SiteConfig{Name: "shop"})
	blog := s.Site(stack.SiteConfig{Name: "blog", First: 11, Absolute: true})
	fpm := s.FPM(stack.FPMConfig{})
	gw := s.Gateway(stack.GatewayFor(fpm, shop, blog))
	web := s.Nginx(stack.NginxConfig{Workers: 2, Servers: []stack.NginxServer{
		{Root: shop.DocRoot(), Backend: gw.Addr},
		{Root: blog.DocRoot(), Backend: gw.Addr, KeepAlive: 8},
	}})
	load := func(server int) stack.Load {
		return stack.Load{
			URLs:    []string{web.URL(server, "/index.php"), web.URL(server, "/own.php")},
			Clients: 4, Requests: 2000, Duration: 10 * time.Second,
		}
	}
	tallies := s.Run(stack.FlipEvery(20*time.Millisecond, shop, blog), load(0), load(1))
	wantWhole(t, shop, tallies[0])
	wantWhole(t, blog, tallies[1])
	if usage, err := gw.Usage(); err == nil {
		t.Logf("realdocd: %v for %d requests", usage, tallies[0].Total+tallies[1].Total)
	}
}

// The same without the gateway: if this finds nothing, the test above proves nothing.
func TestWithoutTheGatewayRequestsAreTorn(t *testing.T) {
	s := stack.For(t, "nginx", "php-fpm")
	site := s.Site(stack.SiteConfig{})
	fpm := s.FPM(stack.FPMConfig{FreshPaths: true})
	web := s.Nginx(stack.NginxConfig{Servers: []stack.NginxServer{
		{Root: site.DocRoot(), Backend: fpm.Addr, Params: []string{`PHP_VALUE "include_path=` + site.IncludePath() + `"`}},
	}})
	tally := s.Run(stack.FlipEvery(20*time.Millisecond, site),
		stack.Load{URLs: []string{web.URL(0, "/index.php")}, Duration: 3 * time.Second})[0]
	if tally.Torn == 0 || tally.Failed > 0 {
		t.Error("want torn requests and none failed")
	}
}
