package conf

import (
	"net/netip"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"realdocd/cmd/realdocd/logging"
	"realdocd/deploy"
	"realdocd/gateway"
	"realdocd/gateway/fpm"
	"realdocd/gateway/sock"
)

const minimal = `
[pool.www]
server = ["/run/php/php8.2-fpm.sock"]
[site.shop]
docroot = "/var/www/shop/current/public"
`

var comparePrefixes = cmpopts.EquateComparable(netip.Prefix{})

func TestAMinimalFileGetsTheDocumentedDefaults(t *testing.T) {
	got, err := Parse("realdocd.toml", minimal)
	if err != nil {
		t.Fatal(err)
	}
	want := Config{
		Files: []string{"realdocd.toml"},
		Log:   logging.Settings{Level: "info", Format: "json", Output: "stderr"},
		Fleet: Fleet{Etcd: nil, Prefix: "/realdocd", Group: "www", Host: "", User: "", Password: "", CAFile: "", CertFile: "", KeyFile: "", Lost: 0, Fetch: "", Push: ""},
		Gateway: gateway.Config{
			Listen:           []sock.Addr{"/run/realdocd/realdocd.sock"},
			ListenMode:       0o660,
			ControlMode:      0o660,
			User:             "realdocd",
			AllowedClients:   nil,
			Control:          "/run/realdocd/control.sock",
			Metrics:          "",
			ForwardUnmatched: false,
			ShutdownTimeout:  30 * time.Second,
			MaxBody:          2 << 30,
			MaxConnections:   0,
			AccessLog:        gateway.LogAll,
			Trace:            gateway.TraceConfig{Endpoint: "", Ratio: 0.01},
			SlowLog:          0,
			HeaderTimeout:    10 * time.Second,
			BodyTimeout:      60 * time.Second,
			IdleTimeout:      10 * time.Minute,
			MaxSpool:         0,
			SpoolDir:         "",
			StateDir:         "/var/lib/realdocd",
			Fleet:            gateway.FleetConfig{On: false, ServeBehind: false},
			Pools: []fpm.Config{{
				Name:           "www",
				Servers:        []sock.Addr{"/run/php/php8.2-fpm.sock"},
				ConnectTimeout: time.Second,
				ReadTimeout:    60 * time.Second,
				IncludePath:    "",
				Map:            nil,
				RequestTimeout: 0,
				MaxConns:       fpm.Auto,
				Queue:          1024,
				QueueTimeout:   10 * time.Second,
				Reuse:          true,
				StatusServer:   "",
				StatusPath:     "/fpm-status",
			}},
			Sites: []gateway.SiteConfig{{
				Name:                 "shop",
				Docroot:              "/var/www/shop/current/public",
				Pool:                 "www",
				Resolve:              deploy.Realpath,
				RealpathEvery:        0,
				LinkAfter:            "",
				IncludePath:          "",
				SearchReplacePattern: "",
				ExtraRoots:           nil,
				MapParams:            nil,
				KeepParams:           nil,
				RequestBuffering:     true,
				DropAbandoned:        false,
				AbandonedPaths:       nil,
				ReadTimeout:          nil,
				RequestTimeout:       nil,
				MaxConns:             0,
				StderrToLog:          false,
				AccessLog:            nil,
				ServerTiming:         false,
				ReleaseHeader:        "",
				RequestIDHeader:      "",
				Warm:                 nil,
				WarmTimeout:          30 * time.Second,
				PinMaxAge:            time.Hour,
				Slots:                nil,
				Releases:             "",
				Keep:                 5,
			}},
		},
	}
	if diff := cmp.Diff(want, got, comparePrefixes); diff != "" {
		t.Errorf("defaults (-documented +read):\n%s", diff)
	}
}

// everyKey has each key with a value that is not its default.
const everyKey = `
listen           = ["/run/a.sock", "127.0.0.1:9100"]
listen_mode      = "0600"
listen_group     = "www-data"
allowed_clients  = ["127.0.0.1", "::1", "10.1.2.3/8", "::ffff:10.0.0.1"]
control          = "/run/c.sock"
control_group    = "deploy"
control_mode     = "0600"
operate_groups   = ["ops"]
look_groups      = ["adm", "4711"]
allowed_users    = ["root", "33"]
user             = "www-data"
metrics          = "127.0.0.1:9117"
unmatched        = "forward"
shutdown_timeout = "5s"
max_body         = "10MiB"
max_conns = 77
max_connections  = 500
header_timeout   = "3s"
body_timeout     = "4s"
idle_timeout     = "0s"
max_spool        = "2GiB"
spool_dir        = "/var/spool/realdocd"
probe_dir        = "/srv/probe"
state_dir        = "/srv/state"
pin_key_file     = "/etc/realdocd/pin.key"
[log]
level  = "debug"
format = "console"
output = "/var/log/realdocd/realdocd.log"
access = "errors"
slow   = "1.5s"
[page]
listen = "127.0.0.1:9118"

[trace]
endpoint = "https://collector.example:4318/v1/traces"
ratio    = 1

[fleet]
etcd      = ["https://10.0.0.1:2379", "https://etcd2.example/"]
prefix    = "/web/realdocd"
group     = "shop"
host      = "www1.example"
user      = "realdocd"
password  = "secret"
ca_file   = "/etc/realdocd/ca.pem"
cert_file = "/etc/realdocd/www1.pem"
key_file  = "/etc/realdocd/www1.key"
behind    = "serve"
lost      = "30s"
fetch     = "rsync -a build:/releases/$REALDOC_RELEASE/ ${REALDOC_TARGET}"
push      = "rsync -a $REALDOC_SOURCE/ $REALDOC_HOST:$REALDOC_TARGET"
[pool.www]
server          = ["/run/php/php8.2-fpm.sock", "10.0.0.2:9000"]
connect_timeout = "2s"
read_timeout    = "0s"
request_timeout = "3m"
max_conns       = 12
queue           = 0
queue_timeout   = "250ms"
reuse           = "off"
status          = "/run/php/status.sock"
status_path     = "/s"
include_path    = ".:/opt/php"
map             = ["/srv:/var/www/html", "/opt/app/:/app"]
[site.shop]
docroot        = "/srv/www/shop/current/public"
pool           = "www"
resolve        = "readlink"
realpath_every = "100ms"
link_after     = "/srv/www"
include_path   = ".:/srv/www/shop/current/lib"
search_replace_pattern = "/srv/www/shop/current:/old"
extra_roots    = ["/usr/share/phpmyadmin"]
map_params     = ["HTTP_X_ACCEL_MAPPING"]
keep_params    = ["FLOW_ROOTPATH"]
php_value = "refuse"
request_buffering = false
abandoned       = "drop"
abandoned_paths = ["/wp-cron.php", "/cron/*"]
read_timeout    = "5m"
request_timeout = "0s"
max_conns       = 3
stderr          = "log"
pin            = "visit"
pin_max_age    = "30m"
pin_cookie     = "shop_release"
pin_cached     = true
access          = 0.25
server_timing   = true
release_header = "X-Release"
request_id_header = "X-Request-Id"
warm           = ["/", "/login?a=b", "https://shop.example/"]
warm_timeout   = "5s"
slots          = ["/srv/www/A", "/srv/www/B"]
releases       = ""
keep           = 1000
shared         = ["storage", "public/uploads", ".env", "cache/"]
exclude        = [".git", "var/cache"]
before_flip    = ["php artisan config:cache"]
after_flip     = ["true", "curl -s http://cdn/purge"]
[site.blog]
docroot        = "/srv//www/blog/current/"
releases       = "/srv/www/blog/releases"
keep           = 1
shared         = ["storage"]
shared_dir     = "/srv/blog-shared"
`

func TestEveryKeyArrives(t *testing.T) {
	got, err := Parse("realdocd.toml", everyKey)
	if err != nil {
		t.Fatal(err)
	}
	want := Config{
		Files: []string{"realdocd.toml"},
		Log:   logging.Settings{Level: "debug", Format: "console", Output: "/var/log/realdocd/realdocd.log"},
		Fleet: Fleet{
			Etcd: []string{"https://10.0.0.1:2379", "https://etcd2.example:2379"}, Prefix: "/web/realdocd", Group: "shop", Host: "www1.example",
			User: "realdocd", Password: "secret",
			CAFile: "/etc/realdocd/ca.pem", CertFile: "/etc/realdocd/www1.pem", KeyFile: "/etc/realdocd/www1.key",
			Lost:  30 * time.Second,
			Fetch: "rsync -a build:/releases/$REALDOC_RELEASE/ ${REALDOC_TARGET}",
			Push:  "rsync -a $REALDOC_SOURCE/ $REALDOC_HOST:$REALDOC_TARGET",
		},
		Gateway: gateway.Config{
			Listen:     []sock.Addr{"/run/a.sock", "127.0.0.1:9100"},
			ListenMode: 0o600, ListenGroup: "www-data", ControlGroup: "deploy", ControlMode: 0o600,
			OperateGroups: []string{"ops"}, LookGroups: []string{"adm", "4711"},
			AllowedUsers: []uint32{0, 33}, User: "www-data",
			AccessLog: gateway.LogErrors,
			Trace:     gateway.TraceConfig{Endpoint: "https://collector.example:4318/v1/traces", Ratio: 1},
			AllowedClients: []netip.Prefix{
				netip.MustParsePrefix("127.0.0.1/32"), netip.MustParsePrefix("::1/128"),
				netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("10.0.0.1/32"),
			},
			Control:          "/run/c.sock",
			Metrics:          "127.0.0.1:9117",
			ForwardUnmatched: true,
			ShutdownTimeout:  5 * time.Second,
			MaxBody:          10 << 20,
			MaxConnections:   500,
			MaxConns:         77,
			SlowLog:          1500 * time.Millisecond,
			HeaderTimeout:    3 * time.Second,
			BodyTimeout:      4 * time.Second,
			MaxSpool:         2 << 30,
			SpoolDir:         "/var/spool/realdocd",
			ProbeDir:         "/srv/probe",
			StateDir:         "/srv/state",
			PinKeyFile:       "/etc/realdocd/pin.key",
			Fleet:            gateway.FleetConfig{On: true, ServeBehind: true},
			Page:             "127.0.0.1:9118",
			Pools: []fpm.Config{{
				Name:           "www",
				Servers:        []sock.Addr{"/run/php/php8.2-fpm.sock", "10.0.0.2:9000"},
				ConnectTimeout: 2 * time.Second,
				RequestTimeout: 3 * time.Minute,
				MaxConns:       12,
				QueueTimeout:   250 * time.Millisecond,
				Reuse:          false,
				StatusServer:   "/run/php/status.sock",
				StatusPath:     "/s",
				IncludePath:    ".:/opt/php",
				Map:            [][2]string{{"/srv", "/var/www/html"}, {"/opt/app", "/app"}},
			}},
			Sites: []gateway.SiteConfig{{
				Name:                 "shop",
				Docroot:              "/srv/www/shop/current/public",
				Pool:                 "www",
				Resolve:              deploy.Readlink,
				Pin:                  gateway.PinVisit,
				PinMaxAge:            30 * time.Minute,
				PinCookie:            "shop_release",
				PinCached:            true,
				RealpathEvery:        100 * time.Millisecond,
				LinkAfter:            "/srv/www",
				IncludePath:          ".:/srv/www/shop/current/lib",
				SearchReplacePattern: "/srv/www/shop/current:/old",
				RefusePHPValue:       true,
				MapParams:            []string{"HTTP_X_ACCEL_MAPPING"},
				KeepParams:           []string{"FLOW_ROOTPATH"},
				ExtraRoots:           []string{"/usr/share/phpmyadmin"},
				DropAbandoned:        true,
				AbandonedPaths:       []string{"/wp-cron.php", "/cron/*"},
				ReadTimeout:          new(5 * time.Minute),
				RequestTimeout:       new(time.Duration),
				MaxConns:             3,
				StderrToLog:          true,
				AccessLog:            new(gateway.AccessLog(0.25)),
				ServerTiming:         true,
				ReleaseHeader:        "X-Release",
				RequestIDHeader:      "X-Request-Id",
				Warm:                 []string{"/", "/login?a=b", "https://shop.example/"},
				WarmTimeout:          5 * time.Second,
				Slots:                []string{"/srv/www/A", "/srv/www/B"},
				Keep:                 1000,
				Shared:               []string{"storage", "public/uploads", ".env", "cache/"},
				SharedDir:            "/srv/www/shared",
				Exclude:              []string{".git", "var/cache"},
				BeforeFlip:           []string{"php artisan config:cache"},
				AfterFlip:            []string{"true", "curl -s http://cdn/purge"},
			}, {
				Name: "blog", Docroot: "/srv/www/blog/current", Pool: "www", RequestBuffering: true,
				WarmTimeout: 30 * time.Second, Releases: "/srv/www/blog/releases", Keep: 1, PinMaxAge: time.Hour,
				Shared: []string{"storage"}, SharedDir: "/srv/blog-shared",
			}},
		},
	}
	if diff := cmp.Diff(want, got, comparePrefixes); diff != "" {
		t.Errorf("configuration (-want +got):\n%s", diff)
	}
}

func TestAllFaultsAreReportedInTheOrderOfTheFile(t *testing.T) {
	_, err := Parse("r.toml", `listen_mode = "x"
[site.b]
resolve = "no"
docroot = "b"
[site.a]
[pool.www]
server = ["a"]
`)
	want := `r.toml:1: listen_mode: want the octal digits of a mode, in quotes, such as "0660", not "x"
r.toml:3: resolve in [site.b]: want "realpath" or "readlink", not "no"
r.toml:4: docroot in [site.b]: want an absolute path, not "b"
r.toml:5: [site.a] has no docroot: name it, as in docroot = "/var/www/a/current/public"
r.toml:7: server in [pool.www]: want the absolute path of a socket, or "host:port", not "a"`
	if err == nil || err.Error() != want {
		t.Errorf("got\n%v\nwant\n%s", err, want)
	}
}

func TestAnEmptyFileIsToldWhatItLacks(t *testing.T) {
	_, err := Parse("r.toml", "")
	want := `r.toml: no pool: add [pool.www] with server = ["/run/php/php8.2-fpm.sock"]
r.toml: no site: add [site.shop] with docroot = "/var/www/shop/current/public"`
	if err == nil || err.Error() != want {
		t.Errorf("got\n%v\nwant\n%s", err, want)
	}
}

// twoPools has a site in each of two pools.
const twoPools = `
site.zebra = {docroot = "/z", pool = "two"}
[pool.two]
server = ["/2"]
[pool.one]
server = ["/1"]
[site.ape]
docroot = "/a"
pool = "one"
`

func TestSitesAndPoolsKeepTheOrderOfTheFile(t *testing.T) {
	c, err := Parse("r.toml", twoPools)
	if err != nil {
		t.Fatal(err)
	}
	g := c.Gateway
	got := []string{g.Pools[0].Name, g.Pools[1].Name, g.Sites[0].Name, g.Sites[1].Name}
	if diff := cmp.Diff([]string{"two", "one", "zebra", "ape"}, got); diff != "" {
		t.Error(diff)
	}
}

func TestForwardingNeedsNoSite(t *testing.T) {
	if _, err := Parse("r.toml", "unmatched = 'forward'\n[pool.www]\nserver = ['/a']"); err != nil {
		t.Error(err)
	}
}

func TestAMissingFileIsSaidSo(t *testing.T) {
	file := filepath.Join(t.TempDir(), "realdocd.toml")
	_, err := Load(file)
	if want := "there is no configuration file " + file + ": name one with --config"; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

func TestAnUnreadableFileIsAnError(t *testing.T) {
	dir := t.TempDir()
	if _, err := Load(dir); err == nil || !strings.HasPrefix(err.Error(), "read the configuration: ") {
		t.Errorf("got %v", err)
	}
}
