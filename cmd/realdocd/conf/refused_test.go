package conf

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/BurntSushi/toml"
	"github.com/google/go-cmp/cmp"

	"realdocd/gateway"
	"realdocd/gateway/fpm"
)

// A refusal is a text with a fault. It puts lines into a file that has no faults
// otherwise: line 1 is the top, the pool follows, then the site, then more.
type refusal struct {
	top, pool, site, more string
	file                  string // the whole file, instead of the lines
	want                  string
}

func (r refusal) text() string {
	if r.file != "" {
		return r.file
	}
	return joinLines(
		r.top, // an empty line, so that the others stay where they are
		"[pool.www]", `server = ["/run/php/php8.2-fpm.sock"]`, r.pool,
		"[site.shop]", `docroot = "/var/www/shop/current/public"`, r.site, r.more)
}

// joinLines leaves out the empty lines but for the first.
func joinLines(lines ...string) string {
	text := lines[0]
	for _, line := range lines[1:] {
		if line != "" {
			text += "\n" + line
		}
	}
	return text
}

var refused = []refusal{
	{site: `doc_root = "/a"`, want: `r.toml:6: unknown key "doc_root" in [site.shop]; did you mean "docroot"?`},
	{site: `zzzzzzzz = "/a"`, want: `r.toml:6: unknown key "zzzzzzzz" in [site.shop]`},
	{top: `lisen = []`, want: `r.toml:1: unknown key "lisen"; did you mean "listen"?`},
	{top: `docroot = "/a"`, want: `r.toml:1: unknown key "docroot": it belongs in [site.NAME]`},
	{pool: `level = "info"`, want: `r.toml:4: unknown key "level" in [pool.www]: it belongs in [log]`},
	{site: `queue_timeout = "1s"`, want: `r.toml:6: unknown key "queue_timeout" in [site.shop]: it belongs in [pool.NAME]`},
	{site: `pin = "on"`, want: `r.toml:6: pin in [site.shop]: want "off", "page" or "visit", not "on"`},
	{site: `pin_max_age = "0s"`, want: `r.toml:6: pin_max_age in [site.shop]: want a duration from "1s" to "9600h", not "0s"`},
	{site: `pin_cookie = "a b"`, want: `r.toml:6: pin_cookie in [site.shop]: want the name of a cookie, such as "shop_release", or "none", not "a b"`},
	{site: `pin_cached = 1`, want: `r.toml:6: pin_cached in [site.shop]: want true or false, not 1`},
	{top: `pin_key_file = "key"`, want: `r.toml:1: pin_key_file: want an absolute path, not "key"`},
	{top: `state_dir = ""`, site: `pin = "page"`, want: `r.toml:6: pin in [site.shop]: pins are signed by a key that has to survive a restart, and state_dir is "": set state_dir, or pin_key_file`},
	{site: `abandoned = "keep"`, want: `r.toml:6: abandoned in [site.shop]: want "run" or "drop", not "keep"`},
	{site: `abandoned_paths = ["cron"]`, want: `r.toml:6: abandoned_paths in [site.shop]: want a path or a pattern that begins with "/", such as "/wp-cron.php" or "/cron/*", not "cron"`},
	{site: `abandoned_paths = ["/[a"]`, want: `r.toml:6: abandoned_paths in [site.shop]: want a path or a pattern that begins with "/", such as "/wp-cron.php" or "/cron/*", not "/[a"`},
	{site: `read_timeout = 5`, want: `r.toml:6: read_timeout in [site.shop]: want a duration such as "2s" or "500ms", not 5`},
	{site: `request_timeout = "-1s"`, want: `r.toml:6: request_timeout in [site.shop]: want a duration of at least 0s, not "-1s"`},
	{site: `max_conns = -1`, want: `r.toml:6: max_conns in [site.shop]: want a whole number from 0 to 1000000, not -1`},
	{site: `stderr = "web"`, want: `r.toml:6: stderr in [site.shop]: want "both" or "log", not "web"`},
	{top: `header_timeout = 1`, want: `r.toml:1: header_timeout: want a duration such as "2s" or "500ms", not 1`},
	{top: `body_timeout = "x"`, want: `r.toml:1: body_timeout: want a duration such as "2s" or "500ms", not "x"`},
	{top: `idle_timeout = "-1s"`, want: `r.toml:1: idle_timeout: want a duration of at least 0s, not "-1s"`},
	{top: `max_spool = "2G"`, want: `r.toml:1: max_spool: want a size such as "64KiB", "10MiB" or "2GiB", not "2G"`},
	{top: `max_spool = "9999999999TiB"`, want: `r.toml:1: max_spool: want a size such as "64KiB", "10MiB" or "2GiB", not "9999999999TiB"`},
	{more: "[log]\nlisten = []", want: `r.toml:7: unknown key "listen" in [log]: it belongs at the top of the file, before the first [table] or in [page]`},
	{top: `include_path = ""`, want: `r.toml:1: unknown key "include_path": it belongs in [pool.NAME] or in [site.NAME]`},
	{more: "[sites.b]\ndocroot = '/b'", want: `r.toml:6: unknown table [sites]; did you mean [site.NAME]?`},
	{more: "[logs]", want: `r.toml:6: unknown table [logs]; did you mean [log]?`},
	{more: "[zzzzzzz]", want: `r.toml:6: unknown table [zzzzzzz]`},
	{pool: `max_conn = 1`, want: `r.toml:4: unknown key "max_conn" in [pool.www]; did you mean "max_conns"?`},
	{top: `queue = 1`, want: `r.toml:1: unknown key "queue": it belongs in [pool.NAME]`},
	{pool: `control = ""`, want: `r.toml:4: unknown key "control" in [pool.www]: it belongs at the top of the file, before the first [table]`},
	{site: `slot = []`, want: `r.toml:6: unknown key "slot" in [site.shop]; did you mean "slots"?`},
	{top: `keep = 5`, want: `r.toml:1: unknown key "keep": it belongs in [site.NAME]`},

	{more: "[site.shop2.example.com]\ndocroot = '/b'", want: `r.toml:6: [site.shop2.example.com] is a table in a table: a name with dots wants quotes, as in [site."shop2.example.com"]`},
	{more: "[site.a.b]", want: `r.toml:6: [site.a.b] is a table in a table: a name with dots wants quotes, as in [site."a.b"]`},
	{more: "[pool.php.8]\nserver = ['/b']", want: `r.toml:7: [pool.php.8] is a table in a table: a name with dots wants quotes, as in [pool."php.8"]`, site: "pool = 'www'"},
	{more: "[site.all/s1]\ndocroot = '/b'", want: `r.toml:6: expected '.' or ']' to end table name, but got '/' instead: a name that has more than letters, digits, - and _ wants quotes, as in [site."all/s1"]`},
	{site: `docroot = "/a"`, want: `r.toml:6: duplicate key site.shop.docroot: it is set in line 5 already`},
	{more: "[pool.www]", want: `r.toml:6: duplicate key pool.www: it is set in line 2 already`},
	{more: "[site.shop]", want: `r.toml:6: duplicate key site.shop: it is set in line 4 already`},
	{site: `include_path = /a`, want: `r.toml:6: expected value but found '/' instead: are the quotes around a string missing?`},
	{more: "[site.b]\ndocroot = '/var/www//shop/current/public/'", want: `r.toml:7: docroot in [site.b]: "/var/www/shop/current/public" is the docroot of [site.shop] already`},

	{file: `pool = "www"`, want: "r.toml: no site: add [site.shop] with docroot = \"/var/www/shop/current/public\"\nr.toml:1: pool: want tables [pool.NAME], each with a name of its own, not \"www\""},
	{file: "site = ['shop']\n[pool.www]\nserver = ['/a']", want: `r.toml:1: site: want tables [site.NAME], each with a name of its own, not a list`},
	{top: `listen = "/a"`, want: `r.toml:1: listen: want a list, as in [ … ], not "/a"`},
	{top: `listen = []`, want: `r.toml:1: listen: want at least one address`},
	{top: `listen = ["run/a", 3]`, want: "r.toml:1: listen: want the absolute path of a socket, or \"host:port\", not \"run/a\"\nr.toml:1: listen: want a string in quotes, not 3"},
	{top: `listen = ["unix:/a"]`, want: `r.toml:1: listen: write "unix:/a" without "unix:", as "/a"`},
	{top: `listen = ["127.0.0.1:99999"]`, want: `r.toml:1: listen: want the absolute path of a socket, or "host:port", not "127.0.0.1:99999"`},
	{top: `listen = ["/` + strings.Repeat("x", 107) + `"]`, want: `r.toml:1: listen: the socket path "/` + strings.Repeat("x", 107) + `" has 108 bytes, at most 107 are possible`},
	{more: "[pool.b]\nserver = ['/" + strings.Repeat("x", 107) + "']", site: "pool = 'www'", want: `r.toml:8: server in [pool.b]: the socket path "/` + strings.Repeat("x", 107) + `" has 108 bytes, at most 107 are possible`},
	{top: `listen = [":9100"]`, want: `r.toml:1: listen: ":9100" is open to the network: say who may connect with allowed_clients, for example "127.0.0.1"`},
	{top: `listen_mode = "rw"`, want: `r.toml:1: listen_mode: want the octal digits of a mode, in quotes, such as "0660", not "rw"`},
	{top: `listen_mode = "1777"`, want: `r.toml:1: listen_mode: want the octal digits of a mode, in quotes, such as "0660", not "1777"`},
	{top: `listen_mode = 0o660`, want: `r.toml:1: listen_mode: want the octal digits of a mode, in quotes, such as "0660", not 432`},
	{top: `allowed_clients = ["localhost"]`, want: `r.toml:1: allowed_clients: want an address or a network such as "127.0.0.1" or "10.0.0.0/8", not "localhost"`},
	{top: `allowed_clients = ["fe80::1%eth0"]`, want: `r.toml:1: allowed_clients: want an address or a network such as "127.0.0.1" or "10.0.0.0/8", not "fe80::1%eth0"`},
	{top: `control = "control.sock"`, want: `r.toml:1: control: want the absolute path of a socket, not "control.sock"`},
	{top: `control = "127.0.0.1:9118"`, want: `r.toml:1: control: want the absolute path of a socket, not "127.0.0.1:9118"`},
	{top: `control_mode = "660x"`, want: `r.toml:1: control_mode: want the octal digits of a mode, in quotes, such as "0660", not "660x"`},
	{top: `listen_group = "a b"`, want: `r.toml:1: listen_group: want a name or a number, not "a b"`},
	{top: `control_group = "a b"`, want: `r.toml:1: control_group: want a name or a number, not "a b"`},
	{top: `operate_groups = "ops"`, want: `r.toml:1: operate_groups: want a list, as in [ … ], not "ops"`},
	{top: `look_groups = ["a:b"]`, want: `r.toml:1: look_groups: want a name or a number, not "a:b"`},
	{top: `allowed_users = ["nobody-of-us"]`, want: `r.toml:1: allowed_users: there is no user "nobody-of-us" on this machine`},
	{top: `allowed_users = [33]`, want: `r.toml:1: allowed_users: want a string in quotes, not 33`},
	{top: `user = ""`, want: `r.toml:1: user: want a name or a number, not ""`},
	{top: `control = false`, want: `r.toml:1: control: want a string in quotes, not false`},
	{top: `control = "/` + strings.Repeat("x", 107) + `"`, want: `r.toml:1: control: the socket path "/` + strings.Repeat("x", 107) + `" has 108 bytes, at most 107 are possible`},
	{top: `control = "/run/realdocd//realdocd.sock"`, want: `r.toml:1: control: "/run/realdocd//realdocd.sock" is in listen already: take another path`},
	{top: `metrics = "/run/m.sock"`, want: `r.toml:1: metrics: want "host:port" such as "127.0.0.1:9117", not "/run/m.sock"`},
	{top: `metrics = "127.0.0.1"`, want: `r.toml:1: metrics: want "host:port" such as "127.0.0.1:9117", not "127.0.0.1"`},
	{top: `metrics = 9117`, want: `r.toml:1: metrics: want a string in quotes, not 9117`},
	{more: "[page]\nlisten = 'page'", want: `r.toml:7: listen in [page]: want the absolute path of a socket, or "host:port", not "page"`},
	{more: "[page]\nlisten = '/run/realdocd/realdocd.sock'", want: `r.toml:7: listen in [page]: "/run/realdocd/realdocd.sock" is in listen already: take another`},
	{more: "[page]\nlisten = '/run/realdocd/control.sock'", want: `r.toml:7: listen in [page]: "/run/realdocd/control.sock" is that of control already: take another path; realdocd status --web shows the page there`},
	{top: "listen = ['[::1]:9117']\nallowed_clients = ['::1']\nmetrics = '[::1]:9117'", want: `r.toml:3: metrics: "[::1]:9117" is in listen already: take another port`},
	{top: `unmatched = "foward"`, want: `r.toml:1: unmatched: want "refuse" or "forward", not "foward"; did you mean "forward"?`},
	{top: `unmatched = true`, want: `r.toml:1: unmatched: want "refuse" or "forward", not true`},
	{
		top: `unmatched = "forward"`, more: "[pool.b]\nserver = ['/b']\n[site.shop2]\ndocroot='/x'\npool='b'",
		site: `pool = "www"`, want: `r.toml:1: unmatched: "forward" needs a single pool to forward to, and there are 2`,
	},
	{top: `shutdown_timeout = "30"`, want: `r.toml:1: shutdown_timeout: want a duration such as "2s" or "500ms", not "30"`},
	{top: `shutdown_timeout = 30`, want: `r.toml:1: shutdown_timeout: want a duration such as "2s" or "500ms", not 30`},
	{top: `shutdown_timeout = "-1s"`, want: `r.toml:1: shutdown_timeout: want a duration of at least 0s, not "-1s"`},
	{top: `max_body = "2G"`, want: `r.toml:1: max_body: want a size such as "64KiB", "10MiB" or "2GiB", not "2G"`},
	{top: `max_body = 1024`, want: `r.toml:1: max_body: want a size such as "64KiB", "10MiB" or "2GiB", not 1024`},
	{top: `max_body = "-1KiB"`, want: `r.toml:1: max_body: want a size such as "64KiB", "10MiB" or "2GiB", not "-1KiB"`},
	{top: `max_body = "9999999TiB"`, want: `r.toml:1: max_body: want a size such as "64KiB", "10MiB" or "2GiB", not "9999999TiB"`},
	{top: `max_connections = -1`, want: `r.toml:1: max_connections: want a whole number from 0 to 1000000, not -1`},
	{top: `max_conns = "auto"`, want: `r.toml:1: max_conns: want a whole number from 0 to 1000000, not "auto"`},
	{top: `probe_dir = "probe"`, want: `r.toml:1: probe_dir: want an absolute path, not "probe"`},
	{top: `spool_dir = "spool"`, want: `r.toml:1: spool_dir: want an absolute path, not "spool"`},
	{top: `log = "debug"`, want: `r.toml:1: log: want the table [log], not "debug"`},
	{more: "[log]\nlevel = 'warning'", want: `r.toml:7: level in [log]: want "debug", "info", "warn" or "error", not "warning"; did you mean "warn"?`},
	{more: "[log]\nformat = 'xml'", want: `r.toml:7: format in [log]: want "json" or "console", not "xml"`},
	{more: "[log]\noutput = 'log'", want: `r.toml:7: output in [log]: want "stderr" or the absolute path of a file, not "log"`},
	{more: "[log]\noutput = 'journal'", want: `r.toml:7: output in [log]: "journal" is not needed: under systemd "stderr" is the journal, with the level of each event`},
	{more: "[log]\naccess = 'yes'", want: `r.toml:7: access in [log]: want true, false, "slow", "errors", or the share of requests that are logged, above 0 and below 1, such as 0.01, not "yes"`},
	{more: "[log]\naccess = 1.5", want: `r.toml:7: access in [log]: want true, false, "slow", "errors", or the share of requests that are logged, above 0 and below 1, such as 0.01, not 1.5`},
	{more: "[log]\naccess = 'slow'", want: `r.toml:7: access in [log]: "slow" logs requests that took longer than slow in [log], which is "0s" and so marks none: set it, as in slow = "1s"`},
	{more: "[trace]\nendpoint = 'collector:4318'", want: `r.toml:7: endpoint in [trace]: want the URL of a collector, such as "http://127.0.0.1:4318", not "collector:4318"`},
	{more: "[trace]\nratio = 1.5", want: `r.toml:7: ratio in [trace]: want a share from 0 to 1, such as 0.01, not 1.5`},
	{more: "[fleet]\netcd = ['10.0.0.1:2379']", want: `r.toml:7: etcd in [fleet]: want the URL of a server of etcd, such as "https://10.0.0.1:2379", not "10.0.0.1:2379"`},
	{more: "[fleet]\netcd = ['https://a:2379/v2']", want: `r.toml:7: etcd in [fleet]: want the URL of a server of etcd, such as "https://10.0.0.1:2379", not "https://a:2379/v2"`},
	{more: "[fleet]\netcd = ['https://u:pw@a']", want: `r.toml:7: etcd in [fleet]: https://u:xxxxx@a has a user in it: write that as user and password in [fleet]`},
	{more: "[fleet]\netcd = ['https://a', 'http://b']", want: `r.toml:7: etcd in [fleet]: some servers are asked by https, and some by http: what one of them hears, everybody can; write https for all`},
	{top: `state_dir = ""`, more: "[fleet]\netcd = ['https://a']", want: `r.toml:7: etcd in [fleet]: where the sites stand has to survive a restart, and state_dir is "": set state_dir`},
	{top: `control = ""`, more: "[fleet]\netcd = ['https://a']", want: `r.toml:7: etcd in [fleet]: the agent tells the daemon where the sites stand, and control is "": set control`},
	{more: "[fleet]\nprefix = 'realdocd'", want: `r.toml:7: prefix in [fleet]: want a prefix such as "/realdocd", not "realdocd"`},
	{more: "[fleet]\nprefix = '/a//b'", want: `r.toml:7: prefix in [fleet]: want a prefix such as "/realdocd", not "/a//b"`},
	{more: "[fleet]\ngroup = ''", want: `r.toml:7: group in [fleet]: want a name such as "www1", not ""`},
	{more: "[fleet]\nhost = 'www 1'", want: `r.toml:7: host in [fleet]: want a name such as "www1", not "www 1"`},
	{more: "[fleet]\nuser = 1", want: `r.toml:7: user in [fleet]: want a string in quotes, not 1`},
	{more: "[fleet]\nuser = 'a'", want: `r.toml:7: user in [fleet]: a user and a password go together: set user and password, or cert_file and key_file`},
	{more: "[fleet]\npassword = 'a'", want: `r.toml:7: password in [fleet]: a user and a password go together: set user and password, or cert_file and key_file`},
	{more: "[fleet]\nca_file = 'ca.pem'", want: `r.toml:7: ca_file in [fleet]: want an absolute path, not "ca.pem"`},
	{more: "[fleet]\netcd = ['http://a']\nca_file = '/ca.pem'", want: `r.toml:8: ca_file in [fleet]: it is for https, and the servers in etcd are asked by http`},
	{more: "[fleet]\ncert_file = '/www1.pem'", want: `r.toml:7: cert_file in [fleet]: a certificate and its key go together: set cert_file and key_file`},
	{more: "[fleet]\nkey_file = '/www1.key'", want: `r.toml:7: key_file in [fleet]: a certificate and its key go together: set cert_file and key_file`},
	{more: "[fleet]\nbehind = 'wait'", want: `r.toml:7: behind in [fleet]: want "refuse" or "serve", not "wait"`},
	{more: "[fleet]\nlost = '10s'", want: `r.toml:7: lost in [fleet]: want "keep", or a duration of at least "15s", such as "30s", not "10s"`},
	{more: "[fleet]\nfetch = ' '", want: `r.toml:7: fetch in [fleet]: want a command such as "php artisan config:cache", not " "`},
	{more: "[fleet]\npush = ['rsync']", want: `r.toml:7: push in [fleet]: want a string in quotes, not a list`},
	{more: "[fleet]\netdc = []", want: `r.toml:7: unknown key "etdc" in [fleet]; did you mean "etcd"?`},
	{top: `etcd = []`, want: `r.toml:1: unknown key "etcd": it belongs in [fleet]`},
	{more: "[fleets]", want: `r.toml:6: unknown table [fleets]; did you mean [fleet]?`},
	{site: `server_timing = "yes"`, want: `r.toml:6: server_timing in [site.shop]: want true or false, not "yes"`},
	{site: `access = "all"`, want: `r.toml:6: access in [site.shop]: want true, false, "slow", "errors", or the share of requests that are logged, above 0 and below 1, such as 0.01, not "all"`},
	{more: "[log]\nslow = 1979-05-27", want: `r.toml:7: slow in [log]: want a duration such as "2s" or "500ms", not a date`},

	{pool: `connect_timeout = "0s"`, want: `r.toml:4: connect_timeout in [pool.www]: want a duration above 0s, not "0s"`},
	{pool: `read_timeout = "1 s"`, want: `r.toml:4: read_timeout in [pool.www]: want a duration such as "2s" or "500ms", not "1 s"`},
	{pool: `request_timeout = "-1ms"`, want: `r.toml:4: request_timeout in [pool.www]: want a duration of at least 0s, not "-1ms"`},
	{pool: `include_path = [".", "/a"]`, want: `r.toml:4: include_path in [pool.www]: want a string in quotes, not a list`},
	{pool: `max_conns = -1`, want: `r.toml:4: max_conns in [pool.www]: want "auto", or a whole number from 0 to 1000000, not -1`},
	{pool: `max_conns = 1.5`, want: `r.toml:4: max_conns in [pool.www]: want "auto", or a whole number from 0 to 1000000, not 1.5`},
	{pool: `queue = 1000001`, want: `r.toml:4: queue in [pool.www]: want a whole number from 0 to 1000000, not 1000001`},
	{pool: `queue = "10s"`, want: `r.toml:4: queue in [pool.www]: want a whole number from 0 to 1000000, not "10s"`},
	{pool: `queue_timeout = "0s"`, want: `r.toml:4: queue_timeout in [pool.www]: want a duration above 0s, not "0s"`},
	{pool: `reuse = "on"`, want: `r.toml:4: reuse in [pool.www]: want "off" or "auto", not "on"`},
	{pool: `reuse = true`, want: `r.toml:4: reuse in [pool.www]: want "off" or "auto", not true`},
	{pool: `status = "status.sock"`, want: `r.toml:4: status in [pool.www]: want the absolute path of a socket, or "host:port", not "status.sock"`},
	{pool: `map = ["/srv"]`, want: `r.toml:4: map in [pool.www]: want two absolute paths, ours and PHP-FPM's, such as "/srv:/var/www/html", not "/srv"`},
	{pool: `map = ["/srv:/a:/b"]`, want: `r.toml:4: map in [pool.www]: want two absolute paths, ours and PHP-FPM's, such as "/srv:/var/www/html", not "/srv:/a:/b"`},
	{pool: `include_path = ".:/var/www/shop/current/public/lib"`, want: `r.toml:4: include_path in [pool.www]: "/var/www/shop/current/public/lib" is below the link of [site.shop]: it belongs in the include_path of that site, where it follows the release`},
	{pool: `status_path = "fpm-status"`, want: `r.toml:4: status_path in [pool.www]: want a path that begins with "/" and has no "?", such as "/fpm-status", not "fpm-status"`},
	{pool: `status_path = ""`, want: `r.toml:4: status_path in [pool.www]: want a path that begins with "/" and has no "?", such as "/fpm-status", not ""`},
	{pool: `status_path = "/s?json"`, want: `r.toml:4: status_path in [pool.www]: want a path that begins with "/" and has no "?", such as "/fpm-status", not "/s?json"`},
	{more: "[pool.b]\n[site.b]\ndocroot='/b'\npool='b'", site: "pool='www'", want: `r.toml:7: [pool.b] has no server: name PHP-FPM's listener, as in server = ["/run/php/php8.2-fpm.sock"]`},
	{more: "[pool.b]\nserver = ['/b']", want: `r.toml:4: [site.shop] names no pool, and there are 2: add pool = "www" or "b"`},
	{site: `pool = "wwww"`, want: `r.toml:6: pool in [site.shop]: there is no [pool.wwww]; did you mean "www"?`},
	{site: `pool = "other pool"`, want: `r.toml:6: pool in [site.shop]: there is no [pool."other pool"]`},
	{more: "[site.b]", want: `r.toml:6: [site.b] has no docroot: name it, as in docroot = "/var/www/b/current/public"`},
	{more: "[site.b]\ndocroot = 'www'", want: `r.toml:7: docroot in [site.b]: want an absolute path, not "www"`},
	{more: "[site.b]\ndocroot = '/www/[ab'", want: `r.toml:7: docroot in [site.b]: want a path or a pattern in which every [ has its ], not "/www/[ab"`},
	{more: "[site]\ndocroot = '/b'", want: `r.toml:7: docroot in [site]: want it in a table with a name, [site.NAME]`},
	{more: "[[site.b]]\ndocroot = '/b'", want: `r.toml:6: b in [site]: want it in a table with a name, [site.NAME]`},
	{site: `resolve = "readlin"`, want: `r.toml:6: resolve in [site.shop]: want "realpath" or "readlink", not "readlin"; did you mean "readlink"?`},
	{site: `realpath_every = 2`, want: `r.toml:6: realpath_every in [site.shop]: want a duration such as "2s" or "500ms", not 2`},
	{site: `link_after = "www"`, want: `r.toml:6: link_after in [site.shop]: want an absolute path, not "www"`},
	{site: `link_after = "/srv"`, want: `r.toml:6: link_after in [site.shop]: the docroot "/var/www/shop/current/public" is not below "/srv"`},
	{site: `link_after = "/var/www/sho"`, want: `r.toml:6: link_after in [site.shop]: the docroot "/var/www/shop/current/public" is not below "/var/www/sho"`},
	{site: `include_path = ".:/a\u0000b"`, want: `r.toml:6: include_path in [site.shop]: want a string without control characters, not ".:/a\x00b"`},
	{site: `search_replace_pattern = "/a\nb"`, want: `r.toml:6: search_replace_pattern in [site.shop]: want a string without control characters, not "/a\nb"`},
	{site: `extra_roots = ["lib"]`, want: `r.toml:6: extra_roots in [site.shop]: want an absolute path, not "lib"`},
	{site: `map_params = ["X-Accel-Mapping"]`, want: `r.toml:6: map_params in [site.shop]: want the name of a FastCGI variable such as "HTTP_X_ACCEL_MAPPING", not "X-Accel-Mapping"`},
	{site: `keep_params = ["DOCUMENT_ROOT"]`, want: `r.toml:6: keep_params in [site.shop]: DOCUMENT_ROOT is mapped in every request, so that it runs on one release: take it out`},
	{site: `php_value = "allow"`, want: `r.toml:6: php_value in [site.shop]: want "confined" or "refuse", not "allow"`},
	{site: `request_buffering = 1`, want: `r.toml:6: request_buffering in [site.shop]: want true or false, not 1`},
	{site: `release_header = "X Release"`, want: `r.toml:6: release_header in [site.shop]: want a header's name such as "X-Release", not "X Release"`},
	{site: `request_id_header = "X Id"`, want: `r.toml:6: request_id_header in [site.shop]: want a header's name such as "X-Release", not "X Id"`},
	{site: "release_header = 'X-A'\nrequest_id_header = 'x-a'", want: `r.toml:7: request_id_header in [site.shop]: "x-a" is the release_header already; take a name such as "X-Request-Id"`},
	{site: `release_header = "Status"`, want: `r.toml:6: release_header in [site.shop]: Status means something in every response; take a name such as "X-Release"`},

	{top: `state_dir = "state"`, want: `r.toml:1: state_dir: want an absolute path, not "state"`},
	{site: `warm = "/"`, want: `r.toml:6: warm in [site.shop]: want a list, as in [ … ], not "/"`},
	{site: `warm = ["login"]`, want: `r.toml:6: warm in [site.shop]: want a path that begins with "/", or a URL such as "https://shop.example/login", not "login"`},
	{site: `warm = ["ftp://a/b"]`, want: `r.toml:6: warm in [site.shop]: want a path that begins with "/", or a URL such as "https://shop.example/login", not "ftp://a/b"`},
	{site: `warm = ["https:///b"]`, want: `r.toml:6: warm in [site.shop]: want a path that begins with "/", or a URL such as "https://shop.example/login", not "https:///b"`},
	{site: `warm = ["/a b"]`, want: `r.toml:6: warm in [site.shop]: want a path that begins with "/", or a URL such as "https://shop.example/login", not "/a b"`},
	{site: `warm_timeout = "0s"`, want: `r.toml:6: warm_timeout in [site.shop]: want a duration above 0s, not "0s"`},
	{site: `slots = ["/a"]`, want: `r.toml:6: slots in [site.shop]: want at least two directories, as in ["/var/www/A", "/var/www/B"], or none`},
	{site: `slots = ["/a", "b"]`, want: `r.toml:6: slots in [site.shop]: want an absolute path, not "b"`},
	{site: `slots = ["/a", "/b", "/a/"]`, want: `r.toml:6: slots in [site.shop]: "/a" is there twice`},
	{site: "slots = ['/a', '/b']\nreleases = '/c'", want: `r.toml:7: releases in [site.shop]: slots and releases do not go together: take slots for fixed directories that alternate, or releases for a new one each time`},
	{site: `releases = "releases"`, want: `r.toml:6: releases in [site.shop]: want an absolute path, not "releases"`},
	{more: "[site.b]\ndocroot = '/b/*/c'\nreleases = '/b'", want: `r.toml:8: releases in [site.b]: the docroot "/b/*/c" is a pattern, and its sites would share "/b", which is for one: write {1} where the name stands, or give the one that is deployed a [site."b/NAME"] of its own`},
	{more: "[site.b]\ndocroot = '/b/*/c'\nslots = ['/A', '/B']", want: `r.toml:8: slots in [site.b]: the docroot "/b/*/c" is a pattern, and its sites would share "/A", which is for one: write {1} where the name stands, or give the one that is deployed a [site."b/NAME"] of its own`},
	{site: `shared = ["/abs"]`, want: `r.toml:6: shared in [site.shop]: "/abs" is no path below a release, as "storage" or "public/uploads"`},
	{site: "shared = ['a', 'a/b']\nreleases = '/r'", want: `r.toml:6: shared in [site.shop]: "a" and "a/b" are one, or in each other: name the outer one alone`},
	{site: `shared = ["a"]`, want: `r.toml:6: shared in [site.shop]: it is for deploys, and this site has neither slots nor releases`},
	{site: "shared_dir = '/s'\nreleases = '/r'", want: `r.toml:6: shared_dir in [site.shop]: there is no shared: name what releases share, as in shared = ["storage", ".env"]`},
	{site: `exclude = [".git"]`, want: `r.toml:6: exclude in [site.shop]: it is for deploys, and this site has neither slots nor releases`},
	{site: `exclude = ["**/x"]`, want: `r.toml:6: exclude in [site.shop]: "**/x": "**" is not known here: a name without a slash matches at any depth`},
	{site: `before_flip = [" "]`, want: `r.toml:6: before_flip in [site.shop]: want a command such as "php artisan config:cache", not " "`},
	{site: `after_flip = [1]`, want: `r.toml:6: after_flip in [site.shop]: want a string in quotes, not 1`},
	{site: `releases = "/var/www/shop/current/public/r"`, want: `r.toml:6: releases in [site.shop]: "/var/www/shop/current/public/r" lies in docroot in [site.shop], "/var/www/shop/current/public" (line 5): deploys would empty or remove what is in use there; give each a directory of its own`},
	{site: `releases = "/var/www/shop"`, want: `r.toml:6: releases in [site.shop]: "/var/www/shop" holds docroot in [site.shop], "/var/www/shop/current/public" (line 5): deploys would empty or remove what is in use there; give each a directory of its own`},
	{site: `slots = ["/var/www/A", "/var/www/A/B"]`, want: `r.toml:6: slots in [site.shop]: "/var/www/A/B" lies in slots in [site.shop], "/var/www/A" (line 6): deploys would empty or remove what is in use there; give each a directory of its own`},
	{site: `releases = "/r"`, more: "[site.b]\ndocroot = '/b/c'\nreleases = '/r'", want: `r.toml:9: releases in [site.b]: "/r" is releases in [site.shop], "/r" (line 6): deploys would empty or remove what is in use there; give each a directory of its own`},
	{site: `releases = "/r"`, more: "[site.b]\ndocroot = '/b/c'\nslots = ['/r/A', '/B']", want: `r.toml:9: slots in [site.b]: "/r/A" lies in releases in [site.shop], "/r" (line 6): deploys would empty or remove what is in use there; give each a directory of its own`},
	{site: `releases = "/r"`, more: "[site.b]\ndocroot = '/r/c'", want: `r.toml:8: docroot in [site.b]: "/r/c" lies in releases in [site.shop], "/r" (line 6): deploys would empty or remove what is in use there; give each a directory of its own`},
	{site: `releases = "/r/x/pub/y"`, more: "[site.b]\ndocroot = '/r/*/pub'", want: `r.toml:8: docroot in [site.b]: "/r/*/pub" holds releases in [site.shop], "/r/x/pub/y" (line 6): deploys would empty or remove what is in use there; give each a directory of its own`},
	{site: "slots = ['/s/A', '/s/B']\nshared = ['x']\nshared_dir = '/s/A/shared'", want: `r.toml:8: shared_dir in [site.shop]: "/s/A/shared" lies in slots in [site.shop], "/s/A" (line 6): deploys would empty or remove what is in use there; give each a directory of its own`},
	{site: `releases = "/var/lib"`, want: `r.toml:6: releases in [site.shop]: "/var/lib" holds state_dir, "/var/lib/realdocd" (the default): deploys would empty or remove what is in use there; give each a directory of its own`},
	{site: `releases = "/"`, want: `r.toml:6: releases in [site.shop]: "/" holds state_dir, "/var/lib/realdocd" (the default): deploys would empty or remove what is in use there; give each a directory of its own`},
	{site: `keep = 0`, want: `r.toml:6: keep in [site.shop]: want a whole number from 1 to 1000, not 0`},
	{site: `keep = 1001`, want: `r.toml:6: keep in [site.shop]: want a whole number from 1 to 1000, not 1001`},
}

func TestAFaultIsNamedWithItsLine(t *testing.T) {
	for _, tt := range refused {
		name, _, _ := strings.Cut(tt.file+tt.top+tt.pool+tt.site+tt.more, "\n")
		t.Run(name, func(t *testing.T) {
			_, err := Parse("r.toml", tt.text())
			if err == nil {
				t.Fatal("no fault was found")
			}
			if got := err.Error(); got != tt.want {
				t.Errorf("got\n\t%s\nwant\n\t%s", got, tt.want)
			}
		})
	}
}

// A key that the file may have has a good value and a refused one in these tests. A
// value counts as good if the configuration is another one without it.
func TestEveryKeyIsTested(t *testing.T) {
	for table, known := range everyTable() {
		for key, is := range known {
			if is.get == nil {
				continue
			}
			if !matters(t, everyKey, table, key) && !matters(t, twoPools, table, key) {
				t.Errorf("everyKey has no %q of [%s], or with the value that is its default", key, table)
			}
			if !slices.ContainsFunc(refused, func(r refusal) bool { return r.names(table, key) }) {
				t.Errorf("refused has no value of %q of [%s]", key, table)
			}
		}
	}
}

// everyTable has the keys of each kind of table, by its first name.
func everyTable() map[string]keys {
	d := &document{config: Config{Gateway: gateway.Config{Pools: make([]fpm.Config, 1), Sites: make([]gateway.SiteConfig, 1)}}}
	top := d.topKeys()
	all := map[string]keys{"": top}
	for name, is := range top {
		if is.isTable() {
			all[name] = is.tables()[0].keys
		}
	}
	return all
}

// matters says whether a file without the key is another configuration, or none.
func matters(t *testing.T, file, table, key string) bool {
	t.Helper()
	noFlags := func(string) string { return "" }
	all, err := FromFlags(decoded(t, file), noFlags)
	if err != nil {
		t.Fatal(err)
	}
	raw := decoded(t, file)
	switch named, _ := raw[table].(map[string]any); table {
	case "":
		delete(raw, key)
	case "pool", "site":
		for _, one := range named {
			delete(one.(map[string]any), key)
		}
	default:
		delete(named, key)
	}
	without, err := FromFlags(raw, noFlags)
	return err != nil || !cmp.Equal(all, without, comparePrefixes)
}

func decoded(t *testing.T, file string) map[string]any {
	t.Helper()
	raw := map[string]any{}
	if _, err := toml.Decode(file, &raw); err != nil {
		t.Fatal(err)
	}
	return raw
}

// names says whether the fault of a row is about the value of a key, or about what the
// key lacks.
func (r refusal) names(table, key string) bool {
	in := ""
	switch table {
	case "":
	case "pool", "site":
		in = ` in \[` + table + `\.\w+\]`
	default:
		in = ` in \[` + table + `\]`
	}
	return regexp.MustCompile(`(?m)^r\.toml:\d+: ` + key + in + `: `).MatchString(r.want)
}
