package e2e

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"realdocd/test/stack"
)

// A pair is two hosts of a fleet, each with its own directories, daemon, agent and web server, and
// with one key of pins. The second one reaches etcd by a way that can be cut.
type pair struct {
	*stack.Stack
	t     *testing.T
	hosts [2]*pairHost
	way   *cutWay
}

type pairHost struct {
	dir   string
	gw    *stack.Gateway
	agent *stack.Agent
	web   *stack.Nginx
}

// openPair has both serve release 1, and have 2, whose pages fail if broken.
func openPair(t *testing.T, pin string, broken bool) *pair {
	t.Helper()
	p := &pair{Stack: stack.For(t, "nginx", "php-fpm", "etcd"), t: t}
	etcd, fpm := p.Etcd(), p.FPM(stack.FPMConfig{FreshPaths: true})
	p.way = openWay(t, string(etcd.Addr))
	key := filepath.Join(p.Dir, "pin.key")
	mustDo(t, os.WriteFile(key, []byte("0001 "+strings.Repeat("ab", 32)+"\n"), 0o600))
	for i := range p.hosts {
		h := &pairHost{dir: filepath.Join(p.Dir, fmt.Sprintf("disk%d/shop", i+1))}
		h.write(t, "1", "echo 1;")
		h.write(t, "2", map[bool]string{true: "if ($_SERVER['PATH_INFO'] === '/e') { throw new Exception('this page is broken'); } echo 2;", false: "echo 2;"}[broken])
		mustDo(t, os.Symlink("releases/1", h.dir+"/current"))
		store := "http://" + string(etcd.Addr)
		if i == 1 {
			store = "http://" + p.way.addr()
		}
		h.gw = p.Gateway(stack.GatewayConfig{
			Top:   stack.Keys{"pin_key_file": key},
			Pools: map[string]stack.Keys{"www": {"server": []string{string(fpm.Addr)}}},
			Sites: map[string]stack.Keys{"shop": {"docroot": h.dir + "/current/public", "releases": h.dir + "/releases", "pin": pin}},
			Fleet: stack.Keys{"etcd": []string{store}, "host": fmt.Sprintf("web%d", i+1)},
		})
		h.agent = p.Agent(h.gw)
		h.web = p.Nginx(stack.NginxConfig{Servers: []stack.NginxServer{{Root: h.dir + "/current/public", Backend: h.gw.Addr}}})
		p.hosts[i] = h
	}
	for i := range p.hosts {
		stack.Until(t, "the host serves", func() bool { return p.on(&http.Client{}, i, "document") == "1" })
	}
	return p
}

func (h *pairHost) write(t *testing.T, release, code string) {
	t.Helper()
	public := filepath.Join(h.dir, "releases", release, "public")
	mustDo(t, os.MkdirAll(public, 0o755))
	mustDo(t, os.WriteFile(public+"/page.php", []byte("<?php header('Content-Type: text/html'); "+code), 0o644))
}

// on asks a host for a page, or for what a page asks for ("empty"), and gives the release that it is of.
func (p *pair) on(browser *http.Client, host int, dest string, page ...string) string {
	rq, _ := http.NewRequest(http.MethodGet, p.hosts[host].web.URL(0, "/page.php/"+strings.Join(page, "")), nil)
	rq.Header.Set("Accept", "text/html")
	rq.Header.Set("Sec-Fetch-Dest", dest)
	answer, err := browser.Do(rq)
	if err != nil {
		return err.Error()
	}
	defer answer.Body.Close()
	body, _ := io.ReadAll(answer.Body)
	return string(body)
}

// fleet runs a command of the fleet on the first host.
func (p *pair) fleet(args ...string) (code int, output string) {
	p.t.Helper()
	binary, err := stack.Binary()
	mustDo(p.t, err)
	cmd := exec.Command(binary, append(append([]string{"fleet"}, args...), "--config", p.hosts[0].gw.Config)...)
	text, _ := cmd.CombinedOutput() // an exit code is an answer
	return cmd.ProcessState.ExitCode(), string(text)
}

func newBrowser() *http.Client {
	jar, _ := cookiejar.New(nil) // which does not tell ports apart, as browsers do not
	return &http.Client{Jar: jar}
}

// A cutWay hands on what comes, until it is cut.
type cutWay struct {
	listener net.Listener
	mu       sync.Mutex // guards the following
	isCut    bool
	conns    []net.Conn
}

func openWay(t *testing.T, to string) *cutWay {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	mustDo(t, err)
	w := &cutWay{listener: listener}
	t.Cleanup(func() { listener.Close(); w.cut(true) })
	go func() {
		for {
			from, err := listener.Accept()
			if err != nil {
				return
			}
			w.mu.Lock()
			onward, err := net.Dial("tcp", to)
			if w.isCut || err != nil {
				from.Close()
			} else {
				w.conns = append(w.conns, from, onward)
				go func() { io.Copy(onward, from); onward.Close() }()
				go func() { io.Copy(from, onward); from.Close() }()
			}
			w.mu.Unlock()
		}
	}()
	return w
}

func (w *cutWay) addr() string { return w.listener.Addr().String() }

func (w *cutWay) cut(cut bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.isCut = cut
	for _, conn := range w.conns {
		conn.Close()
	}
	w.conns = nil
}

// What one host signs the other one follows, wherever it has its sites; a release that it does not
// have is the live one there, and counted.
func TestFleetPins_HoldOnAllHosts(t *testing.T) {
	p := openPair(t, "page", false)
	browser := newBrowser()
	if got := p.on(browser, 0, "document"); got != "1" {
		t.Fatalf("the page is of release %q", got)
	}
	if code, said := p.fleet("flip", "shop", "2"); code != 0 {
		t.Fatalf("exit code %d: %s", code, said)
	}
	for host := range p.hosts {
		if got := p.on(browser, host, "empty"); got != "1" {
			t.Errorf("what the page of release 1 asks web%d for is of release %q", host+1, got)
		}
		if got := p.on(&http.Client{}, host, "document"); got != "2" {
			t.Errorf("web%d serves release %q", host+1, got)
		}
	}
	mustDo(t, os.RemoveAll(p.hosts[1].dir+"/releases/1"))
	if got := p.on(browser, 1, "empty"); got != "2" {
		t.Errorf("from a host that does not have it any more comes %q", got)
	}
	mustDo(t, p.hosts[1].gw.WaitMetric(1, "realdocd_pins_total", "result", "gone"))
}

// begin has a canary go on that gives everybody the release, and gives the command.
func (p *pair) begin() *exec.Cmd {
	p.t.Helper()
	binary, err := stack.Binary()
	mustDo(p.t, err)
	cmd := exec.Command(binary, "fleet", "canary", "shop", "2", "--config", p.hosts[0].gw.Config, "--percent", "100", "--every", "1h")
	mustDo(p.t, cmd.Start())
	p.t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	return cmd
}

// want waits until a visitor gets a release from a host.
func (p *pair) want(browser *http.Client, host int, release string) {
	p.t.Helper()
	stack.Until(p.t, fmt.Sprintf("web%d gives the visitor release %s", host+1, release), func() bool { return p.on(browser, host, "document") == release })
}

func TestFleetCanary_AVisitorStaysOnTheReleaseOnAllHostsUntilTheCommandIsKilled(t *testing.T) {
	p := openPair(t, "off", false)
	cmd := p.begin()
	browser := newBrowser()
	p.want(browser, 0, "2")
	for range 10 {
		for host := range p.hosts {
			if got := p.on(browser, host, "document"); got != "2" {
				t.Fatalf("a visitor of release 2 gets %q from web%d", got, host+1)
			}
		}
	}
	mustDo(t, cmd.Process.Kill())
	for host := range p.hosts {
		p.want(browser, host, "1")
	}
	if got := p.on(newBrowser(), 1, "document"); got != "1" {
		t.Errorf("a new visitor gets release %q", got)
	}
}

func TestFleetCanary_AHostWithoutTheStoreSendsItsVisitorsBackUntilItHasItAgain(t *testing.T) {
	p := openPair(t, "off", false)
	p.begin()
	browser := newBrowser()
	p.want(browser, 1, "2")
	p.way.cut(true)
	p.want(browser, 1, "1")
	if got := p.on(browser, 0, "document"); got != "2" {
		t.Errorf("from the host that has it the visitor gets release %q", got)
	}
	p.way.cut(false)
	p.want(browser, 1, "2")
}

func TestFleetCanary_JudgesByTheFiguresOfAllHosts(t *testing.T) {
	for name, row := range map[string]struct {
		broken bool
		code   int
		live   string
		says   string
	}{
		"a good release": {false, 0, "2", "2 is live on 2 hosts"},
		"a bad one":      {true, 1, "1", "/page.php/e"},
	} {
		t.Run(name, func(t *testing.T) {
			p := openPair(t, "off", row.broken)
			ctx, stop := context.WithCancel(t.Context())
			var visitors sync.WaitGroup
			for host := range 2 {
				visitors.Go(func() {
					for ctx.Err() == nil {
						browser := newBrowser()
						for i := range 6 {
							p.on(browser, (host+i)%2, "document", string("abcdef"[i]))
						}
						browser.CloseIdleConnections()
					}
				})
			}
			code, said := p.fleet("canary", "shop", "2", "--percent", "50", "--every", map[bool]string{false: "4s", true: "1m"}[row.broken], "--least", "20")
			stop()
			visitors.Wait()
			if code != row.code || !strings.Contains(said, row.says) {
				t.Errorf("exit code %d: %s", code, said)
			}
			for host := range p.hosts {
				p.want(newBrowser(), host, row.live)
			}
		})
	}
}
