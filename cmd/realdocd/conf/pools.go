package conf

import (
	"slices"
	"strings"

	"github.com/BurntSushi/toml"

	"realdocd/gateway/sock"
)

func (d *document) readPool(name string, raw map[string]any) {
	at := []string{"pool", name}
	pool := defaultPool(name)
	d.table(at, raw, poolKeys(&pool))
	if server := append(at, "server"); len(pool.Servers) == 0 && !d.isExcused(server) {
		d.faults.add(d.lines.of(at...), `[%s] has no server: name PHP-FPM's listener, as in server = ["/run/php/php8.2-fpm.sock"]`, toml.Key(at))
	}
	if pool.Reuse && len(pool.Servers) > 0 && !slices.ContainsFunc(pool.Servers, sock.Addr.IsUnix) {
		d.fault(append(at, "reuse"), `"auto" is for unix sockets, and this pool has none: over TCP nobody can tell that a worker is ready again; take "off"`)
	}
	d.config.Gateway.Pools = append(d.config.Gateway.Pools, pool)
}

func (d *document) checkPools() {
	g := &d.config.Gateway
	if len(g.Listen) == 0 && !d.isExcused([]string{"listen"}) {
		d.fault([]string{"listen"}, "want at least one address")
	}
	if len(g.Pools) == 0 && !d.isExcused([]string{"pool"}) {
		d.faults.add(0, `no pool: add [pool.www] with server = ["/run/php/php8.2-fpm.sock"]`)
		d.excuse([]string{"pool"})
	}
	d.checkReuse()
	if g.ForwardUnmatched && len(g.Pools) > 1 {
		d.fault([]string{"unmatched"}, `"forward" needs a single pool to forward to, and there are %d`, len(g.Pools))
	}
}

// checkReuse refuses to keep connections to a listener that two pools use:
// together they could hold all of its workers.
func (d *document) checkReuse() {
	users := map[sock.Addr][]string{}
	for _, p := range d.config.Gateway.Pools {
		for _, server := range p.Servers {
			users[server] = append(users[server], p.Name)
		}
	}
	for _, p := range d.config.Gateway.Pools {
		for _, server := range p.Servers {
			if in := users[server]; p.Reuse && len(in) > 1 {
				d.fault([]string{"pool", p.Name, "reuse"}, `"auto" needs listeners of its own, and %s is in the pools %s; take "off", or one pool for both`,
					server, strings.Join(in, " and "))
				break
			}
		}
	}
}
