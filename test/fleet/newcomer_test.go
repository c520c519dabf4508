package fleet

import (
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"realdocd/test/stack"
)

// A host joins whose disk is empty: it fetches what is committed, and says that it is ready only then. Until
// then it answers no request with anything else.
func TestNewHost_FetchesWhatIsCommittedBeforeItIsReady(t *testing.T) {
	y := openFleet(t, 2, pace{ask: 50 * ms, probe: 50 * ms})
	release := y.flips()
	n := &host{y: y, no: 2, name: "web3"}
	space := y.Space(n.name)
	n.web, n.store = y.Join(space, y.web, true), y.Join(space, y.store, false)
	n.Stack = y.Within(space)
	n.disk = y.mount(filepath.Join(y.Dir, n.name))
	n.dir = filepath.Join(n.disk.dir, site)
	y.must(os.MkdirAll(filepath.Join(n.dir, "releases"), 0o755))
	n.fpm = n.FPM(stack.FPMConfig{MaxChildren: 2, FreshPaths: true})
	config := n.config(true)
	config.Fleet["fetch"] = "cp -a " + y.hosts[0].dir + "/releases/$REALDOC_RELEASE/. $REALDOC_TARGET/"
	n.gw = n.Gateway(config)
	n.nginx = n.Nginx(stack.NginxConfig{Servers: []stack.NginxServer{{Root: n.docroot(), Backend: n.gw.Addr, KeepAlive: 2}}})

	client := &http.Client{Transport: &http.Transport{DialContext: y.hub.Dial}, Timeout: patience}
	defer client.CloseIdleConnections()
	look := func() (p probe, a answer) {
		a.ask(client, n.url())
		p.ready = n.ready()
		return p, a
	}
	if p, a := look(); p.ready || a.status == http.StatusOK {
		t.Fatalf("a host with nothing is ready (%v) or answers with %d", p.ready, a.status)
	}
	n.agent = n.Agent(n.gw)
	stack.Until(t, "the new host is ready", func() bool {
		p, a := look()
		if a.status == http.StatusOK && a.release != release {
			t.Fatalf("it answers with release %s, and committed is %s", a.release, release)
		}
		return p.ready
	})
	if p, a := look(); !p.ready || a.status != http.StatusOK || a.release != release {
		t.Errorf("it says that it is ready (%v), and answers with %+v", p.ready, a)
	}
	y.hosts = append(y.hosts, n)
	next := y.build()
	c := y.operator.flip(next)
	if !c.ended(commandLimit) || c.code != 0 {
		t.Fatalf("the next flip ended with %d: %s", c.code, c.said())
	}
	stack.Until(t, "the new host flips with the others", func() bool { _, a := look(); return a.release == next })
}
