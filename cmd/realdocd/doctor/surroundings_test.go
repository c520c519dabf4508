package doctor

import (
	"fmt"
	"net"
	"os"
	"os/user"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"realdocd/deploy"
	"realdocd/gateway"
	"realdocd/gateway/control"
	"realdocd/gateway/sock"
	"realdocd/test/stack"
)

func TestUnit_SaysWhatItLetsTheDaemonDo(t *testing.T) {
	u := readUnit("LoadState=loaded\nProtectSystem=strict\nReadWritePaths=/srv/spool -/srv/more\nPrivateTmp=yes\nRuntimeDirectory=realdocd\nStateDirectory=realdocd\nLogsDirectory=realdocd\n" +
		"RestrictAddressFamilies=AF_UNIX\nExecStart={ path=/usr/bin/realdocd ; argv[]=/usr/bin/realdocd serve --config /etc/realdocd/realdocd.toml ; }\n")
	for path, want := range map[string]bool{
		"/srv/spool/a": true, "/srv/more": true, "/srv/other": false, "/tmp": true, "/var/tmp/x": true, "/run/realdocd/sock": true, "/run/other": false,
		"/var/lib/realdocd": true, "/var/log/realdocd/a.log": true, "/var/log/a.log": false, "/srv/spooled": false, "/dev/null": true,
	} {
		if u.letsWrite(path) != want {
			t.Errorf("it lets the daemon write to %s: %v", path, !want)
		}
	}
	for families, want := range map[string]bool{"AF_UNIX": false, "AF_UNIX AF_INET AF_INET6": true, "": true, "~": true, "~AF_INET": false} {
		if (unit{"RestrictAddressFamilies": families}).letsTCP() != want {
			t.Errorf("%q lets TCP: %v", families, !want)
		}
	}
	var none unit
	if !none.letsWrite("/anywhere") || !none.letsTCP() || none.makes("/run/realdocd") || !u.makes("/run/realdocd") || u.makes("/run/other") {
		t.Error("without a unit, or of what it makes, it says something else")
	}
	if (unit{"ProtectSystem": "full"}).letsWrite("/srv") != true {
		t.Error("what is not strict is taken for strict")
	}
}

func TestIdentity_IsWhoUsesTheFile(t *testing.T) {
	stack.NeedRoot(t, "to be somebody else")
	nobody, err := identityOf("nobody")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o755); err != nil { // its parents are open
		t.Fatal(err)
	}
	file := filepath.Join(dir, "f")
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	parents := nobody.may(dir, unix.X_OK)
	if parents == nil && nobody.may(file, unix.R_OK) != nil || nobody.may(file, unix.W_OK) == nil {
		t.Errorf("nobody may read %v, and write %v", nobody.may(file, unix.R_OK), nobody.may(file, unix.W_OK))
	}
	var us *identity
	if us.may(file, unix.W_OK) != nil {
		t.Error("root may not write")
	}
	if uid := os.Geteuid(); uid != 0 {
		t.Errorf("check runs as %d afterwards", uid)
	}
	if _, err := identityOf("no-such-user"); err == nil || !strings.Contains(err.Error(), "no-such-user") {
		t.Errorf("got %v", err)
	}
	byNumber, err := identityOf(fmt.Sprint(nobody.uid))
	if err != nil || byNumber.name != nobody.name {
		t.Errorf("got %+v, %v", byNumber, err)
	}
}

func TestIdentity_OfAProcessAndOfAListener(t *testing.T) {
	who, err := identityOfProcess(os.Getpid())
	if err != nil || int(who.uid) != os.Geteuid() || int(who.gid) != os.Getegid() {
		t.Errorf("got %+v, %v", who, err)
	}
	socket := t.TempDir() + "/s"
	ln, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	if who, err = identityOfListener(socket); err != nil || int(who.uid) != os.Geteuid() || int(who.gid) != os.Getegid() {
		t.Errorf("got %+v, %v", who, err)
	}
	if _, err := identityOfListener(socket + "-none"); err == nil {
		t.Error("nobody listens there")
	}
	if name := nameOfUser(4_000_000_000); name != "uid 4000000000" {
		t.Errorf("got %q", name)
	}
	if u, err := user.Current(); err == nil && nameOfUser(os.Geteuid()) != u.Username {
		t.Errorf("%q is not %q", nameOfUser(os.Geteuid()), u.Username)
	}
}

func TestBindTriesWithoutListening(t *testing.T) {
	for _, addr := range []string{"127.0.0.1:0", "[::1]:0", ":0"} {
		if err := bind(addr); err != nil && !strings.Contains(err.Error(), "address family") && !strings.Contains(err.Error(), "cannot assign") {
			t.Errorf("%s: %v", addr, err)
		}
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	if err := bind(ln.Addr().String()); err == nil {
		t.Error("the address is taken")
	}
	if err := bind("no port"); err == nil {
		t.Error("that is no address")
	}
}

func TestTimesOfNginxAreReadAsItWritesThem(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"60": time.Minute, "60s": time.Minute, "5m": 5 * time.Minute, "1m30s": 90 * time.Second, "500ms": 500 * time.Millisecond, "1h": time.Hour, "1d": 24 * time.Hour, "x": 0, "": 0,
	} {
		if got := nginxTime(text); got != want {
			t.Errorf("%q is %s, want %s", text, got, want)
		}
	}
	for args, want := range map[string]string{
		"/usr/sbin/nginx -g daemon on; master_process on;": "/etc/nginx/nginx.conf", "nginx -c /a/n.conf": "/a/n.conf", "nginx -p /p -c n.conf": "/p/n.conf", "nginx -c": "/etc/nginx/nginx.conf", "": "/etc/nginx/nginx.conf",
	} {
		if got := nginxFile(strings.Fields(args)); got != want {
			t.Errorf("%q names %s, want %s", args, got, want)
		}
	}
}

// What the running daemon says, in tests of its own: it takes more than one user or five
// minutes to see it for real.
func TestChecksOfWhatTheDaemonSaw(t *testing.T) {
	shop := gateway.SiteConfig{Name: "shop", Docroot: "/var/www/shop/current/public", Pool: "www"}
	passed := t.TempDir() + "/sock"
	ln, err := net.Listen("unix", passed)
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	for _, row := range []struct {
		name  string
		view  control.View
		mode  os.FileMode // of the socket
		check func(*examination)
		want  string
		says  string
	}{
		{
			"a docroot that the daemon cannot resolve",
			control.View{Unresolved: []control.UnresolvedDocroot{{Site: "shop", Docroot: shop.Docroot, Error: "permission denied"}}},
			0,
			(*examination).checkUnresolved, "docroot-unseen", "requests get a 503: permission denied",
		},
		{
			"with a last good release",
			control.View{Unresolved: []control.UnresolvedDocroot{{Site: "shop", Docroot: shop.Docroot, Error: "permission denied", Release: "/var/www/shop/releases/1"}}},
			0,
			(*examination).checkUnresolved, "docroot-unseen", "the last good release, /var/www/shop/releases/1",
		},
		{
			"one that check has told of",
			control.View{Unresolved: []control.UnresolvedDocroot{{Site: "blog", Docroot: "/var/www/blog", Error: "no such file"}}},
			0,
			(*examination).checkUnresolved, "", "",
		},
		{
			"a site without a request for minutes",
			control.View{Unseen: []control.UnseenSite{{Site: "shop", Since: time.Now().Add(-10 * time.Minute)}}},
			0,
			(*examination).checkWebServer, "web-server-silent", "10m0s ago",
		},
		{
			"a site that has just begun",
			control.View{Unseen: []control.UnseenSite{{Site: "shop", Since: time.Now().Add(-time.Minute)}}},
			0,
			(*examination).checkWebServer, "web-server-unseen", "cannot be told",
		},
		{"a socket of systemd's for all", control.View{Listen: []string{passed}, Inherited: true}, 0o666, (*examination).checkListeners, "listen-world-writable", "SocketMode=0660"},
		{"listen_mode where systemd has the socket", control.View{Listen: []string{passed}, Inherited: true}, 0o660, (*examination).checkListeners, "", ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			if row.mode != 0 {
				if err := os.Chmod(passed, row.mode); err != nil {
					t.Fatal(err)
				}
			}
			x := &examination{ctx: t.Context(), view: &row.view, config: gateway.Config{Sites: []gateway.SiteConfig{shop}, Listen: []sock.Addr{"/run/realdocd/realdocd.sock"}, ListenMode: 0o666}}
			x.roots = []*root{{site: shop, Resolved: deploy.Resolved{Docroot: shop.Docroot}}}
			row.check(x)
			got, text := "", ""
			for _, f := range x.findings {
				got, text = f.ID, f.What+" "+f.Do
			}
			if got != row.want || len(x.findings) > 1 || !strings.Contains(text, row.says) {
				t.Errorf("it finds %+v, want %q that says %q", x.findings, row.want, row.says)
			}
		})
	}
}

func TestAHookIsJudgedByWhatItRuns(t *testing.T) {
	release := t.TempDir()
	if err := os.MkdirAll(release+"/bin", 0o755); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{"bin/migrate": "#!/bin/sh\n", "bin/reset.php": "<?php opcache_reset();\n"} {
		if err := os.WriteFile(release+"/"+name, []byte(text), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for command, want := range map[string]string{
		"bin/migrate": "", "bin/other": "hook-missing", "php bin/reset.php": "hook-resets-opcache", release + "/bin/migrate --force": "", "no-such-program x": "hook-missing",
		"cd x && bin/other": "", "A=1 bin/other": "", "sh -c true": "", "sudo systemctl restart php8.2-fpm": "hook-restarts-fpm", "service php-fpm reload": "hook-restarts-fpm",
		"kill -USR2 $(cat /run/php/php8.2-fpm.pid)": "hook-restarts-fpm", "/etc/init.d/php8.2-fpm reload": "hook-restarts-fpm", "systemctl restart queue": "", "echo opcache": "",
	} {
		if word, _, _ := strings.Cut(command, " "); want == "" && (word == "sudo" || word == "systemctl" || word == "php") && !hasCommand(release, word) {
			continue // it is not installed here
		}
		x := &examination{}
		x.checkHook(&root{Resolved: deploy.Resolved{Release: release}}, "after_flip", command)
		got := ""
		for _, f := range x.findings {
			got = f.ID
		}
		if got != want {
			t.Errorf("%s is %q, want %q", command, got, want)
		}
	}
}

func TestOthersAreTheReleasesBeside(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"v1/public", "v2/public", "shared/uploads", "releases/1", "releases/2"} {
		if err := os.MkdirAll(dir+"/"+name, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for _, row := range []struct {
		name    string
		release string
		site    gateway.SiteConfig
		hold    []string
		not     []string
	}{
		{"with a roof", dir + "/releases/1", gateway.SiteConfig{}, []string{"/releases/2/x", "/releases/gone"}, []string{"/releases/1/x", "/releases", "/shared", "/v1"}},
		{"without one", dir + "/v1", gateway.SiteConfig{}, []string{"/v2/x"}, []string{"/v1", "/shared/uploads", "/gone", "/releases/2"}},
		{"with slots", dir + "/v1", gateway.SiteConfig{Slots: []string{dir + "/v1", dir + "/shared"}}, []string{"/shared/uploads", "/v2"}, []string{"/v1/x"}},
	} {
		p := &root{site: row.site, Resolved: deploy.Resolved{Release: row.release, Home: row.release, Name: filepath.Base(row.release), Link: dir + "/current", Below: "/public", Spellings: []deploy.Spelling{{dir + "/current", row.release}}}}
		o := othersOf(p)
		for _, path := range row.hold {
			if !o.hold(dir + path) {
				t.Errorf("%s: %s is of no other release", row.name, path)
			}
		}
		for _, path := range row.not {
			if o.hold(dir + path) {
				t.Errorf("%s: %s is of another release", row.name, path)
			}
		}
	}
	p := &root{Resolved: deploy.Resolved{Release: dir + "/releases/1", Name: "1", Link: dir + "/current", Spellings: []deploy.Spelling{{"/alias/current", ""}, {dir + "/current", ""}}}}
	if o := othersOf(p); !slices.Equal(o.roofs, []string{dir + "/releases", "/alias/releases"}) || o.holdNow(dir+"/releases/gone/x") || !o.holdNow(dir+"/releases/2/x") {
		t.Errorf("the roofs are %q", o.roofs)
	}
}
