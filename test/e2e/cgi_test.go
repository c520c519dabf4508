package e2e

import (
	"embed"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"realdocd/test/stack"
)

//go:embed cgi
var cgiScripts embed.FS

// cgiShop is a site with CGI scripts beside its PHP: fcgiwrap is a second pool, and nginx has its sample.
type cgiShop struct {
	*stack.Stack
	site *stack.Site
	wrap *stack.FCGIWrap
	gw   *stack.Gateway
	web  *stack.Front
}

func openCGIShop(t *testing.T) *cgiShop {
	t.Helper()
	s := stack.For(t, "nginx", "php-fpm", "fcgiwrap")
	site := s.Site(stack.SiteConfig{})
	for _, n := range site.Releases {
		writeCGI(t, site.Release(n), n)
	}
	wrap := s.FCGIWrap(4)
	c := stack.GatewayFor(s.FPM(stack.FPMConfig{}), site)
	c.Sites["shop"]["pool"] = "www"
	c.Pools["cgi"] = stack.Keys{"server": []string{string(wrap.Addr)}, "max_conns": 4}
	c.Sites["shop-cgi"] = stack.Keys{"docroot": site.Link(), "pool": "cgi"}
	gw := s.Gateway(c)
	web := s.Front(stack.FrontConfig{Server: stack.SampleNginx, Site: site, Backend: gw.Addr, Snippets: []string{"realdocd-cgi.conf"}})
	return &cgiShop{s, site, wrap, gw, web}
}

func writeCGI(t *testing.T, release string, n int) {
	t.Helper()
	dir := filepath.Join(release, "cgi-bin")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"index.sh", "said.pl"} {
		text, err := cgiScripts.ReadFile("cgi/" + name)
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, name), text, 0o755)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(release, "lib", "part.txt"), fmt.Appendln(nil, n), 0o644); err != nil {
		t.Fatal(err)
	}
}

// Plain CGI becomes atomic too, beside PHP requests of the same site.
func TestACGIScriptRunsOnOneRelease(t *testing.T) {
	s := openCGIShop(t)
	tallies := s.Run(stack.FlipEvery(20*time.Millisecond, s.site),
		stack.Load{URLs: []string{s.web.URL("/cgi-bin/index.sh")}, Clients: 4, Requests: 60, Duration: 3 * time.Second},
		stack.Load{URLs: []string{s.web.URL("/index.php")}, Clients: 2, Duration: 3 * time.Second})
	for _, tally := range tallies {
		wantWhole(t, s.site, tally)
	}
	for _, live := range s.site.Releases {
		s.Flip(s.site, live)
		o, err := stack.Observe(http.DefaultClient, s.web.URL("/cgi-bin/index.sh"))
		if err != nil {
			t.Fatal(err)
		}
		if got := o.Verdict().Release; got != fmt.Sprint(live) {
			t.Errorf("after the flip: release %s, %d is live", got, live)
		}
	}
}

// The same without the gateway: if this finds nothing, the test above proves nothing.
func TestWithoutTheGatewayACGIScriptIsTorn(t *testing.T) {
	s := openCGIShop(t)
	direct := s.Front(stack.FrontConfig{Server: stack.SampleNginx, Site: s.site, Backend: s.wrap.Addr, Snippets: []string{"realdocd-cgi.conf"}})
	tally := s.Run(stack.FlipEvery(20*time.Millisecond, s.site),
		stack.Load{URLs: []string{direct.URL("/cgi-bin/index.sh")}, Clients: 4, Duration: 2 * time.Second})[0]
	if tally.Torn == 0 {
		t.Error("want torn requests")
	}
}

func TestACGIScriptGetsTheRequest(t *testing.T) {
	s := openCGIShop(t)
	for _, c := range []struct{ method, path, body, want string }{
		{"GET", "/cgi-bin/said.pl?a=1", "", "GET a=1  no proxy "},
		{"GET", "/cgi-bin/said.pl/a/b?a=1", "", "GET a=1 /a/b no proxy "},
		{"POST", "/cgi-bin/said.pl", "name=value", "POST   no proxy name=value"},
		{"POST", "/cgi-bin/said.pl", strings.Repeat("0123456789", 50_000), "POST   no proxy " + strings.Repeat("0123456789", 50_000)},
	} {
		request, err := http.NewRequest(c.method, s.web.URL(c.path), strings.NewReader(c.body))
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("Proxy", "http://evil.example")
		resp, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil || resp.StatusCode != 201 || string(body) != c.want {
			t.Errorf("%s %s: %s, error %v, %.200q, want %.200q", c.method, c.path, resp.Status, err, body, c.want)
		}
	}
	if resp, err := http.Get(s.web.URL("/cgi-bin/none.sh")); err != nil || resp.StatusCode != 403 && resp.StatusCode != 404 {
		t.Errorf("for a script that is not there: %v, %v", resp.Status, err)
	}
}

// fcgiwrap answers the daemon's own questions as PHP-FPM does.
func TestCheckTakesFCGIWrapForAPool(t *testing.T) {
	s := openCGIShop(t)
	if out := s.Command(s.gw, 0, "check"); !strings.Contains(out, string(s.wrap.Addr)) {
		t.Errorf("check does not name fcgiwrap: %s", out)
	}
	t.Log(s.Command(s.gw, 0, "status"))
}
