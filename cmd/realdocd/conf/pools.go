package conf

import "github.com/BurntSushi/toml"

func (d *document) readPool(name string, raw map[string]any) {
	at := []string{"pool", name}
	pool := defaultPool(name)
	d.table(at, raw, poolKeys(&pool))
	if server := append(at, "server"); len(pool.Servers) == 0 && !d.isExcused(server) {
		d.faults.add(d.lines.of(at...), `[%s] has no server: name PHP-FPM's listener, as in server = ["/run/php/php8.2-fpm.sock"]`, toml.Key(at))
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
	if g.ForwardUnmatched && len(g.Pools) > 1 {
		d.fault([]string{"unmatched"}, `"forward" needs a single pool to forward to, and there are %d`, len(g.Pools))
	}
}

func (d *document) poolTables() (all []table) {
	pools := d.config.Gateway.Pools
	for i := range pools {
		all = append(all, table{[]string{"pool", pools[i].Name}, poolKeys(&pools[i])})
	}
	return all
}
