package e2e

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"realdocd/gateway/control"
	"realdocd/test/stack"
)

// tenants is how many sites the host of these tests has.
const tenants = 300

// A host is a machine with many sites: a pattern, a pool and a file for each.
type host struct {
	*stack.Stack
	t   *testing.T
	dir string
	fpm *stack.FPM
	gw  *stack.Gateway
	cfg stack.GatewayConfig
}

func tenantName(i int) string { return fmt.Sprintf("s%03d", i) }

// newHost makes the sites, each with two releases of pages that say whose they are.
func newHost(t *testing.T) *host {
	t.Helper()
	h := &host{Stack: stack.For(t, "php-fpm"), t: t}
	h.dir = filepath.Join(h.Dir, "www")
	h.fpm = h.FPM(stack.FPMConfig{})
	for i := range tenants {
		h.makeTenant(tenantName(i))
		h.makePool(tenantName(i))
	}
	h.cfg = stack.GatewayConfig{
		Log:   stack.Keys{"access": false},
		Top:   stack.Keys{"include": []string{filepath.Join(h.Dir, "conf.d/*.toml")}, "max_conns": 4},
		Sites: map[string]stack.Keys{"all": {"docroot": h.dir + "/*/current/public", "pool": "fpm-{1}", "releases": h.dir + "/{1}/releases", "release_header": "X-Release"}},
	}
	h.gw = h.Gateway(h.cfg)
	return h
}

func (h *host) makeTenant(name string) {
	h.t.Helper()
	for _, release := range []string{"1", "2"} {
		public := filepath.Join(h.dir, name, "releases", release, "public")
		mustDo(h.t, os.MkdirAll(public, 0o755))
		page := "<?php $before = basename(dirname(__DIR__)); usleep(500); echo '" + name + " ', $before, ' ', require $_SERVER['DOCUMENT_ROOT'].'/part.php';"
		mustDo(h.t, os.WriteFile(public+"/index.php", []byte(page), 0o644))
		mustDo(h.t, os.WriteFile(public+"/part.php", []byte("<?php return '"+release+"';"), 0o644))
	}
	mustDo(h.t, os.Symlink("releases/1", filepath.Join(h.dir, name, "current")))
}

// makePool gives a tenant a pool, in a file of its own.
func (h *host) makePool(name string) {
	h.t.Helper()
	mustDo(h.t, os.MkdirAll(filepath.Join(h.Dir, "conf.d"), 0o755))
	text := fmt.Sprintf("[pool.fpm-%s]\nserver = [%q]\n", name, string(h.fpm.Addr))
	mustDo(h.t, os.WriteFile(filepath.Join(h.Dir, "conf.d", name+".toml"), []byte(text), 0o644))
}

// page asks for a tenant's page.
func (h *host) page(name string) (status int, body string) {
	docroot := h.dir + "/" + name + "/current/public"
	reply := h.Ask(h.gw.Addr, nil, stack.ParamsFor(docroot, "GET", "/index.php")...)
	return reply.Status, strings.TrimSpace(string(reply.Body))
}

func (h *host) wantPage(name, release string) {
	h.t.Helper()
	if status, body := h.page(name); status != 200 || body != name+" "+release+" "+release {
		h.t.Errorf("%s: %d %q, want release %s", name, status, body, release)
	}
}

func TestManyTenantsOnOneFPM(t *testing.T) {
	h := newHost(t)
	for i := range tenants {
		h.wantPage(tenantName(i), "1")
	}
	h.flipOneUnderTraffic("s007")
	h.wantStatus()
	h.wantLatecomer("s300")
}

// flipOneUnderTraffic flips one tenant while others are asked: no page has two releases, and
// no other tenant changes.
func (h *host) flipOneUnderTraffic(name string) {
	h.t.Helper()
	var asked atomic.Int64
	var clients sync.WaitGroup
	stop := make(chan struct{})
	for c := range 6 {
		clients.Go(func() {
			for i := 0; ; i++ {
				select {
				case <-stop:
					return
				default:
				}
				who := name
				if i%2 == 1 {
					who = tenantName(20 + c)
				}
				status, body := h.page(who)
				asked.Add(1)
				torn := body != who+" 1 1" && (who != name || body != who+" 2 2")
				if status != 200 || torn {
					h.t.Errorf("%s: %d %q", who, status, body)
				}
			}
		})
	}
	more := func(n int64) {
		h.t.Helper()
		from := asked.Load()
		stack.Until(h.t, fmt.Sprintf("%d more pages", n), func() bool { return asked.Load() >= from+n })
	}
	more(50)
	h.Command(h.gw, 0, "flip", "all/"+name, "2")
	more(50)
	h.wantPage(name, "2")
	h.Command(h.gw, 0, "drain", "all/"+name, "1")
	h.Command(h.gw, 0, "rollback", "all/"+name)
	more(50)
	close(stop)
	clients.Wait()
	h.wantPage(name, "1")
	h.wantPage("s020", "1")
}

// wantStatus wants a line for each docroot, and all in JSON.
func (h *host) wantStatus() {
	h.t.Helper()
	lines := strings.Split(strings.TrimSpace(h.Command(h.gw, 0, "status", "all")), "\n")
	rows := 0
	for _, line := range lines {
		if cells := strings.Fields(line); len(cells) > 1 && cells[1] == "ok" {
			rows++
		}
	}
	if rows != tenants || !strings.Contains(lines[0], fmt.Sprintf("%d docroots", tenants)) {
		h.t.Errorf("%d lines of tenants below\n%s", rows, lines[0])
	}
	if busiest := h.Command(h.gw, 0, "status", "all", "--sort=requests"); !strings.HasPrefix(strings.Split(busiest, "\n")[3], "s007 ") {
		h.t.Errorf("sorted by requests it begins with\n%.400s", busiest)
	}
	var d control.SiteDetail
	if err := json.Unmarshal([]byte(h.Command(h.gw, 0, "status", "all", "--json")), &d); err != nil || len(d.Docroots) != tenants {
		h.t.Errorf("%d docroots in JSON, %v", len(d.Docroots), err)
	}
	if one := h.Command(h.gw, 0, "status", "all/s007"); !strings.HasPrefix(one, "site all/s007, pool fpm-s007, docroot "+h.dir+"/s007/current/public\n") {
		h.t.Errorf("got\n%s", one)
	}
}

// wantLatecomer adds a tenant, whose pool is missing at first, and then one setting of its own.
func (h *host) wantLatecomer(name string) {
	h.t.Helper()
	h.makeTenant(name)
	if status, body := h.page(name); status != 503 {
		h.t.Errorf("without a pool: %d %q", status, body)
	}
	if told := h.Command(h.gw, 1, "check"); !strings.Contains(told, "pool-missing: site all\n") || !strings.Contains(told, "there is no fpm-"+name+", which") {
		h.t.Errorf("check says\n%s", told)
	}
	h.makePool(name)
	file := filepath.Join(h.Dir, "conf.d", name+".toml")
	text, err := os.ReadFile(file)
	mustDo(h.t, err)
	mustDo(h.t, os.WriteFile(file, append(text, fmt.Sprintf("[site.\"all/%s\"]\nrelease_header = \"X-Own\"\n", name)...), 0o644))
	diff := h.Command(h.gw, 1, "config", "--diff")
	for _, want := range []string{"+ [pool.fpm-" + name + "]", `+ [site."all/` + name + `"]`, `+ release_header = "X-Own"`} {
		if !strings.Contains(diff, want) {
			h.t.Errorf("%q is not in\n%s", want, diff)
		}
	}
	h.Reload(h.gw, h.cfg)
	h.wantPage(name, "1")
	reply := h.Ask(h.gw.Addr, nil, stack.ParamsFor(h.dir+"/"+name+"/current/public", "GET", "/index.php")...)
	if got := reply.Header.Get("X-Own"); got != "1" {
		h.t.Errorf("X-Own is %q", got)
	}
	if diff := h.Command(h.gw, 0, "config", "--diff"); diff != "" {
		h.t.Errorf("after the reload it says\n%s", diff)
	}
}
