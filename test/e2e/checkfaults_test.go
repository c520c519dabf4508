package e2e

import (
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"realdocd/cmd/realdocd/doctor"
	"realdocd/test/stack"
)

// A plantedFault is one thing that is wrong with a system, and what check is to say of it.
type plantedFault struct {
	want    string // the identifier
	subject string
	says    []string // parts of what it says, and what to do
	asRoot  bool
	pool    []string // further lines of FPM's pool
	tune    func(*stack.FPMConfig)
	plan    plan
}

func (p plantedFault) severity() doctor.Severity {
	if slices.Contains(doctor.Kinds(doctor.Fault), p.want) {
		return doctor.Fault
	}
	return doctor.Warning
}

// replace is an edit.
func replace(oldnew ...string) func(string) string { return strings.NewReplacer(oldnew...).Replace }

// key adds a line to the README's table of the pool or of the site.
func key(table, line string) func(string) string { return replace(table+"]\n", table+"]\n"+line+"\n") }

// top adds lines to the top of realdocd.toml, by way of a table that the test takes out.
func top(line string) func(string) string {
	return replace("[pool.www]", "[top]\n"+line+"\n[pool.www]")
}

func ini(key, value string) func(*stack.FPMConfig) {
	return func(f *stack.FPMConfig) { f.INI[key] = value }
}

// slots are two directories that deploys alternate between.
var slots = key("site.shop", `slots = ["DIR/srv/shop/releases/1", "DIR/srv/shop/releases/2"]`)

// instead replaces a line of the sample of FPM's pool.
func instead(line, other string) func(*stack.FPMConfig) {
	return func(f *stack.FPMConfig) {
		i := slices.Index(f.Pool, line)
		f.Pool[i] = other // the sample has it, or there is nothing to test
	}
}

func write(t *testing.T, file, text string) {
	t.Helper()
	mustDo(t, os.MkdirAll(filepath.Dir(file), 0o755))
	mustDo(t, os.WriteFile(file, []byte(text), 0o644))
}

// inRelease writes a file of the live release.
func inRelease(name, text string) func(*testing.T, *checked) {
	return func(t *testing.T, c *checked) {
		t.Helper()
		write(t, c.site.Release(1)+"/"+name, strings.ReplaceAll(text, "DIR", c.Dir))
	}
}

// edited changes the file that check reads, and not what runs.
func edited(oldnew ...string) func(*testing.T, *checked) {
	return func(t *testing.T, c *checked) {
		t.Helper()
		text, err := os.ReadFile(c.gw.Config)
		mustDo(t, err)
		write(t, c.gw.Config, replace(oldnew...)(string(text)))
	}
}

// sent sends a request past nginx.
func sent(docroot, script string) func(*testing.T, *checked) {
	return func(t *testing.T, c *checked) {
		t.Helper()
		at := replace("DIR", c.Dir)
		params := stack.ParamsFor(at(docroot), "GET", "/index.php", "SCRIPT_FILENAME", at(script), "REDIRECT_STATUS", "200")
		for range 3 {
			c.Ask(c.gw.Addr, nil, params...)
		}
	}
}

// manyScripts gives the release a page that includes so many files of a size.
func manyScripts(n, numbers int) func(*testing.T, *checked) {
	return func(t *testing.T, c *checked) {
		t.Helper()
		for i := range n {
			list := strings.Repeat(fmt.Sprintf("%d,", i), numbers)
			write(t, fmt.Sprintf("%s/many_%d.php", c.lib(), i), "<?php return ["+list+"];\n")
		}
		write(t, c.site.Release(1)+"/public/many.php", fmt.Sprintf("<?php for ($i = 0; $i < %d; $i++) { include __DIR__ . \"/../lib/many_$i.php\"; }", n))
	}
}

// answerWith listens, and says the same to whatever it is asked.
func answerWith(t *testing.T, socket, text string) {
	t.Helper()
	ln, err := net.Listen("unix", socket)
	mustDo(t, err)
	t.Cleanup(func() { ln.Close() })
	go func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			conn.Read(make([]byte, 4096)) // else who asks sees a broken pipe
			io.WriteString(conn, text)
			conn.Close()
		}
	}()
}

func got(path string) func(*testing.T, *checked) {
	return func(t *testing.T, c *checked) {
		t.Helper()
		mustDo(t, c.get(path))
	}
}

const theShop = "DIR/srv/shop"

func plantedFaults(t *testing.T) []plantedFault {
	return slices.Concat(faultsOfTheSite(), faultsOfFPM(), faultsOfPHP(), faultsOfTheWebServer(), faultsOfTheDaemon(t))
}

func faultsOfTheSite() []plantedFault {
	return []plantedFault{
		{want: "config-fault", subject: "realdocd/realdocd.toml:8", says: []string{`did you mean "docroot"`}, plan: plan{after: edited("docroot", "docrot")}},
		{want: "docroot-unresolved", subject: "site shop", says: []string{"no such file"}, plan: plan{after: func(t *testing.T, c *checked) {
			mustDo(t, os.Rename(c.site.Release(1), c.site.Release(1)+".gone"))
		}}},
		{want: "nothing-to-flip", subject: "site shop", says: []string{"DIR/srv/shop/releases/1/public", "symlink"}, plan: plan{edit: replace("/current", "/releases/1")}},
		{want: "second-link", subject: "site shop", says: []string{`link_after = "DIR/srv/shop" for DIR/srv/shop/live`, `link_after = "DIR/srv/shop/live" for DIR/srv/shop/A`}, plan: plan{
			edit: replace("/current", "/live"),
			before: func(t *testing.T, c *checked) {
				mustDo(t, os.Symlink("A", c.Dir+"/srv/shop/live"))
				mustDo(t, os.Symlink("releases/1", c.Dir+"/srv/shop/A"))
			},
		}},
		{want: "pattern-matches-nothing", subject: "site more", says: []string{"DIR/none/*/public"}, plan: plan{edit: replace("[site.shop]", "[site.more]\ndocroot = \"DIR/none/*/public\"\n[site.shop]")}},
		{want: "code-names-link", subject: "site shop, DIR/srv/shop/releases/1/lib/boot.php:4", says: []string{"require 'DIR/srv/shop/current/lib/x.php'", "__DIR__"}, plan: plan{
			before: inRelease("lib/boot.php", "<?php\n// DIR/srv/shop/current/lib\n# DIR/srv/shop/current\nrequire 'DIR/srv/shop/current/lib/x.php';\n$a = 'DIR/srv/shop/current2';\n"),
		}},
		{want: "file-names-link", subject: "site shop, DIR/srv/shop/releases/1/.env:2", says: []string{"APP_DIR=DIR/srv/shop/current"}, plan: plan{
			before: inRelease(".env", "# DIR/srv/shop/current\nAPP_DIR=DIR/srv/shop/current\n"),
		}},
		{want: "symlink-through-link", subject: "DIR/srv/shop/releases/1/public/media", says: []string{"DIR/srv/shop/current/lib", "relative"}, plan: plan{
			before: func(t *testing.T, c *checked) {
				mustDo(t, os.Symlink(c.site.Link()+"/lib", c.site.Release(1)+"/public/media"))
			},
		}},
		{want: "release-unreadable", subject: "server DIR/fpm/sock, site shop", says: []string{"www-data", "may not pass DIR/srv/shop/releases/1", "chmod"}, asRoot: true, plan: plan{after: func(t *testing.T, c *checked) {
			mustDo(t, os.Chmod(c.site.Release(1), 0o700))
		}}},
		{want: "file-unreadable", subject: "DIR/srv/shop/releases/1/lib/part_07.php", says: []string{"www-data", "umask"}, asRoot: true, plan: plan{after: func(t *testing.T, c *checked) {
			mustDo(t, os.Chmod(c.lib()+"/part_07.php", 0o600))
		}}},
	}
}

func faultsOfFPM() []plantedFault {
	// besides adds a listener to the pool that is not FPM.
	besides := replace(`"]`, `", "DIR/other"]`)
	return []plantedFault{
		{want: "fpm-missing", subject: "pool www, server DIR/fpm/sock", says: []string{"Start PHP-FPM"}, plan: plan{after: func(t *testing.T, c *checked) {
			mustDo(t, c.fpm.Stop())
		}}},
		{want: "fpm-refused", subject: "pool www, server DIR/other", says: []string{"connection refused"}, plan: plan{edit: besides, before: func(t *testing.T, c *checked) {
			ln, err := net.ListenUnix("unix", &net.UnixAddr{Name: c.Dir + "/other"})
			mustDo(t, err)
			ln.SetUnlinkOnClose(false)
			mustDo(t, ln.Close())
		}}},
		{want: "fpm-silent", subject: "pool www, server DIR/other", says: []string{"record version is 83", "workers are busy"}, plan: plan{edit: besides, before: func(t *testing.T, c *checked) {
			answerWith(t, c.Dir+"/other", "SSH-2.0-OpenSSH_9.2\r\n")
		}}},
		{want: "fpm-mute", subject: "server DIR/fpm/sock", says: []string{"security.limit_extensions"}, tune: instead("security.limit_extensions = .php", "security.limit_extensions = .phtml")},
		{want: "fpm-chroot", subject: "server DIR/fpm/sock", says: []string{"chroot = DIR/fpm"}, asRoot: true, pool: []string{"chroot = DIR/fpm"}},
		{want: "max-conns-above-children", subject: "pool www", says: []string{"max_conns = 40", "at most 16", "Set max_conns to 16"}, plan: plan{edit: key("pool.www", "max_conns = 40")}},
		{want: "process-control-timeout", subject: "server DIR/fpm/sock", says: []string{"DIR/fpm/fpm.conf", "realdocd pause www --drain"}, tune: func(f *stack.FPMConfig) { f.Global = nil }},
		{want: "terminate-timeout", subject: "server DIR/fpm/sock", says: []string{"10s", "read_timeout = 1m"}, pool: []string{"request_terminate_timeout = 10s"}},
		{want: "status-silent", subject: "pool www, server DIR/nowhere", says: []string{"pm.status_listen"}, plan: plan{edit: key("pool.www", `status = "DIR/nowhere"`)}},
		{want: "status-other-pool", subject: "pool www, server DIR/fpm/other", says: []string{"pool other", "run in www"}, plan: plan{edit: key("pool.www", `status = "DIR/fpm/other"`)}, pool: append([]string{
			"[other]", "listen = DIR/fpm/o", "pm = static", "pm.max_children = 1", "pm.status_listen = DIR/fpm/other", "pm.status_path = /fpm-status",
		}, asWorker()...)},
	}
}

// asWorker has a pool of its own user, which FPM wants of root.
func asWorker() []string {
	if os.Getuid() != 0 {
		return nil
	}
	return []string{"user = www-data", "group = www-data"}
}

func faultsOfPHP() []plantedFault {
	revalidate := "php_admin_value[opcache.revalidate_freq] = 0"
	validate := "php_admin_flag[opcache.validate_timestamps] = on"
	return []plantedFault{
		{want: "open-basedir-excludes-release", subject: "site shop", says: []string{"DIR/realdocd", "DIR/srv/shop/releases"}, pool: []string{"php_admin_value[open_basedir] = DIR/realdocd"}},
		{want: "open-basedir-names-link", subject: "site shop", says: []string{"the link", "DIR/srv/shop/releases"}, pool: []string{"php_admin_value[open_basedir] = DIR/srv/shop/current:DIR/realdocd"}},
		{want: "include-path-locked", subject: "server DIR/fpm/sock", says: []string{"php_admin_value[include_path]", "Take it out"}, pool: []string{"php_admin_value[include_path] = .:/usr/share/php"}},
		{want: "ini-names-link", subject: "site shop", says: []string{"auto_prepend_file = DIR/srv/shop/current/lib/part_00.php"}, tune: ini("auto_prepend_file", theShop+"/current/lib/part_00.php")},
		{want: "error-log-names-link", subject: "site shop", says: []string{"DIR/srv/shop/current/php.log"}, tune: ini("error_log", theShop+"/current/php.log")},
		{want: "realpath-cache-full", subject: "server DIR/fpm/sock", says: []string{"of 1024 bytes", "realpath_cache_size"}, tune: ini("realpath_cache_size", "1K")},
		{want: "opcache-off", subject: "server DIR/fpm/sock", says: []string{"opcache.enable = 1"}, tune: ini("opcache.enable", "0")},
		{want: "opcache-memory", subject: "server DIR/fpm/sock", says: []string{"opcache.memory_consumption"}, tune: func(f *stack.FPMConfig) {
			f.INI["opcache.memory_consumption"], f.INI["opcache.interned_strings_buffer"] = "24", "8"
		}, plan: plan{before: manyScripts(8, 100_000), after: got("/many.php")}},
		{want: "opcache-keys", subject: "server DIR/fpm/sock", says: []string{"opcache.max_accelerated_files", "keys"}, tune: ini("opcache.max_accelerated_files", "200"), plan: plan{before: manyScripts(150, 1), after: got("/many.php")}},
		{want: "opcache-strings", subject: "server DIR/fpm/sock", says: []string{"opcache.interned_strings_buffer"}, tune: ini("opcache.interned_strings_buffer", "1"), plan: plan{
			before: func(t *testing.T, c *checked) {
				var list strings.Builder
				for i := range 40_000 {
					fmt.Fprintf(&list, "'string number %d',", i)
				}
				inRelease("public/strings.php", "<?php return ["+list.String()+"];\n")(t, c)
			},
			after: got("/strings.php"),
		}},
		{want: "opcache-timestamps-off", subject: "site shop", says: []string{"goes on with the files that were there before", "opcache.validate_timestamps = 1"}, tune: instead(validate, "php_admin_flag[opcache.validate_timestamps] = off"), plan: plan{edit: slots}},
		{want: "opcache-revalidate-freq", subject: "site shop", says: []string{"for up to 60 s"}, tune: instead(revalidate, "php_admin_value[opcache.revalidate_freq] = 60"), plan: plan{edit: slots}},
		{want: "opcache-update-protection", subject: "site shop", says: []string{"file_update_protection = 0"}, tune: ini("opcache.file_update_protection", "0"), plan: plan{edit: slots}},
		{want: "opcache-use-cwd-off", subject: "server DIR/fpm/sock", says: []string{"opcache.use_cwd = 0"}, tune: ini("opcache.use_cwd", "0")},
		{want: "opcache-preload", subject: "site shop", says: []string{"DIR/srv/shop/current/lib/preload.php", "Take opcache.preload out"}, tune: preload(theShop + "/current/lib/preload.php"), plan: plan{before: inRelease("lib/preload.php", "<?php class Early {}\n")}},
		{want: "opcache-preload-elsewhere", subject: "server DIR/fpm/sock", says: []string{"DIR/early.php"}, tune: preload("DIR/early.php"), plan: plan{before: func(t *testing.T, c *checked) {
			write(t, c.Dir+"/early.php", "<?php class Early {}\n")
		}}},
	}
}

func preload(file string) func(*stack.FPMConfig) {
	return func(f *stack.FPMConfig) {
		f.INI["opcache.preload"] = file
		if os.Getuid() == 0 {
			f.INI["opcache.preload_user"] = "www-data"
		}
	}
}

func faultsOfTheWebServer() []plantedFault {
	return []plantedFault{
		{want: "docroot-sent-resolved", subject: "site shop", says: []string{"DIR/srv/shop/releases/1/public", "$document_root"}, plan: plan{
			edit: replace("fastcgi_keep_conn on;", "fastcgi_param DOCUMENT_ROOT $realpath_root; fastcgi_param SCRIPT_FILENAME $realpath_root$fastcgi_script_name; fastcgi_keep_conn on;"),
		}},
		{want: "script-sent-resolved", subject: "site shop", says: []string{"DIR/srv/shop/releases/1/public/index.php", "$document_root"}, plan: plan{
			edit: replace("$document_root$fastcgi_script_name", "$realpath_root$fastcgi_script_name"),
		}},
		{want: "include-path-sent-resolved", subject: "site shop", says: []string{"DIR/srv/shop/releases/1/public/../lib", "realdocd maps it"}, plan: plan{
			edit: replace("fastcgi_keep_conn on;", `fastcgi_param PHP_VALUE "include_path=$realpath_root/../lib"; fastcgi_keep_conn on;`),
		}},
		{want: "php-value-sticks", subject: "site shop", says: []string{"memory_limit", "a pool of its own"}, plan: plan{
			edit: func(text string) string {
				return replace("fastcgi_keep_conn on;", `fastcgi_param PHP_VALUE "memory_limit=200M"; fastcgi_keep_conn on;`,
					"[site.shop]", "[site.all]\ndocroot = \"DIR/srv/*/current/public\"\n[site.shop]")(text)
			},
		}},
		{want: "docroot-unmatched", subject: "docroot DIR/srv/blog/current/public", says: []string{"3 times", `docroot = "DIR/srv/blog/current/public"`}, plan: plan{after: sent("DIR/srv/blog/current/public", "DIR/srv/blog/current/public/index.php")}},
		{want: "params-too-long", subject: "realdocd", says: []string{"431", "Limit headers"}, plan: plan{after: func(t *testing.T, c *checked) {
			var many []string
			for i := range 40 {
				many = append(many, fmt.Sprintf("HTTP_X_%d", i), strings.Repeat("x", 60_000))
			}
			c.Ask(c.gw.Addr, nil, many...)
		}}},
		{want: "script-refused", subject: "site shop", says: []string{`"DIR/other/index.php"`, "3 times", "extra_roots"}, plan: plan{after: sent(theShop+"/current/public", "DIR/other/index.php")}},
	}
}

func faultsOfTheDaemon(t *testing.T) []plantedFault {
	metrics, err := stack.FreePort()
	mustDo(t, err)
	open, err := stack.FreePort()
	mustDo(t, err)
	return []plantedFault{
		{want: "daemon-not-asked", subject: "realdocd", says: []string{"DIR/realdocd/control", "systemctl start realdocd"}, plan: plan{after: func(t *testing.T, c *checked) {
			mustDo(t, c.gw.Stop())
		}}},
		{want: "daemon-silent", subject: "realdocd", says: []string{"is not realdocd"}, plan: plan{after: func(t *testing.T, c *checked) {
			edited(`/realdocd/control"`, `/other"`)(t, c)
			answerWith(t, c.Dir+"/other", "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
		}}},
		{want: "daemon-other-binary", subject: "realdocd", says: []string{"DIR/newer"}, plan: plan{after: func(t *testing.T, c *checked) {
			text, err := os.ReadFile(c.binary)
			mustDo(t, err)
			c.binary = c.Dir + "/newer"
			mustDo(t, os.WriteFile(c.binary, text, 0o755))
		}}},
		{want: "reload-pending", subject: "realdocd", says: []string{"pool www", "systemctl reload realdocd"}, plan: plan{after: edited("[pool.www]", "[pool.www]\nqueue = 7")}},
		{want: "listen-differs", subject: "realdocd", says: []string{"DIR/realdocd/other", "DIR/realdocd/sock"}, plan: plan{after: edited("/realdocd/sock", "/realdocd/other")}},
		{want: "pool-paused", subject: "pool www", says: []string{"realdocd resume www"}, plan: plan{after: func(t *testing.T, c *checked) {
			c.Command(c.gw, 0, "pause", "www")
		}}},
		{want: "metrics-open", subject: "realdocd", says: []string{"0.0.0.0"}, plan: plan{edit: top(fmt.Sprintf("metrics = '0.0.0.0:%d'", metrics))}},
		{want: "listen-open", subject: "realdocd", says: []string{"0.0.0.0/0"}, plan: plan{edit: top(fmt.Sprintf("listen = ['DIR/realdocd/sock', '127.0.0.1:%d']\nallowed_clients = ['0.0.0.0/0']", open))}},
		{want: "listen-world-writable", subject: "realdocd", says: []string{"0666", "0660"}, plan: plan{edit: top("listen_mode = '0666'")}},
		{want: "directory-unwritable", subject: "DIR/file/state", says: []string{"state_dir", "not a directory", "ReadWritePaths"}, plan: plan{edit: top("state_dir = 'DIR/file/state'"), before: func(t *testing.T, c *checked) {
			write(t, c.Dir+"/file", "")
		}}},
	}
}
