package check

import (
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"realdocd/test/stack"
)

// A plantedFault is one thing that is wrong with a system, and what check is to say of it.
type plantedFault struct {
	name    string // what was planted, for people
	want    string // the identifier
	subject string
	says    []string // parts of what it says, and what to do
	asRoot  bool
	pool    []string // further lines of FPM's pool
	tune    func(*stack.FPMConfig)
	plan    plan
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
	t.Helper()
	return slices.Concat(faultsOfFPM(), faultsOfPHP(), faultsOfTheWebServer(), faultsOfNginx(), faultsOfTheDaemon(t), faultsOfTheMachine(t), faultsOfTheFleet())
}

// findPlanted gives each fault a system of its own.
func findPlanted(t *testing.T, all *table, rows []plantedFault) {
	t.Helper()
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			if row.asRoot {
				stack.NeedRoot(t, "to be another user than PHP's")
			}
			if row.plan.fpm.PM == "" {
				row.plan.fpm = sampleFPM(t, row.pool...)
			}
			if row.tune != nil {
				row.tune(&row.plan.fpm)
			}
			c := build(t, row.plan)
			placedFault{name: row.name, want: row.want, says: append(row.says, row.subject)}.compare(t, strings.NewReplacer("DIR", c.Dir), grave(c.examine(t)), all)
		})
	}
}

func faultsOfFPM() []plantedFault {
	// besides adds a listener to the pool that is not FPM.
	besides := replace(`"]`, `", "DIR/other"]`)
	return []plantedFault{
		{name: "PHP-FPM that was stopped", want: "fpm-missing", subject: "pool www, server DIR/fpm/sock", says: []string{"Start PHP-FPM"}, plan: plan{after: func(t *testing.T, c *checked) {
			mustDo(t, c.fpm.Stop())
		}}},
		{name: "a socket where nobody listens", want: "fpm-refused", subject: "pool www, server DIR/other", says: []string{"connection refused"}, plan: plan{edit: besides, before: func(t *testing.T, c *checked) {
			ln, err := net.ListenUnix("unix", &net.UnixAddr{Name: c.Dir + "/other"})
			mustDo(t, err)
			ln.SetUnlinkOnClose(false)
			mustDo(t, ln.Close())
		}}},
		{name: "something else than PHP-FPM as server", want: "fpm-silent", subject: "pool www, server DIR/other", says: []string{"record version is 83", "workers are busy"}, plan: plan{edit: besides, before: func(t *testing.T, c *checked) {
			answerWith(t, c.Dir+"/other", "SSH-2.0-OpenSSH_9.2\r\n")
		}}},
		{name: "PHP-FPM's socket closed to the daemon", want: "fpm-forbidden", subject: "pool www, server DIR/fpm/sock", says: []string{"as nobody", "listen.group"}, asRoot: true, plan: plan{edit: top("user = 'nobody'"), after: func(t *testing.T, c *checked) {
			c.stopFor(t, "nobody")
			mustDo(t, os.Chmod(string(c.fpm.Addr), 0o600))
		}}},
		{name: "the status of another pool", want: "status-other-pool", subject: "pool www, server DIR/fpm/other", says: []string{"pool other", "run in www"}, plan: plan{edit: key("pool.www", `status = "DIR/fpm/other"`)}, pool: append([]string{
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
	return []plantedFault{
		{name: "auto_prepend_file of php.ini by the link", want: "ini-names-link", subject: "site shop", says: []string{"auto_prepend_file = DIR/srv/shop/current/lib/part_00.php"}, tune: ini("auto_prepend_file", theShop+"/current/lib/part_00.php")},
		{name: "session.save_path of php.ini by the link", want: "ini-data-in-release", subject: "site shop", says: []string{"session.save_path = DIR/srv/shop/current/sessions"}, tune: ini("session.save_path", theShop+"/current/sessions")},
		{name: "opcache.file_cache in a release", want: "ini-data-in-release", subject: "site shop", says: []string{"opcache.file_cache = DIR/srv/shop/current/lib"}, tune: ini("opcache.file_cache", theShop+"/current/lib"), plan: plan{before: func(t *testing.T, c *checked) {
			mustDo(t, os.Chmod(c.lib(), 0o777))
		}}},
		{name: "error_log of FPM itself by the link", want: "error-log-names-link", subject: "site shop", says: []string{"FPM's error_log = DIR/srv/shop/current/fpm.log"}, tune: func(f *stack.FPMConfig) {
			f.Global = append(f.Global, "error_log = DIR/srv/shop/current/fpm.log")
		}},
		{name: "realpath_cache_size too small", want: "realpath-cache-full", subject: "server DIR/fpm/sock", says: []string{"of 1024 bytes", "realpath_cache_size"}, tune: ini("realpath_cache_size", "1K"), plan: plan{web: true}},
		{name: "opcache off", want: "opcache-off", subject: "server DIR/fpm/sock", says: []string{"opcache.enable = 1"}, tune: ini("opcache.enable", "0")},
		{name: "opcache on in a pool only", want: "opcache-in-pool", subject: "server DIR/fpm/sock", says: []string{"opcache.enable = on", "php.ini has it off"}, pool: []string{"php_admin_flag[opcache.enable] = on"}, tune: ini("opcache.enable", "0")},
		{name: "opcache without room for two releases", want: "opcache-memory", subject: "server DIR/fpm/sock", says: []string{"opcache.memory_consumption"}, tune: func(f *stack.FPMConfig) {
			f.INI["opcache.memory_consumption"], f.INI["opcache.interned_strings_buffer"] = "24", "8"
		}, plan: plan{web: true, before: manyScripts(8, 100_000), after: got("/many.php")}},
		{name: "opcache without keys for two releases", want: "opcache-keys", subject: "server DIR/fpm/sock", says: []string{"opcache.max_accelerated_files", "keys"}, tune: ini("opcache.max_accelerated_files", "200"), plan: plan{web: true, before: manyScripts(150, 1), after: got("/many.php")}},
		{name: "opcache without room for strings", want: "opcache-strings", subject: "server DIR/fpm/sock", says: []string{"opcache.interned_strings_buffer"}, tune: ini("opcache.interned_strings_buffer", "1"), plan: plan{
			web: true,
			before: func(t *testing.T, c *checked) {
				var list strings.Builder
				for i := range 40_000 {
					fmt.Fprintf(&list, "'string number %d',", i)
				}
				inRelease("public/strings.php", "<?php return ["+list.String()+"];\n")(t, c)
			},
			after: got("/strings.php"),
		}},
		{name: "opcache.preload by the link", want: "opcache-preload", subject: "site shop", says: []string{"DIR/srv/shop/current/lib/preload.php", "Take opcache.preload out"}, tune: preload(theShop + "/current/lib/preload.php"), plan: plan{before: inRelease("lib/preload.php", "<?php class Early {}\n")}},
		{name: "opcache.preload of a release that is not live", want: "opcache-preload", subject: "site shop", says: []string{"DIR/srv/shop/releases/2/lib/preload.php"}, tune: preload(theShop + "/releases/2/lib/preload.php"), plan: plan{before: func(t *testing.T, c *checked) {
			write(t, c.site.Release(2)+"/lib/preload.php", "<?php class Early {}\n")
		}}},
		{name: "opcache.preload from elsewhere", want: "opcache-preload-elsewhere", subject: "server DIR/fpm/sock", says: []string{"DIR/early.php"}, tune: preload("DIR/early.php"), plan: plan{before: func(t *testing.T, c *checked) {
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
