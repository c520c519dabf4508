package e2e

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"realdocd/test/stack"
)

// observe asks for the page, without pauses between its includes, and wants it whole.
func (s *shop) observe(t *testing.T) string {
	t.Helper()
	o, err := stack.Observe(http.DefaultClient, s.web.URL(0, "/index.php?pause=0"))
	if err != nil {
		t.Fatal(err)
	}
	v := o.Verdict()
	if v.Torn != "" || v.Unnamed != "" {
		t.Fatalf("torn: %q; no release in: %q", v.Torn, v.Unnamed)
	}
	return v.Release
}

func TestAFlipIsSeenByTheFirstRequestAfterIt(t *testing.T) {
	s := openShop(t)
	for i := 1; i <= 300; i++ {
		live := s.site.Releases[i%2]
		s.Flip(s.site, live)
		if got := s.observe(t); got != fmt.Sprint(live) {
			t.Fatalf("flip %d: release %s served, %d is live", i, got, live)
		}
	}
}

func TestAFlipIsSeenWithinRealpathEvery(t *testing.T) {
	const every = 2 * time.Second
	s := stack.For(t, "nginx", "php-fpm")
	site := s.Site(stack.SiteConfig{})
	c := stack.GatewayFor(s.FPM(stack.FPMConfig{}), site)
	c.Sites[site.Name]["realpath_every"] = every.String()
	gw := s.Gateway(c)
	sh := &shop{Stack: s, site: site, gw: gw, web: s.Nginx(stack.NginxConfig{Servers: []stack.NginxServer{{Root: site.DocRoot(), Backend: gw.Addr}}})}

	sh.observe(t) // from now on the first release is known
	late := 0
	for _, live := range []int{site.Releases[1], site.Releases[0]} {
		s.Flip(site, live)
		flipped := time.Now()
		for {
			started := time.Now()
			if sh.observe(t) == fmt.Sprint(live) {
				break
			}
			late++
			if started.Sub(flipped) > every {
				t.Fatalf("a request that started %v after the flip got the old release", started.Sub(flipped))
			}
		}
	}
	if late == 0 {
		t.Error("no request got the old release: the link was looked at for every request")
	}
}

// The link is looked at in the gateway alone: neither of PHP's caches may hold a flip back, nor a part of it.
func TestAFlipIsSeenWhateverPHPCaches(t *testing.T) {
	for name, fpm := range map[string]stack.FPMConfig{
		"no opcode cache":   {NoOpcache: true},
		"no realpath cache": {FreshPaths: true},
		"over TCP":          {TCP: true},
		"ondemand":          {PM: "ondemand"},
	} {
		t.Run(name, func(t *testing.T) {
			s := stack.For(t, "nginx", "php-fpm")
			site := s.Site(stack.SiteConfig{})
			gw := s.Gateway(stack.GatewayFor(s.FPM(fpm), site))
			web := s.Nginx(stack.NginxConfig{Servers: []stack.NginxServer{{Root: site.DocRoot(), Backend: gw.Addr}}})
			wantWhole(t, site, s.Run(stack.FlipEvery(20*time.Millisecond, site),
				stack.Load{URLs: []string{web.URL(0, "/index.php")}, Duration: 2 * time.Second})[0])
		})
	}
}
