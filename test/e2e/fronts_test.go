package e2e

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"realdocd/test/stack"
)

// Apache writes SCRIPT_FILENAME with a prefix of its own, in four ways.
func TestBehindApache(t *testing.T) {
	s := stack.For(t, "apache2", "php-fpm")
	site := s.Site(stack.SiteConfig{})
	c := stack.GatewayFor(s.FPM(stack.FPMConfig{}), site)
	c.TCP = true
	gw := s.Gateway(c)
	root := site.DocRoot()
	web := s.Apache(stack.ApacheConfig{MPM: "event", Hosts: []stack.ApacheHost{
		{Root: root, Backend: gw.Addr},
		{Root: root, Backend: gw.TCP},
		{Root: root, Backend: gw.Addr, PassMatch: true},
		{Root: root, Backend: gw.TCP, PassMatch: true},
	}})
	var urls []string
	for host, name := range []string{"SetHandler, unix socket", "SetHandler, TCP", "ProxyPassMatch, unix socket", "ProxyPassMatch, TCP"} {
		urls = append(urls, web.URL(host, "/index.php"))
		t.Run(name, func(t *testing.T) {
			o, err := stack.Observe(http.DefaultClient, urls[host])
			if err != nil {
				t.Fatal(err)
			}
			t.Logf("SCRIPT_FILENAME is %s", o.ScriptFilename)
			script := site.Release(1) + "/public/index.php"
			if !strings.HasSuffix(o.ScriptFilename, script) || o.File != script {
				t.Errorf("want %s, got SCRIPT_FILENAME %s, __FILE__ %s", script, o.ScriptFilename, o.File)
			}
		})
	}
	tally := s.Run(stack.FlipEvery(20*time.Millisecond, site), stack.Load{URLs: urls, Duration: 5 * time.Second})[0]
	wantWhole(t, site, tally)
}

// What stands between passes bytes on, over TCP and over unix sockets.
func TestBehindForwarders(t *testing.T) {
	s := stack.For(t, "nginx", "nginx-stream", "haproxy", "php-fpm")
	site := s.Site(stack.SiteConfig{})
	c := stack.GatewayFor(s.FPM(stack.FPMConfig{}), site)
	c.TCP = true
	gw := s.Gateway(c)
	haproxy, stream := s.FreeAddr(), s.FreeAddr()
	s.HAProxy(stack.Forward{Listen: haproxy, Backend: gw.TCP})
	s.Nginx(stack.NginxConfig{Streams: []stack.Forward{{Listen: stream, Backend: gw.Addr}}})
	web := s.Nginx(stack.NginxConfig{Servers: []stack.NginxServer{
		{Root: site.DocRoot(), Backend: haproxy},
		{Root: site.DocRoot(), Backend: stream, KeepAlive: 4},
	}})
	tally := s.Run(stack.FlipEvery(20*time.Millisecond, site),
		stack.Load{URLs: []string{web.URL(0, "/index.php"), web.URL(1, "/index.php")}, Duration: 3 * time.Second})[0]
	wantWhole(t, site, tally)
}
