package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"realdocd/test/stack"
)

// phpSite makes a site with one release, whose page tells three settings.
func phpSite(t *testing.T, dir string) (docroot string) {
	t.Helper()
	public := filepath.Join(dir, "releases/1/public")
	for _, err := range []error{
		os.MkdirAll(public, 0o755),
		os.WriteFile(filepath.Join(public, "index.php"),
			[]byte(`<?php echo "page ", ini_get("memory_limit"), " ", ini_get("user_agent"), " ", ini_get("precision");`), 0o644),
		os.WriteFile(filepath.Join(dir, "releases/1/prepend.php"), []byte(`<?php echo "prepended ";`), 0o644),
		os.Symlink("releases/1", filepath.Join(dir, "current")),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	return filepath.Join(dir, "current/public")
}

// What one request sets by PHP_VALUE, FPM leaves in the worker for the next one. So a
// site ran with the auto_prepend_file of another. The pool has one worker.
func TestWhatOneSiteSetsIsNotThereForAnother(t *testing.T) {
	s := stack.For(t, "php-fpm")
	fpm := s.FPM(stack.FPMConfig{MaxChildren: 1, Pool: []string{"php_value[precision] = 11", "php_admin_value[user_agent] = pool"}})
	one, two := phpSite(t, filepath.Join(s.Dir, "one")), phpSite(t, filepath.Join(s.Dir, "two"))
	c := stack.GatewayFor(fpm)
	c.Sites["one"], c.Sites["two"] = stack.Keys{"docroot": one}, stack.Keys{"docroot": two}
	gw := s.Gateway(c)
	ask := func(addr stack.Addr, docroot, value string) string {
		t.Helper()
		return string(s.In(t).Ask(addr, nil, stack.ParamsFor(docroot, "GET", "/index.php", "PHP_VALUE", value)...).Body)
	}
	sets := "memory_limit=222M\nprecision=5\nauto_prepend_file=" + filepath.Dir(one) + "/prepend.php"
	own := ask(gw.Addr, two, "")
	for range 3 {
		if got := ask(gw.Addr, one, sets); got != "prepended page 222M pool 5" {
			t.Errorf("site one has %q", got)
		}
		if got := ask(gw.Addr, two, ""); got != own || strings.Contains(got, "prepended") {
			t.Errorf("site two has %q after site one, and %q of its own", got, own)
		}
	}
	if !strings.HasSuffix(own, " pool 11") {
		t.Errorf("what FPM's pool sets is not there: %q", own)
	}

	// Straight to FPM, it is: that is what is prevented.
	ask(fpm.Addr, one, sets)
	if got := ask(fpm.Addr, two, ""); !strings.HasPrefix(got, "prepended page 222M") {
		t.Errorf("FPM alone does not keep what a request sets: %q; then this test proves nothing", got)
	}
}

// Straight to FPM, whoever can send PHP_ADMIN_VALUE runs what he likes.
func TestPHPValueRunsNoCodeFromElsewhere(t *testing.T) {
	s := stack.For(t, "php-fpm")
	fpm := s.FPM(stack.FPMConfig{MaxChildren: 1})
	docroot := phpSite(t, filepath.Join(s.Dir, "one"))
	evil := filepath.Join(s.Dir, "evil.php")
	if err := os.WriteFile(evil, []byte(`<?php echo "EVIL ";`), 0o644); err != nil {
		t.Fatal(err)
	}
	c := stack.GatewayFor(fpm)
	c.Sites["one"] = stack.Keys{"docroot": docroot}
	gw := s.Gateway(c)
	for _, name := range []string{"PHP_VALUE", "PHP_ADMIN_VALUE"} {
		params := stack.ParamsFor(docroot, "GET", "/index.php", name, "auto_prepend_file="+evil)
		if reply := s.In(t).Ask(gw.Addr, nil, params...); reply.Status != 403 || strings.Contains(string(reply.Body), "EVIL") {
			t.Errorf("%s: status %d, %q", name, reply.Status, reply.Body)
		}
		if got := string(s.In(t).Ask(fpm.Addr, nil, params...).Body); !strings.HasPrefix(got, "EVIL ") {
			t.Errorf("%s: FPM alone gives %q; then this test proves nothing", name, got)
		}
	}
}

// The script of CVE-2019-11043's request goes by a line's end in PATH_INFO.
func TestALineEndInAPathDoesNotReachPHP(t *testing.T) {
	s := stack.For(t, "php-fpm")
	fpm := s.FPM(stack.FPMConfig{MaxChildren: 1})
	docroot := phpSite(t, filepath.Join(s.Dir, "one"))
	c := stack.GatewayFor(fpm)
	c.Sites["one"] = stack.Keys{"docroot": docroot}
	gw := s.Gateway(c)
	for _, row := range [][2]string{
		{"PATH_INFO", "\nindex.php"}, {"SCRIPT_FILENAME", docroot + "/index.php\n"}, {"SCRIPT_FILENAME", docroot + "/index.php\x00/x"},
	} {
		if reply := s.In(t).Ask(gw.Addr, nil, stack.ParamsFor(docroot, "GET", "/index.php", row[0], row[1])...); reply.Status != 400 {
			t.Errorf("%s %q: status %d", row[0], row[1], reply.Status)
		}
	}
	// httpoxy: programs take it for their own proxy. PHP leaves it out itself since 5.6.24, other responders do not.
	if err := os.WriteFile(filepath.Join(docroot, "proxy.php"), []byte(`<?php echo "[", getenv("HTTP_PROXY"), $_SERVER["HTTP_PROXY"] ?? "", "]";`), 0o644); err != nil {
		t.Fatal(err)
	}
	params := stack.ParamsFor(docroot, "GET", "/proxy.php", "HTTP_PROXY", "http://evil.example")
	if got := string(s.In(t).Ask(gw.Addr, nil, params...).Body); got != "[]" {
		t.Errorf("PHP has the proxy %s", got)
	}
}
