package stack

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// Test is a Stack inside a test: whatever cannot be started ends the test with the cause.
type Test struct {
	*Stack
	t TB
}

// For makes the stack of a test that needs these programs. It is closed when the test ends; when the
// test has failed, the ends of all logs are shown first. KEEP=1 leaves the scratch directory.
func For(t TB, programs ...string) *Test {
	t.Helper()
	Need(t, programs...)
	s, err := New()
	s = must(t, s, err)
	t.Cleanup(func() {
		if t.Failed() {
			for _, p := range s.Processes() {
				t.Logf("--- %s (pid %d), end of its log:\n%s", p.Name, p.Pid(), p.Log.Tail(15))
			}
		}
		if os.Getenv("KEEP") != "" {
			kept := s.Dir
			s.Dir = filepath.Join(kept, "none") // Close removes this one instead
			t.Logf("kept: %s", kept)
		}
		if err := s.Close(); err != nil {
			t.Logf("at the end: %v", err)
		}
	})
	return &Test{s, t}
}

// In is the same stack for a subtest: what fails there ends the subtest.
func (t *Test) In(sub TB) *Test { return &Test{t.Stack, sub} }

// must ends the test with the error, if there is one.
func must[V any](t TB, v V, err error) V {
	t.Helper()
	if err != nil {
		t.Fatalf("%v", err)
	}
	return v
}

// FPM starts PHP-FPM.
func (t *Test) FPM(c FPMConfig) *FPM {
	t.t.Helper()
	fpm, err := t.StartFPM(c)
	return must(t.t, fpm, err)
}

// Nginx starts nginx.
func (t *Test) Nginx(c NginxConfig) *Nginx {
	t.t.Helper()
	nginx, err := t.StartNginx(c)
	return must(t.t, nginx, err)
}

// Apache starts Apache.
func (t *Test) Apache(c ApacheConfig) *Apache {
	t.t.Helper()
	apache, err := t.StartApache(c)
	return must(t.t, apache, err)
}

// HAProxy starts HAProxy.
func (t *Test) HAProxy(forwards ...Forward) *HAProxy {
	t.t.Helper()
	haproxy, err := t.StartHAProxy(forwards...)
	return must(t.t, haproxy, err)
}

// FCGIWrap starts fcgiwrap.
func (t *Test) FCGIWrap(processes int) *FCGIWrap {
	t.t.Helper()
	wrap, err := t.StartFCGIWrap(processes)
	return must(t.t, wrap, err)
}

// Front starts a web server on its sample configuration.
func (t *Test) Front(c FrontConfig) *Front {
	t.t.Helper()
	front, err := t.StartFront(c)
	return must(t.t, front, err)
}

// Gateway starts realdocd.
func (t *Test) Gateway(c GatewayConfig) *Gateway {
	t.t.Helper()
	gw, err := t.StartGateway(c)
	return must(t.t, gw, err)
}

// Site writes a site.
func (t *Test) Site(c SiteConfig) *Site {
	t.t.Helper()
	site, err := t.NewSite(c)
	return must(t.t, site, err)
}

// FreeAddr finds a free loopback port.
func (t *Test) FreeAddr() Addr {
	t.t.Helper()
	addr, err := freeAddr()
	return must(t.t, addr, err)
}

// Flip makes a release live.
func (t *Test) Flip(site *Site, n int) {
	t.t.Helper()
	if err := site.Flip(n); err != nil {
		t.t.Fatalf("flip: %v", err)
	}
}

// Run sends loads at the same time while sites are flipped, and returns the sum of each.
func (t *Test) Run(flips *Flipper, loads ...Load) []*Tally {
	t.t.Helper()
	var running []*Traffic
	for _, load := range loads {
		running = append(running, load.Start(context.Background()))
	}
	var tallies []*Tally
	for _, traffic := range running {
		tallies = append(tallies, traffic.Wait())
	}
	n, err := flips.Stop()
	if err == nil && n == 0 {
		err = fmt.Errorf("no flip happened while the load ran")
	}
	must(t.t, n, err)
	for _, tally := range tallies {
		t.t.Logf("%d flips; %v", n, tally)
	}
	return tallies
}

// FakeFPM starts an FPM that the test plays itself. Requests are handed over at the end of their params.
func (t *Test) FakeFPM() *FakeFPM {
	t.t.Helper()
	dir, _, err := t.room("fake")
	return listenFPM(t.t, Addr(filepath.Join(must(t.t, dir, err), "sock")), true)
}

// Connect opens a FastCGI connection for the test to drive.
func (t *Test) Connect(addr Addr) *Client {
	t.t.Helper()
	c, err := Connect(addr)
	c = must(t.t, c, err)
	t.t.Cleanup(func() { c.Close() })
	return c
}

// Ask sends one whole FastCGI request.
func (t *Test) Ask(addr Addr, body []byte, pairs ...string) *Reply {
	t.t.Helper()
	reply, err := Ask(addr, body, pairs...)
	return must(t.t, reply, err)
}

// Reply reads what comes back on a connection.
func (t *Test) Reply(c *Client) *Reply {
	t.t.Helper()
	reply, err := c.Reply()
	return must(t.t, reply, err)
}

// Wait waits for a line in a part's log.
func (t *Test) Wait(p *Process, after int, match func(string) bool) string {
	t.t.Helper()
	line, err := p.Log.Wait(after, 5*time.Second, match)
	return must(t.t, line, err)
}

// Event waits for an event in realdocd's log that has this message.
func (t *Test) Event(g *Gateway, after int, message string) Event {
	t.t.Helper()
	event, err := g.WaitEvent(after, Patience, func(e Event) bool { return e.String("message") == message })
	return must(t.t, event, err)
}

// Reload gives realdocd another configuration.
func (t *Test) Reload(g *Gateway, c GatewayConfig) {
	t.t.Helper()
	if err := g.Reload(c); err != nil {
		t.t.Fatalf("%v", err)
	}
}

// Upgrade has a new process take over from realdocd.
func (t *Test) Upgrade(g *Gateway) (before *Process) {
	t.t.Helper()
	before, err := g.Upgrade()
	return must(t.t, before, err)
}

// RestartGateway restarts realdocd as its service manager does.
func (t *Test) RestartGateway(g *Gateway) (kept int) {
	t.t.Helper()
	kept, err := g.Restart()
	return must(t.t, kept, err)
}

// Command runs a verb of realdocd that must end with this code, and returns what it said.
func (t *Test) Command(g *Gateway, want int, args ...string) string {
	t.t.Helper()
	code, output, err := g.Command(args...)
	if err == nil && code != want {
		err = fmt.Errorf("realdocd %v: exit code %d, want %d: %s", args, code, want, output)
	}
	return must(t.t, output, err)
}

// Restart ends FPM and starts it again.
func (t *Test) Restart(fpm *FPM) {
	t.t.Helper()
	err := fpm.Stop()
	if err == nil {
		err = t.RestartFPM(fpm)
	}
	must(t.t, fpm, err)
}

// More waits until so many more requests of the traffic have been answered.
func (t *Test) More(traffic *Traffic, n int) {
	t.t.Helper()
	must(t.t, traffic, traffic.More(n))
}

// InModule is the path of a file of the source tree.
func InModule(t TB, name string) string {
	t.Helper()
	root, err := moduleDir()
	return filepath.Join(must(t, root, err), name)
}
