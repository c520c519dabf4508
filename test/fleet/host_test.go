package fleet

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"

	"realdocd/test/stack"
)

// page tells which release it belongs to in three ways, which agree if it is not torn.
const page = `<?php
header('Content-Type: text/plain');
$root = $_SERVER['DOCUMENT_ROOT'];
echo basename(dirname(__DIR__)), ' ', require $root . '/../lib/part.php', ' ', basename(dirname($root));
`

// A host is a machine of the fleet as far as one can be had in a namespace: its own directories, link, PHP-FPM,
// nginx and realdocd.
type host struct {
	*stack.Stack // whose parts run in its namespace
	y            *yard
	no           int
	name         string
	disk         disk
	dir          string      // of its site
	web, store   *stack.Wire // to clients, and to etcd

	fpm   *stack.FPM
	nginx *stack.Nginx
	gw    *stack.Gateway
	agent *stack.Agent // nil without a fleet

	clocks map[*stack.Process]*stack.Clock // that were taken hold of
}

// openHost starts all of a host but its agent, with release 1 live.
func (y *yard) openHost(no int, fleet bool) *host {
	y.t.Helper()
	h := &host{y: y, no: no, name: fmt.Sprintf("web%d", no+1)}
	space := y.Space(h.name)
	h.web, h.store = y.Join(space, y.web, true), y.Join(space, y.store, false)
	h.Stack = y.Within(space)
	h.disk = y.mount(filepath.Join(y.Dir, h.name))
	h.dir = filepath.Join(h.disk.dir, site)
	y.must(h.build(1))
	y.must(os.Symlink("releases/1", h.link()))
	h.fpm = h.FPM(stack.FPMConfig{MaxChildren: 2, FreshPaths: true})
	h.gw = h.Gateway(h.config(fleet))
	h.nginx = h.Nginx(stack.NginxConfig{Servers: []stack.NginxServer{{Root: h.docroot(), Backend: h.gw.Addr, KeepAlive: 2}}})
	return h
}

func (h *host) config(fleet bool) stack.GatewayConfig {
	c := stack.GatewayConfig{
		Top:   stack.Keys{"state_dir": h.disk.dir + "/state"},
		Log:   stack.Keys{"access": "errors"},
		Pools: map[string]stack.Keys{"www": {"server": []string{string(h.fpm.Addr)}, "max_conns": 2}},
		Sites: map[string]stack.Keys{site: {"docroot": h.docroot()}},
	}
	if fleet {
		c.Sites[site]["releases"] = filepath.Join(h.dir, "releases")
		c.Fleet = stack.Keys{"etcd": stack.URLs(h.y.etcds), "prefix": prefix, "group": group, "host": h.name}
	}
	return c
}

func (h *host) link() string         { return filepath.Join(h.dir, "current") }
func (h *host) docroot() string      { return filepath.Join(h.link(), "public") }
func (h *host) release(n int) string { return filepath.Join(h.dir, "releases", strconv.Itoa(n)) }
func (h *host) url() string          { return h.nginx.URL(0, "/index.php") }

// build makes a release, which has its name at once, as one that a deploy tool has brought.
func (h *host) build(n int) error {
	hidden := filepath.Join(h.dir, "releases", ".coming")
	for name, text := range map[string]string{
		"public/index.php": page,
		"lib/part.php":     fmt.Sprintf("<?php return '%d';\n", n),
	} {
		file := filepath.Join(hidden, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			return err
		}
	}
	return os.Rename(hidden, h.release(n))
}

// live is the release that the link leads to.
func (h *host) live() string {
	target, err := os.Readlink(h.link())
	if err != nil {
		return ""
	}
	return filepath.Base(target)
}
