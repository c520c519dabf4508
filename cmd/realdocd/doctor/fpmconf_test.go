package doctor

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"realdocd/gateway/sock"
)

func TestFPMsConfigurationIsReadWithItsIncludes(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"php-fpm.conf": "; a comment\n[global]\nprocess_control_timeout = 30s ; why\nerror_log=\"/a;b\"\ninclude = " + dir + "/pool.d/*.conf\n",
		"pool.d/a.conf": "[shop]\nuser = www-data\nlisten = /run/$pool.sock\npm=dynamic\npm.max_children = 16\n" +
			"php_admin_value[include_path] = /a:/b\nphp_admin_flag[log_errors] = on\nphp_value[memory_limit] = 32M\n;pm.max_requests = 3\n",
		"pool.d/b.conf": "[blog]\nlisten = 127.0.0.1:9001\npm.max_children = many\n[shop]\nrequest_terminate_timeout = 2m\n",
	} {
		file := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	c, err := readFPMConfig(dir + "/php-fpm.conf")
	if err != nil {
		t.Fatal(err)
	}
	if c.global.duration("process_control_timeout") != 30*time.Second || c.global["error_log"] != "/a;b" || len(c.pools) != 2 {
		t.Errorf("%+v", c)
	}
	shop := c.poolAt("/run/shop.sock")
	if shop == nil || shop.name != "shop" {
		t.Fatalf("the pool is %+v", shop)
	}
	if shop.settings.number("pm.max_children", 0) != 16 || shop.settings.duration("request_terminate_timeout") != 2*time.Minute ||
		shop.settings.number("pm.max_requests", -1) != -1 {
		t.Errorf("%+v", shop)
	}
	for key, want := range map[string]struct {
		value      string
		locked, ok bool
	}{
		"include_path": {"/a:/b", true, true}, "log_errors": {"on", true, true},
		"memory_limit": {"32M", false, true}, "open_basedir": {},
	} {
		if value, locked, ok := shop.settings.php(key); value != want.value || locked != want.locked || ok != want.ok {
			t.Errorf("%s is %q, locked %v, there %v", key, value, locked, ok)
		}
	}
	if blog := c.poolAt("127.0.0.1:9001"); blog == nil || blog.settings.number("pm.max_children", 5) != 5 {
		t.Errorf("%+v", blog)
	}
	if c.poolAt("/run/other.sock") != nil {
		t.Error("a pool that nobody has")
	}
	if _, err := readFPMConfig(dir + "/none.conf"); err == nil {
		t.Error("a file that is not there was read")
	}
}

func TestAListenerIsFPMsHoweverItIsWritten(t *testing.T) {
	for _, row := range []struct {
		listen, addr string
		same         bool
	}{
		{"/run/a.sock", "/run/a.sock", true},
		{"/run//a.sock", "/run/a.sock", true},
		{"/run/b.sock", "/run/a.sock", false},
		{"9000", "127.0.0.1:9000", true},
		{"9001", "127.0.0.1:9000", false},
		{"127.0.0.1:9000", "127.0.0.1:9000", true},
		{"10.0.0.1:9000", "127.0.0.1:9000", false},
		{"0.0.0.0:9000", "10.0.0.7:9000", true},
		{"[::]:9000", "10.0.0.7:9000", true},
		{"", "127.0.0.1:9000", false},
	} {
		if same := sameListener(row.listen, sock.Addr(row.addr)); same != row.same {
			t.Errorf("listen = %s and %s: %v", row.listen, row.addr, same)
		}
	}
}

func TestSettingsOfPHPAreReadAsTheyAreWritten(t *testing.T) {
	for value, want := range map[string]int64{"4096K": 4 << 20, "16M": 16 << 20, "1g": 1 << 30, "512": 512, "": 0, "lots": 0} {
		if got := bytesOf(value); got != want {
			t.Errorf("%q is %d bytes, want %d", value, got, want)
		}
	}
	for value, want := range map[string]bool{"1": true, "On": true, "0": false, "": false, "off": false, "No": false} {
		if isOn(value) != want {
			t.Errorf("%q is on: %v", value, !want)
		}
	}
}
