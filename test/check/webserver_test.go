package check

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"
)

// inPHP adds lines to the location of nginx that PHP goes through.
func inPHP(lines string) func(string) string {
	return replace("fastcgi_keep_conn on;", lines+" fastcgi_keep_conn on;")
}

// faultsOfTheWebServer are seen in what it sends.
func faultsOfTheWebServer() []plantedFault {
	return []plantedFault{
		{name: "DOCUMENT_ROOT with $realpath_root", want: "docroot-sent-resolved", subject: "site shop", says: []string{"DIR/srv/shop/releases/1/public", "$document_root"}, plan: plan{
			web:  true,
			edit: inPHP("fastcgi_param DOCUMENT_ROOT $realpath_root; fastcgi_param SCRIPT_FILENAME $realpath_root$fastcgi_script_name;"),
		}},
		{name: "SCRIPT_FILENAME with $realpath_root", want: "script-sent-resolved", subject: "site shop", says: []string{"DIR/srv/shop/releases/1/public/index.php", "$document_root"}, plan: plan{
			web:  true,
			edit: replace("$document_root$fastcgi_script_name", "$realpath_root$fastcgi_script_name"),
		}},
		{name: "include_path with $realpath_root", want: "include-path-sent-resolved", subject: "site shop", says: []string{"DIR/srv/shop/releases/1/public/../lib", "realdocd maps it"}, plan: plan{
			web:  true,
			edit: inPHP(`fastcgi_param PHP_VALUE "include_path=$realpath_root/../lib";`),
		}},
		{name: "PHP_VALUE on a pool of several sites", want: "php-value-sticks", subject: "site shop", says: []string{"memory_limit", "a pool of its own"}, plan: plan{
			web: true,
			edit: func(text string) string {
				return replace("fastcgi_keep_conn on;", `fastcgi_param PHP_VALUE "memory_limit=200M"; fastcgi_keep_conn on;`,
					"[site.shop]", "[site.all]\ndocroot = \"DIR/srv/*/current/public\"\n[site.shop]")(text)
			},
		}},
		{name: "a DOCUMENT_ROOT that no site has", want: "docroot-unmatched", subject: "docroot DIR/srv/blog/current/public", says: []string{"3 times", `docroot = "DIR/srv/blog/current/public"`}, plan: plan{after: sent("DIR/srv/blog/current/public", "DIR/srv/blog/current/public/index.php")}},
		{name: "params that are too long", want: "params-too-long", subject: "realdocd", says: []string{"431", "Limit headers"}, plan: plan{after: func(t *testing.T, c *checked) {
			var many []string
			for i := range 40 {
				many = append(many, fmt.Sprintf("HTTP_X_%d", i), strings.Repeat("x", 60_000))
			}
			for range 3 {
				c.Ask(c.gw.Addr, nil, many...)
			}
		}}},
		{name: "scripts outside of the docroot", want: "script-refused", subject: "site shop", says: []string{`"DIR/other/index.php"`, "3 times", "extra_roots"}, plan: plan{after: sent(theShop+"/current/public", "DIR/other/index.php")}},
	}
}

// faultsOfNginx are in its configuration, and in its processes.
func faultsOfNginx() []plantedFault {
	return []plantedFault{
		{name: "nginx that asks PHP-FPM itself", want: "web-server-not-switched", subject: "DIR/root/etc/nginx/sites-enabled/shop:1", says: []string{"site shop", "DIR/fpm/sock", "fastcgi_pass unix:DIR/realdocd/sock"}, plan: plan{after: func(t *testing.T, c *checked) {
			c.machineFile(t, "etc/nginx/nginx.conf", "events {} http { include sites-enabled/*; }\n")
			c.machineFile(t, "etc/nginx/sites-enabled/shop", "server { root DIR/srv/shop/current/public; location ~ \\.php$ { fastcgi_pass unix:DIR/fpm/sock; } }\n")
		}}},
		{name: "nginx whose upstream is PHP-FPM", want: "web-server-not-switched", subject: "DIR/root/etc/nginx/nginx.conf:3", says: []string{"site shop"}, plan: plan{after: func(t *testing.T, c *checked) {
			c.machineFile(t, "etc/nginx/nginx.conf", "events {} http { upstream php { server unix:DIR/fpm/sock; }\nserver { root DIR/srv/shop/current/public;\nlocation ~ \\.php$ { fastcgi_pass php; } } }\n")
		}}},
		{name: "Apache that asks PHP-FPM itself", want: "web-server-not-switched", subject: "DIR/root/etc/apache2/sites-enabled/shop.conf:3", says: []string{"Apache", `SetHandler "proxy:unix:DIR/realdocd/sock|fcgi://localhost"`}, plan: plan{after: func(t *testing.T, c *checked) {
			c.machineFile(t, "etc/apache2/sites-enabled/shop.conf", "<VirtualHost *:80>\n  DocumentRoot \"DIR/srv/shop/current/public\"\n  SetHandler \"proxy:unix:DIR/fpm/sock|fcgi://localhost\"\n</VirtualHost>\n")
		}}},
		{name: "X-Accel-Mapping with $realpath_root", want: "param-sent-resolved", subject: "DIR/nginx/nginx.conf", says: []string{"HTTP_X_ACCEL_MAPPING", `map_params = ["HTTP_X_ACCEL_MAPPING"]`}, plan: plan{web: true, edit: inPHP("fastcgi_param HTTP_X_ACCEL_MAPPING $realpath_root/=/files/;")}},
		{name: "X-Accel-Mapping that realdocd does not map", want: "accel-mapping-unmapped", subject: "DIR/nginx/nginx.conf", says: []string{`map_params = ["HTTP_X_ACCEL_MAPPING"]`}, plan: plan{web: true, edit: inPHP("fastcgi_param HTTP_X_ACCEL_MAPPING $document_root/=/files/;")}},
		{name: "a param of one's own with $realpath_root", want: "param-sent-resolved", subject: "DIR/nginx/nginx.conf", says: []string{"APP_DIR"}, plan: plan{web: true, edit: inPHP("fastcgi_param APP_DIR $realpath_root/..;")}},
		{name: "fastcgi_read_timeout below read_timeout", want: "web-server-timeout-short", subject: "DIR/nginx/nginx.conf", says: []string{"fastcgi_read_timeout = 30s", "read_timeout = 1m0s"}, plan: plan{web: true, edit: inPHP("fastcgi_read_timeout 30s;")}},
		{name: "read_timeout raised, and nginx's not", want: "web-server-timeout-short", subject: "DIR/nginx/nginx.conf", says: []string{"fastcgi_read_timeout = 1m0s", "read_timeout = 5m0s"}, plan: plan{web: true, edit: key("pool.www", `read_timeout = "5m"`)}},
		{name: "nginx's timeout raised, and read_timeout not", want: "read-timeout-short", subject: "DIR/nginx/nginx.conf", says: []string{"nginx waits 5m30s", "read_timeout = 1m0s"}, plan: plan{web: true, edit: inPHP("fastcgi_read_timeout 5m30s;")}},
		{name: "open_file_cache", want: "open-file-cache", subject: "DIR/nginx/nginx.conf", says: []string{"static files of the release before"}, plan: plan{web: true, edit: inPHP("open_file_cache max=1000;")}},
		{name: "nginx of a user that may not connect", want: "web-server-forbidden", subject: "DIR/realdocd/sock", says: []string{"nginx, as www-data", "usermod -aG", "502"}, asRoot: true, plan: plan{web: true, after: func(t *testing.T, c *checked) {
			mustDo(t, os.Chown(string(c.gw.Addr), 0, 0))
		}}},
		{name: "nginx that was not reloaded", want: "web-server-not-reloaded", subject: "DIR/nginx/nginx.conf", says: []string{"systemctl reload nginx"}, plan: plan{web: true, after: func(t *testing.T, c *checked) {
			later := time.Now().Add(time.Hour)
			mustDo(t, os.Chtimes(c.Dir+"/nginx/nginx.conf", later, later))
		}}},
	}
}
