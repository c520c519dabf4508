package doctor

import (
	"fmt"
	"io/fs"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"realdocd/deploy"
	"realdocd/gateway"
	"realdocd/gateway/control"
	"realdocd/gateway/fpm"
	"realdocd/gateway/fpmconf"
	"realdocd/gateway/sock"
)

// What the tests on real PHP-FPM in test/e2e do not plant: versions that are not
// installed, and states that take a large machine.
func TestChecksOnWhatWasToldThem(t *testing.T) {
	const addr = "/run/php/shop.sock"
	shop := gateway.SiteConfig{Name: "shop", Docroot: "/var/www/shop/current/public", Pool: "www"}
	pool := fpm.Config{Name: "www", Servers: []sock.Addr{sock.Addr(addr)}, Queue: 100}
	running := func(st control.ServerStatus) func(*examination) {
		return func(x *examination) {
			st.Address = addr
			x.status = &control.Status{Pools: []control.PoolStatus{{Name: "www", Queue: 100, Servers: []control.ServerStatus{st}}}}
		}
	}
	version := func(v string) func(*server) {
		return func(s *server) { s.answer = &fpm.Answer{Version: v}; s.checkVersion() }
	}
	unreached := func(err error) func(*server) {
		return func(s *server) { s.explain(fmt.Errorf("connect: %w", err)) }
	}
	refused := func(r control.SeenRefusal) func(*server) {
		return func(s *server) {
			if r.Recent == 0 {
				r.Recent = 3
			}
			s.view = &control.View{Refused: []control.SeenRefusal{r}}
			s.config.Sites = nil // none of them was seen
			s.checkWebServer()
		}
	}
	for _, row := range []struct {
		name  string
		given func(*examination)
		check func(*server)
		want  string // identifiers
		says  string
	}{
		{"PHP with the fix", nil, version("8.2.36"), "", ""},
		{"PHP without it", nil, version("8.3.36"), "php-unread-body", "fixed in 8.3.37"},
		{"PHP of an old branch", nil, version("8.1.33"), "php-unread-body php-end-of-life", "no fix"},
		{"PHP of a branch to come", nil, version("9.0.0"), "", ""},
		{"the backlog is full", nil, unreached(fpm.ErrBacklogFull), "fpm-full", "backlog"},
		{"a socket that is not for us", nil, unreached(os.NewSyscallError("connect", syscall.EACCES)), "fpm-forbidden", "listen.owner"},
		{"a socket that is not there", nil, unreached(os.NewSyscallError("connect", syscall.ENOENT)), "fpm-missing", "no such file"},
		{"FPM that is up", running(control.ServerStatus{Up: true, Reuse: "on"}), (*server).compareReach, "", ""},
		{"FPM that the daemon cannot reach", running(control.ServerStatus{Error: "permission denied"}), (*server).compareReach, "fpm-passed-over", "permission denied"},
		{
			"connections that are not kept", running(control.ServerStatus{Up: true, Reuse: "PHP 8.3.1 takes an unread body"}),
			func(s *server) { s.pool.Reuse = true; s.compareReach() }, "reuse-impossible", "PHP 8.3.1",
		},
		{
			"all workers in use, no limit", nil,
			func(s *server) { s.checkPlaces(s.pool, &fpm.Page{Manager: "dynamic", Total: 4, Reached: 7}) },
			"children-exhausted", "7 times",
		},
		{"a limit that FPM's configuration has", nil, func(s *server) {
			s.config.Pools[0].MaxConns, s.own = fpm.Auto, ownPool("pm.max_children", "16")
			s.checkPlaces(s.config.Pools[0], nil)
		}, "", ""},
		{"a limit that nobody can tell", nil, func(s *server) { s.pool.MaxConns = fpm.Auto; s.checkPlaces(s.pool, nil) }, "max-conns-unknown", "by trying"},
		{"no limit", nil, func(s *server) { s.checkPlaces(s.pool, nil) }, "max-conns-none", ""},
		{
			"places of two pools in one FPM", nil, func(s *server) {
				s.config.Pools = []fpm.Config{{Name: "www", Servers: []sock.Addr{sock.Addr(addr)}, MaxConns: 10}, {Name: "slow", Servers: []sock.Addr{sock.Addr(addr)}, MaxConns: 10}}
				s.own = ownPool("pm.max_children", "16")
				s.checkPlaces(s.config.Pools[0], nil)
			}, "max-conns-above-children", "www, slow share FPM's listener with 20 places",
		},
		{
			"workers that nobody can count", nil,
			func(s *server) { s.pool.MaxConns = 4; s.checkPlaces(s.pool, nil) }, "children-unknown", "",
		},
		{
			"workers that a static pool counts", nil,
			func(s *server) {
				s.config.Pools[0].MaxConns = 4
				s.checkPlaces(s.config.Pools[0], &fpm.Page{Manager: "static", Total: 3})
			}, "max-conns-above-children", "at most 3",
		},
		{
			"few files", nil,
			func(s *server) { s.view = &control.View{MaxOpenFiles: 256}; s.checkMachine() }, "open-files-few", "LimitNOFILE=300",
		},
		{
			"a full disk", nil,
			func(s *server) {
				s.checkDirectory(control.DirectoryView{Key: "spool_dir", Path: "/tmp", Free: 3 << 20})
			},
			"directory-full", "3 MiB",
		},
		{
			"a spool in memory", nil,
			func(s *server) {
				s.checkDirectory(control.DirectoryView{Key: "spool_dir", Path: "/tmp", Free: 300 << 20, Memory: true})
			},
			"spool-in-memory", "300 MiB at the most",
		},
		{
			"opcache that began again", nil,
			func(s *server) {
				s.checkRoom(&fpm.Opcache{Free: 10, MaxKeys: 10, Restarts: 2})
			}, "opcache-restarts", "2 times",
		},
		{
			"opcache for several roots", nil, func(s *server) {
				s.own = ownPool("chroot", "/srv")
				s.answer = &fpm.Answer{INI: map[string]string{"opcache.use_cwd": "1", "opcache.validate_root": "0"}}
				s.checkKeys()
			}, "opcache-validate-root-off", "chroot",
		},
		{
			"what PHP remembers of slots", nil, func(s *server) {
				s.roots = []*root{{site: gateway.SiteConfig{Name: "shop", Slots: []string{"/A", "/B"}}}}
				s.answer = &fpm.Answer{INI: map[string]string{"user_ini.filename": ".user.ini", "user_ini.cache_ttl": "300", "realpath_cache_ttl": "120"}}
				s.checkMemory()
			}, "php-remembers", "300 s",
		},
		{
			"opcache on disk", nil, func(s *server) {
				s.answer = &fpm.Answer{INI: map[string]string{"opcache.use_cwd": "1", "opcache.file_cache": "/var/cache/php"}}
				s.checkKeys()
			}, "opcache-file-cache", "/var/cache/php",
		},
		{
			"an include_path that cannot be mapped", nil,
			refused(control.SeenRefusal{Cause: "include_path", Site: "shop", Error: "a \":\"", Last: time.Now()}), "include-path-refused", "500",
		},
		{"a request without DOCUMENT_ROOT", nil, refused(control.SeenRefusal{Cause: "no_site", Last: time.Now()}), "docroot-unmatched", "without DOCUMENT_ROOT"},
		{"what was refused long ago", nil, func(s *server) {
			s.view = &control.View{Refused: []control.SeenRefusal{{Cause: "no_site", Count: 1000, Last: time.Now().Add(-time.Hour)}}}
			s.config.Sites = nil
			s.checkWebServer()
		}, "", ""},
		{"one stray request", nil, refused(control.SeenRefusal{Cause: "no_site", Count: 1000, Recent: 1, Last: time.Now()}), "refusal-seldom", "too few"},
		{
			"what has a site by now", nil, func(s *server) {
				s.checkRefusal(control.SeenRefusal{Cause: "no_site", DocumentRoot: shop.Docroot, Last: time.Now()})
			}, "", "",
		},
		{
			"an include_path that was sent as PHP_ADMIN_VALUE looks locked", nil, func(s *server) {
				s.view = &control.View{Requests: []control.SeenRequest{{Site: "shop", PHPAdminValue: "include_path=/a"}}}
				s.answer = &fpm.Answer{IncludePathLocked: true}
				s.checkIncludePathLock()
			}, "", "",
		},
		{
			"an include_path that is locked where FPM's configuration is not known", nil, func(s *server) {
				s.view = &control.View{Requests: []control.SeenRequest{{Site: "shop", PHPValue: "include_path=/a"}}}
				s.answer = &fpm.Answer{IncludePathLocked: true}
				s.checkIncludePathLock()
			}, "include-path-locked", "",
		},
		{
			"Apache's prefix before a script below the link", nil, func(s *server) {
				s.roots = []*root{{site: shop, Resolved: resolved()}}
				s.examination.roots = s.roots
				s.checkSentPaths(shop, control.SeenRequest{DocumentRoot: shop.Docroot, ScriptFilename: "proxy:fcgi://localhost" + shop.Docroot + "/a.php"})
			}, "", "",
		},
		{
			"… before one that is resolved, of a release that is not live any more", nil, func(s *server) {
				s.examination.roots = []*root{{site: shop, Resolved: resolved()}}
				s.checkSentPaths(shop, control.SeenRequest{DocumentRoot: shop.Docroot, ScriptFilename: "proxy:fcgi://localhost/var/www/shop/releases/1/public/a.php"})
			}, "script-sent-resolved", "",
		},
	} {
		t.Run(row.name, func(t *testing.T) {
			x := &examination{ctx: t.Context(), config: gateway.Config{Pools: []fpm.Config{pool}, Sites: []gateway.SiteConfig{shop}}}
			s := &server{examination: x, pool: pool, addr: addr}
			x.servers = []*server{s}
			if row.given != nil {
				row.given(x)
			}
			row.check(s)
			var ids []string
			var text string
			for _, f := range x.findings {
				ids = append(ids, f.ID)
				text += f.What + " " + f.Do + "\n"
			}
			if got := strings.Join(ids, " "); got != row.want && !(row.want == "" && onlyWell(x.findings)) {
				t.Errorf("it finds %q, want %q:\n%s", got, row.want, text)
			}
			if !strings.Contains(text, row.says) {
				t.Errorf("%q is not in\n%s", row.says, text)
			}
		})
	}
}

func resolved() deploy.Resolved {
	return deploy.Resolved{
		Docroot: "/var/www/shop/current/public", Link: "/var/www/shop/current",
		Release: "/var/www/shop/releases/2", ResolvedDocroot: "/var/www/shop/releases/2/public", Below: "/public",
		Way: deploy.Way{Links: []deploy.Link{{Path: "/var/www/shop/current"}}},
	}
}

func ownPool(key, value string) *fpmconf.Pool {
	return &fpmconf.Pool{Name: "shop", Settings: []fpmconf.Setting{{Key: key, Value: value}}}
}

func onlyWell(findings []Finding) bool {
	c := Count(findings)
	return c.Faults+c.Warnings == 0
}

func TestNoProbeLiesWhereAVisitorCouldRunIt(t *testing.T) {
	tmp := t.TempDir()
	t.Setenv("TMPDIR", tmp)
	docroot := &root{Resolved: deploy.Resolved{Docroot: tmp, Release: tmp}}
	p := newProbeFiles(gateway.Config{Control: tmp + "/control.sock"}, []*root{docroot})
	defer p.remove()
	if len(p.dirs) > 0 {
		t.Errorf("it lies in %v", p.dirs)
	}
	if _, err := p.ask(t.Context(), &fpm.Config{}, "/none", fpm.Question{}); err == nil {
		t.Error("it was run")
	}
	p = newProbeFiles(gateway.Config{}, nil)
	if len(p.files) != 1 {
		t.Fatalf("it lies in %q", p.files)
	}
	if fi, err := os.Stat(p.files[0]); err != nil || fi.Mode() != fs.FileMode(0o644) || time.Until(fi.ModTime()) < time.Hour {
		t.Errorf("%v, %v", fi, err)
	}
	p.remove()
	if left, _ := os.ReadDir(tmp); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}
