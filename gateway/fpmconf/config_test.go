package fpmconf

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"realdocd/test/stack"
)

// files of PHP-FPM; DIR is the directory that they are in.
var files = map[string]string{
	"fpm.conf": `; a comment
[global]
pid = DIR/pid
process_control_timeout = 30s ; why
error_log="DIR/a;b"
include = DIR/pool.d/*.conf
log_limit = 2048
`,
	// The section goes on in the next file, and so does one that is included in it.
	"pool.d/a.conf": `[Shop]
listen = '/run/$pool.sock'
user = www-data
pm=dynamic
pm.max_children = 16
pm.start_servers = 2
pm.min_spare_servers = 1
pm.max_spare_servers = 3
;pm.max_requests = 3
php_value[memory_limit] = 32M
php_admin_value[include_path] = /a:/b
php_value[include_path] = /c
env[NAME] = "a \"b\" ; c"
[blog]
listen = 127.0.0.1:9001
user = www-data
pm = static
pm.max_children = 3
[shop]
request_terminate_timeout = 2m
include = DIR/common.inc
`,
	"pool.d/b.conf": `pm.max_children = 17
slowlog = /var/log/$pool.slow
[GLOBAL]
process_control_timeout = 20s
`,
	"common.inc": `pm.max_requests = 7
`,
}

func writeFiles(t *testing.T) (dir string) {
	t.Helper()
	dir = t.TempDir()
	for name, text := range files {
		file := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(strings.ReplaceAll(text, "DIR", dir)), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func load(t *testing.T, dir string) *Config {
	t.Helper()
	c, err := Load(dir + "/fpm.conf")
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestConfig_IsWhatFPMReads(t *testing.T) {
	stack.Need(t, "php-fpm")
	fpm, err := stack.Find("php-fpm")
	if err != nil {
		t.Fatal(err)
	}
	dir := writeFiles(t)
	c := load(t, dir)
	dump, _ := exec.Command(fpm, "-tt", "-y", dir+"/fpm.conf").CombinedOutput()
	said := sections(string(dump))
	if len(c.Pools) != 2 || len(said) != 3 {
		t.Fatalf("%d pools, and FPM says\n%s", len(c.Pools), dump)
	}
	for _, p := range append(c.Pools, c.Global) {
		for _, s := range p.Settings {
			want := said[p.Name][s.Key]
			d, err := time.ParseDuration(want)
			if got := p.Get(s.Key).Value; got != want && (err != nil || p.Duration(s.Key) != d) {
				t.Errorf("%s of [%s] is %q, and to FPM %q", s.Key, p.Name, got, want)
			}
		}
	}
}

// sections reads what php-fpm -tt says: lines such as "NOTICE: \tpm = dynamic".
func sections(dump string) map[string]map[string]string {
	all, name := map[string]map[string]string{}, ""
	for line := range strings.Lines(dump) {
		_, line, _ = strings.Cut(strings.TrimSpace(line), "NOTICE: ")
		if strings.HasPrefix(line, "[") {
			name = strings.Trim(line, "[]")
			all[name] = map[string]string{}
		} else if key, value, ok := strings.Cut(strings.TrimSpace(line), " = "); ok && name != "" {
			all[name][key] = value
		}
	}
	return all
}

func TestConfig_KnowsTheLineOfEachSetting(t *testing.T) {
	dir := writeFiles(t)
	c := load(t, dir)
	shop := c.PoolAt("/run/Shop.sock")
	if shop == nil || shop.At != (Place{dir + "/pool.d/a.conf", 1}) {
		t.Fatalf("the pool is %+v", shop)
	}
	for key, want := range map[string]string{
		"pm.max_children": "/pool.d/b.conf:1", "pm.max_requests": "/common.inc:1", "request_terminate_timeout": "/pool.d/a.conf:20", "pm.status_path": "",
	} {
		if got := shop.Get(key); strings.TrimPrefix(got.At.String(), dir) != want || got.IsSet() != (want != "") {
			t.Errorf("%s is set in %v, want %s", key, got.At, want)
		}
	}
}

func TestConfig_ReadsAFileOnceThatIsNamedAndIncluded(t *testing.T) {
	dir := writeFiles(t)
	c := load(t, dir)
	before := len(c.Pools[0].Settings)
	if err := c.Read(dir + "/pool.d/a.conf"); err != nil || len(c.Pools[0].Settings) != before {
		t.Errorf("%d settings, and %d before: %v", len(c.Pools[0].Settings), before, err)
	}
}

func TestConfig_EndsIfAFileIncludesItself(t *testing.T) {
	file := filepath.Join(t.TempDir(), "fpm.conf")
	if err := os.WriteFile(file, []byte("[www]\nlisten = 9000\ninclude = "+file+"\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if c, err := Load(file); err != nil || len(c.Pools) != 1 {
		t.Errorf("%+v, %v", c, err)
	}
	if _, err := Load(file + ".none"); err == nil {
		t.Error("a file that is not there was read")
	}
}

func TestFinder_ReadsAFileOnceForManyListeners(t *testing.T) {
	dir := writeFiles(t)
	title := "php-fpm: master process (" + dir + "/fpm.conf)"
	var f Finder
	c, shop := f.Find("/run/Shop.sock", title)
	if c == nil || shop == nil || shop.Name != "Shop" {
		t.Fatalf("%+v, %+v", c, shop)
	}
	if err := os.Remove(dir + "/fpm.conf"); err != nil {
		t.Fatal(err)
	}
	if again, blog := f.Find("127.0.0.1:9001", title); again != c || blog == nil || blog.Name != "blog" {
		t.Errorf("%+v, %+v", again, blog)
	}
	if c, own := Find("127.0.0.1:9001", title); c != nil || own != nil {
		t.Errorf("a file that has gone: %+v, %+v", c, own)
	}
}

func TestLoad_ReadsNoFileThatIsNoneOrIsTooLong(t *testing.T) {
	long := filepath.Join(t.TempDir(), "long")
	if err := os.WriteFile(long, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	for size, reads := range map[int64]bool{maxFile: true, maxFile + 1: false} {
		if err := os.Truncate(long, size); err != nil {
			t.Fatal(err)
		}
		if _, err := Load(long); (err == nil) != reads {
			t.Errorf("%d bytes: %v", size, err)
		}
	}
	if _, err := Load("/dev/zero"); err == nil {
		t.Error("a device was read")
	}
}

func TestPool_SaysWhatItSetsOfPHP(t *testing.T) {
	p := load(t, writeFiles(t)).Pools[0]
	for key, want := range map[string]struct {
		value string
		admin bool
	}{
		"include_path": {"/a:/b", true}, "memory_limit": {"32M", false}, "open_basedir": {},
	} {
		if got := p.PHP(key); got.Value != want.value || got.Admin != want.admin || got.IsSet() != (want.value != "") {
			t.Errorf("%s is %+v", key, got)
		}
	}
}

func TestPool_ListensAtAnAddressHoweverItIsWritten(t *testing.T) {
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
		p := &Pool{}
		p.add(Setting{Key: "listen", Value: row.listen})
		if same := p.ListensAt(row.addr); same != row.same {
			t.Errorf("listen = %s and %s: %v", row.listen, row.addr, same)
		}
	}
}

func TestParseINI_TakesQuotesAndCommentsOff(t *testing.T) {
	for line, want := range map[string]string{
		`a =`:                   "",
		`a=b=c`:                 "b=c",
		`a = .:/a ; why`:        ".:/a",
		`a = ".:/a;b" ; why`:    ".:/a;b",
		`a = '.:/a"b'`:          `.:/a"b`,
		`a="say \"a\" \\ b"`:    `say "a" \ b`,
		`a = "not closed`:       "not closed",
		`a = E_ALL & ~E_NOTICE`: "E_ALL & ~E_NOTICE",
	} {
		got := ParseINI("php.ini", "\n[PATH=/x]\n"+line+"\n")
		if len(got) != 1 || got[0] != (Setting{"PATH=/x", "a", want, Place{"php.ini", 3}}) {
			t.Errorf("%s: %+v", line, got)
		}
	}
	if got := ParseINI("php.ini", "; a = b\n# a = b\n[a=b]\na\n"); len(got) != 0 {
		t.Errorf("%+v", got)
	}
}
