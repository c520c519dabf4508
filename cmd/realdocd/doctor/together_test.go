package doctor

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"realdocd/deploy"
	"realdocd/gateway"
	"realdocd/gateway/fpm"
	"realdocd/gateway/fpmconf"
	"realdocd/gateway/sock"
)

// tenantServers are pools s1, s2 and so on of one FPM each with a socket and a site.
func tenantServers(x *examination, n int) {
	for i := range n {
		name := fmt.Sprint("s", i+1)
		addr := sock.Addr("/run/php/" + name + ".sock")
		site := gateway.SiteConfig{Name: name, Docroot: "/var/www/" + name + "/current", Pool: name}
		at := deploy.Resolved{Docroot: site.Docroot, Link: site.Docroot, Release: "/var/www/" + name + "/releases/1", Way: deploy.Way{Links: []deploy.Link{{Path: site.Docroot}}}}
		pool := fpm.Config{Name: name, Servers: []sock.Addr{addr}}
		x.config.Pools, x.config.Sites = append(x.config.Pools, pool), append(x.config.Sites, site)
		s := &server{
			examination: x, pool: pool, addr: addr, master: "process 7", roots: []*root{{site: site, Resolved: at}},
			answer: &fpm.Answer{Version: "8.2.36", HasOpcache: true, INI: map[string]string{
				"post_max_size": "8M", "opcache.enable": "1", "opcache.use_cwd": "1", "opcache.validate_timestamps": "1",
			}, Opcache: &fpm.Opcache{
				Free: 64 << 20, Used: 64 << 20, Keys: 600, Scripts: 600, MaxKeys: 16229,
				Dirs: map[string][2]int64{at.Release: {64 << 20 / int64(n), 600 / int64(n)}},
			}},
			own: &fpmconf.Pool{Name: name}, conf: &fpmconf.Config{File: "/etc/php/8.2/fpm/php-fpm.conf", Global: &fpmconf.Pool{}},
		}
		x.servers = append(x.servers, s)
	}
}

func TestTogether_TellsOnceWhatIsOfOneFPM(t *testing.T) {
	version := func(s *server) { s.answer.Version = "8.3.36"; s.checkVersion() }
	for _, row := range []struct {
		name  string
		pools int
		given func(x *examination)
		check func(s *server)
		want  string // what each finding is and is about
	}{
		{"one pool", 1, nil, version, "php-unread-body: pool s1, server /run/php/s1.sock"},
		{"two pools", 2, nil, version, "php-unread-body: pools s1 and s2"},
		{"three pools", 3, nil, version, "php-unread-body: pools s1, s2 and s3"},
		{"300 pools", 300, nil, version, "php-unread-body: pools s1, s2 and 298 others"},
		{"a pool with two listeners", 2, func(x *examination) { x.servers[1].pool = x.servers[0].pool }, version, "php-unread-body: pool s1, servers /run/php/s1.sock and /run/php/s2.sock"},
		{"two FPMs", 5, func(x *examination) { x.servers[1].master, x.servers[4].master = "process 8", "process 8" }, version, "php-unread-body: pools s1, s3 and s4; php-unread-body: pools s2 and s5"},
		{"FPMs of which nothing is known", 2, func(x *examination) {
			for _, s := range x.servers {
				s.own = nil
				s.master = s.masterOf(0)
			}
		}, version, "php-unread-body: pool s1, server /run/php/s1.sock; php-unread-body: pool s2, server /run/php/s2.sock"},
		{"a setting of php.ini", 4, func(x *examination) { x.config.MaxBody = 1 << 20 }, (*server).checkTimeouts, "max-body-small: pools s1, s2 and 2 others"},
		{"a setting that one pool makes itself", 3, func(x *examination) {
			x.config.MaxBody = 1 << 20
			x.servers[1].own.Settings = []fpmconf.Setting{{Key: "php_admin_value[post_max_size]", Value: "8M", At: fpmconf.Place{File: "/etc/s2.conf", Line: 3}}}
		}, (*server).checkTimeouts, "max-body-small: pools s1 and s3; max-body-small: pool s2, server /run/php/s2.sock"},
		{"a limit that differs", 3, func(x *examination) {
			for i, s := range x.servers {
				s.answer.INI["max_execution_time"], s.pool.ReadTimeout = "30", []time.Duration{10 * time.Second, 20 * time.Second, 10 * time.Second}[i]
			}
		}, (*server).checkTimeouts, "read-timeout-short: pools s1 and s3; read-timeout-short: pool s2, server /run/php/s2.sock"},
		{"what FPM does at a reload", 3, nil, (*server).checkConfiguration, "fpm-configuration: pool s1, server /run/php/s1.sock; process-control-timeout: pools s1, s2 and s3; " +
			"fpm-configuration: pool s2, server /run/php/s2.sock; fpm-configuration: pool s3, server /run/php/s3.sock"},
		{"opcache, which has room", 4, nil, (*server).checkOpcache, "opcache: pools s1, s2 and 2 others"},
		{"opcache, in which all pools together have no room", 4, func(x *examination) {
			x.servers[0].answer.Opcache.Free--
			x.servers[3].answer.Opcache.Free -= 1 << 20 // asked later
		}, (*server).checkOpcache, "opcache-memory: pools s1, s2 and 2 others"},
		{"slots of many sites", 4, func(x *examination) {
			for _, s := range x.servers {
				s.roots[0].site.Slots, s.answer.INI["opcache.validate_timestamps"] = []string{"a", "b"}, "0"
			}
		}, (*server).checkTimestamps, "opcache-timestamps-off: pools s1, s2 and 2 others, sites s1, s2 and 2 others"},
		{"what is of one pool, though all say it", 2, nil, func(s *server) { s.found(kindFPMPassedOver, "The same.", "") }, "fpm-passed-over: pool s1, server /run/php/s1.sock; fpm-passed-over: pool s2, server /run/php/s2.sock"},
		{"what is of one site, though all say it", 2, nil, func(s *server) { s.add(kindFileUnreadable, s.at(s.roots[0]), "The same.", "") }, "file-unreadable: pool s1, server /run/php/s1.sock, site s1; file-unreadable: pool s2, server /run/php/s2.sock, site s2"},
	} {
		t.Run(row.name, func(t *testing.T) {
			x := &examination{ctx: t.Context()}
			tenantServers(x, row.pools)
			if row.given != nil {
				row.given(x)
			}
			for _, s := range x.servers {
				row.check(s)
			}
			var got []string
			concerned := 0
			for _, f := range together(x.findings) {
				got = append(got, f.ID+": "+f.About())
				concerned += 1 + len(f.Also)
			}
			if text := strings.Join(got, "; "); text != row.want {
				t.Errorf("it tells %q,\nwant %q", text, row.want)
			}
			if concerned != len(x.findings) {
				t.Errorf("%d findings are told of %d", concerned, len(x.findings))
			}
		})
	}
}
