package matrix

import (
	"embed"
	"io/fs"
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

// A front is a row of the table: a web server and how it connects to realdocd.
type front struct {
	name   string
	server stack.WebServer
	tcp    bool
	keeps  string   // the setting by which one connection serves many requests; "" if each has its own
	rests  bool     // after a refused connection it makes no other one in that second
	faults []string // checks that the web server does not pass, whatever realdocd does
}

// Caddy 2.6 ends a response that has broken off as if it were whole; it is fixed upstream
// (github.com/caddyserver/caddy/pull/5952).
var caddyFaults = []string{"broken response seen as broken"}

// fronts are in the order of the table.
var fronts = []front{
	{name: "nginx", server: stack.SampleNginx, keeps: "fastcgi_keep_conn on"},
	{name: "nginx", server: stack.SampleNginx, tcp: true, keeps: "fastcgi_keep_conn on"},
	{name: "Apache, event", server: stack.SampleEvent, keeps: "enablereuse=on"},
	{name: "Apache, event", server: stack.SampleEvent, tcp: true, keeps: "enablereuse=on"},
	{name: "Apache, prefork", server: stack.SamplePrefork, keeps: "enablereuse=on"},
	{name: "Apache, prefork", server: stack.SamplePrefork, tcp: true, keeps: "enablereuse=on"},
	{name: "lighttpd", server: stack.SampleLighttpd, rests: true},
	{name: "lighttpd", server: stack.SampleLighttpd, tcp: true, rests: true},
	{name: "Caddy", server: stack.SampleCaddy, faults: caddyFaults},
	{name: "Caddy", server: stack.SampleCaddy, tcp: true, faults: caddyFaults},
	{name: "HAProxy", server: stack.SampleHAProxy, keeps: "option keep-conn"},
	{name: "HAProxy", server: stack.SampleHAProxy, tcp: true, keeps: "option keep-conn"},
}

// socket is the kind over which it connects.
func (f front) socket() string {
	if f.tcp {
		return "TCP"
	}
	return "unix"
}

// shop is a site behind one of the fronts.
type shop struct {
	*stack.Stack
	front  front
	site   *stack.Site
	config stack.GatewayConfig
	gw     *stack.Gateway
	web    *stack.Front
}

func openShop(t *testing.T, f front) *shop {
	t.Helper()
	s := stack.For(t, f.server.Program, "php-fpm")
	sh := &shop{Stack: s, front: f, site: s.Site(stack.SiteConfig{Pages: pages()})}
	fpm := s.FPM(stack.FPMConfig{INI: map[string]string{"upload_max_filesize": "8M", "post_max_size": "8M"}})
	sh.config = stack.GatewayFor(fpm, sh.site)
	sh.config.TCP = f.tcp
	sh.config.Pools["www"]["queue_timeout"] = "300ms"
	if f.name == "HAProxy" {
		sh.config.Sites[sh.site.Name]["stderr"] = "log" // as its sample says: 2.6 crashes on it
	}
	sh.gw = s.Gateway(sh.config)
	backend := sh.gw.Addr
	if f.tcp {
		backend = sh.gw.TCP
	}
	sh.web = s.Front(stack.FrontConfig{Server: f.server, Site: sh.site, Backend: backend})
	return sh
}

// in is the same shop for a check.
func (s *shop) in(t testing.TB) *shop {
	inner := *s
	inner.Stack = s.In(t)
	return &inner
}
