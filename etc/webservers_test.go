package etc_test

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"realdocd/test/stack"
)

func TestEtc_LighttpdLoadsTheSamples(t *testing.T) {
	lighttpd := stack.PathOf(t, "lighttpd")
	stack.PathOf(t, "lighttpd-magnet")
	dir := t.TempDir()
	copyTree(t, "lighttpd", dir)
	conf := filepath.Join(dir, "lighttpd.conf")
	write(t, conf, fmt.Sprintf("server.modules = ( \"mod_setenv\", \"mod_magnet\", \"mod_fastcgi\" )\nserver.document-root = %q\ninclude \"conf-available/*.conf\"\n", dir))
	// -tt loads the modules and sets them up; -p shows what was read.
	if out := run(t, exec.Command(lighttpd, "-tt", "-f", conf)); strings.TrimSpace(out) != "" {
		t.Errorf("lighttpd -tt says:\n%s", out)
	}
	dump := run(t, exec.Command(lighttpd, "-p", "-f", conf))
	for _, want := range []string{"/run/realdocd/realdocd.sock", "/var/www/shop/current/public"} {
		if !strings.Contains(dump, want) {
			t.Errorf("%s is not in what lighttpd has read:\n%s", want, dump)
		}
	}
}

func TestEtc_CaddyLoadsTheSample(t *testing.T) {
	caddy := stack.PathOf(t, "caddy")
	dir := t.TempDir()
	copyTree(t, "caddy", dir)
	conf := filepath.Join(dir, "Caddyfile")
	write(t, conf, "import Caddyfile.d/*.caddyfile\n")
	out := run(t, exec.Command(caddy, "adapt", "--adapter", "caddyfile", "--config", conf))
	for _, want := range []string{"unix//run/realdocd/realdocd.sock", "/var/www/shop/current/public"} {
		if !strings.Contains(out, want) {
			t.Errorf("%s is not in what caddy has read:\n%s", want, out)
		}
	}
	for _, file := range files(t, "caddy") {
		if formatted := run(t, exec.Command(caddy, "fmt", file)); formatted != read(t, file) {
			t.Errorf("%s is not as caddy fmt writes it:\n%s", file, formatted)
		}
	}
}

func TestEtc_HAProxyLoadsTheSample(t *testing.T) {
	haproxy := stack.PathOf(t, "haproxy")
	dir := t.TempDir()
	copyTree(t, "haproxy", dir)
	conf := filepath.Join(dir, "haproxy.cfg")
	// As in Debian's own: the sample leaves the timeouts to it.
	write(t, conf, "defaults\n    mode http\n    timeout connect 5s\n    timeout client 50s\n    timeout server 50s\n")
	out, err := exec.Command(haproxy, "-c", "-f", conf, "-f", filepath.Join(dir, "conf.d")).CombinedOutput()
	if err != nil || !strings.Contains(string(out), "valid") || strings.Contains(string(out), "WARNING") {
		t.Errorf("haproxy -c: %v\n%s", err, out)
	}
}
