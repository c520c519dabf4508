package main

import (
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"realdocd/cmd/realdocd/conf"
)

const configured = `
listen = ["/run/a.sock", "127.0.0.1:9100"]
allowed_clients = ["127.0.0.1"]
allowed_users = ["33"]
max_body = "10MiB"
max_spool = "1536KiB"
listen_mode = "0600"
unmatched = "refuse"
[log]
slow = "90s"
access = false
[pool.www]
server = ["/run/php/php8.2-fpm.sock"]
map = ["/srv:/var/www/html"]
read_timeout = "1h"
max_conns = 12
reuse = "off"
[site."shop.example.com"]
docroot = "/var/www/shop/current/public"
resolve = "readlink"
abandoned = "drop"
stderr = "log"
php_value = "refuse"
read_timeout = "1m30s"
warm = ["/", "/a?b=\"c\"&d"]
before_flip = ["echo ${REALDOC_RELEASE}"]
releases = "/var/www/shop/releases"
shared = ["storage"]
[site.blog]
docroot = "/var/www/*/blog"
`

func configFile(t *testing.T, text string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "realdocd.toml")
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return file
}

// What is printed is a configuration, and the same one.
func TestConfig_IsReadBackAsItIs(t *testing.T) {
	for _, args := range [][]string{nil, {"--no-defaults"}} {
		file := configFile(t, configured)
		code, stdout, stderr := run(t, append([]string{"config", "--from-file", "--config", file}, args...)...)
		if code != exitDone || stderr != "" {
			t.Fatalf("exit code %d, stderr %q", code, stderr)
		}
		want, err := conf.Load(file)
		if err != nil {
			t.Fatal(err)
		}
		got, err := conf.Parse(file, stdout)
		if err != nil {
			t.Fatalf("%v in\n%s", err, stdout)
		}
		if diff := cmp.Diff(want, got, cmpopts.EquateComparable(netip.Prefix{}), cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("%q (-file +printed):\n%s\n%s", args, diff, stdout)
		}
	}
}

func TestConfig_LeavesOutDefaults(t *testing.T) {
	file := configFile(t, "[pool.www]\nserver = ['/a']\n[site.shop]\ndocroot = '/s'\nkeep = 7\n")
	_, stdout, _ := run(t, "config", "--from-file", "--no-defaults", "--config", file)
	want := "# " + file + "\n\n[pool.www]\nserver = [\"/a\"]\n\n[site.shop]\ndocroot = \"/s\"\nkeep = 7\npool = \"www\"\n"
	if stdout != want {
		t.Errorf("got\n%s\nwant\n%s", stdout, want)
	}
}

func TestConfig_ShowsOneTable(t *testing.T) {
	file := configFile(t, configured)
	for name, want := range map[string]string{
		"log":                     "\n[log]\naccess = false\nslow = \"1m30s\"\n",
		"site.blog":               "\n[site.blog]\ndocroot = \"/var/www/*/blog\"\npool = \"www\"\n",
		"pool":                    "\n[pool.www]\nmap = [\"/srv:/var/www/html\"]\nmax_conns = 12\nread_timeout = \"1h\"\nreuse = \"off\"\nserver = [\"/run/php/php8.2-fpm.sock\"]\n",
		"site.shop.example.com":   "\n[site.\"shop.example.com\"]\n",
		`site."shop.example.com"`: "\n[site.\"shop.example.com\"]\n",
		"top":                     "allowed_clients = [\"127.0.0.1/32\"]\n",
	} {
		code, stdout, stderr := run(t, "config", "--from-file", "--no-defaults", "--config", file, name)
		if _, shown, _ := strings.Cut(stdout, "\n"); code != exitDone || !strings.HasPrefix(shown, want) {
			t.Errorf("%s: exit code %d, %q, stdout\n%s", name, code, stderr, stdout)
		}
	}
	code, _, stderr := run(t, "config", "--from-file", "--config", file, "site.bolg")
	if want := "realdocd: there is no table \"site.bolg\"; did you mean \"site.blog\"?\n"; code != exitNo || stderr != want {
		t.Errorf("exit code %d, stderr %q, want %q", code, stderr, want)
	}
}

func TestConfig_HidesSecrets(t *testing.T) {
	credentials := t.TempDir()
	if err := os.WriteFile(credentials+"/dir", []byte("/hidden"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("CREDENTIALS_DIRECTORY", credentials)
	file := configFile(t, "spool_dir = '${credential:dir}'\n[pool.www]\nserver = ['/a']\n[site.shop]\ndocroot = '/s'\nwarm = ['http://u:pw@shop.example/']\n")
	_, stdout, _ := run(t, "config", "--from-file", "--config", file)
	if strings.Contains(stdout, "hidden") || !strings.Contains(stdout, `spool_dir = "${credential:dir}"`) {
		t.Errorf("the credential is shown in\n%s", stdout)
	}
	if strings.Contains(stdout, ":pw@") || !strings.Contains(stdout, "http://u:xxxxx@shop.example/") {
		t.Errorf("the password is shown in\n%s", stdout)
	}
}

func TestConfig_IsThatOfTheDaemonAndTellsWhatAReloadWouldChange(t *testing.T) {
	d := startFakeDaemon(t)
	base := "control = '" + d.socket + "'\nuser = 'root'\n[pool.www]\nserver = ['/a']\n[site.shop]\ndocroot = '/s'\nkeep = 7\n"
	file := configFile(t, base)
	c, err := conf.Load(file)
	if err != nil {
		t.Fatal(err)
	}
	d.told = c.Told()
	code, ofFile, _ := run(t, "config", "--from-file", "--config", file)
	code2, ofDaemon, stderr := run(t, "config", "--config", file)
	if code != exitDone || code2 != exitDone || ofFile != ofDaemon {
		t.Errorf("exit codes %d and %d, %s; file\n%s\ndaemon\n%s", code, code2, stderr, ofFile, ofDaemon)
	}
	if code, stdout, stderr := run(t, "config", "--diff", "--config", file); code != exitDone || stdout+stderr != "" {
		t.Errorf("without a change: exit code %d, %q, %q", code, stdout, stderr)
	}
	changed := strings.Replace(base, "keep = 7", "keep = 8", 1) + "[site.new]\ndocroot = '/n'\n"
	if err := os.WriteFile(file, []byte("max_body = '1MiB'\n"+changed), 0o644); err != nil {
		t.Fatal(err)
	}
	want := `- max_body = "2GiB"
+ max_body = "1MiB"
  [site.shop]
- keep = 7
+ keep = 8
+ [site.new]
+ docroot = "/n"
+ pool = "www"
`
	if code, stdout, stderr := run(t, "config", "--diff", "--config", file); code != exitNo || stdout != want || stderr != "" {
		t.Errorf("exit code %d, stderr %q, stdout\n%s\nwant\n%s", code, stderr, stdout, want)
	}
	if code, stdout, _ := run(t, "config", "--diff", "--config", file, "site.shop"); code != exitNo || stdout != "  [site.shop]\n- keep = 7\n+ keep = 8\n" {
		t.Errorf("of one table: exit code %d, stdout\n%s", code, stdout)
	}
}

func TestConfig_WithoutADaemonSaysHowToSeeTheFile(t *testing.T) {
	file := configFile(t, "control = '"+t.TempDir()+"/c'\n[pool.www]\nserver = ['/a']\n[site.shop]\ndocroot = '/s'\n")
	code, _, stderr := run(t, "config", "--config", file)
	if code != exitNo || !strings.Contains(stderr, "realdocd config --from-file") {
		t.Errorf("exit code %d, stderr %q", code, stderr)
	}
}
