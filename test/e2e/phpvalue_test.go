package e2e

import (
	"encoding/hex"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"realdocd/test/stack"
)

// showIncludePath is a page that tells every byte of its include_path.
const showIncludePath = `<?php echo bin2hex(get_include_path());`

// special is a site whose release directory has a name with bytes that mean something to PHP's INI scanner.
type special struct{ link, release string }

func newSpecial(t *testing.T, dir, release string) special {
	t.Helper()
	site := special{filepath.Join(dir, "current"), filepath.Join(dir, release)}
	public := filepath.Join(site.release, "public")
	for _, err := range []error{
		os.MkdirAll(public, 0o755),
		os.WriteFile(filepath.Join(public, "index.php"), []byte(showIncludePath), 0o644),
		os.Symlink(release, site.link),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	return site
}

func (s special) docroot() string { return s.link + "/public" }

// named writes a text with LINK and RELEASE as the site's.
func (s special) named(text string) string {
	return strings.NewReplacer("LINK", s.link, "RELEASE", s.release).Replace(text)
}

// wantIncludePath asks the site's page which include_path PHP has.
func wantIncludePath(t *testing.T, s *stack.Stack, gw *stack.Gateway, site special, want string, more ...string) {
	t.Helper()
	reply := s.In(t).Ask(gw.Addr, nil, stack.ParamsFor(site.docroot(), "GET", "/index.php", more...)...)
	got, err := hex.DecodeString(string(reply.Body))
	if err != nil || reply.Status != 200 || !reply.Ended || len(reply.Stderr) > 0 {
		t.Fatalf("status %d, complete %v, body %.300q, stderr %q", reply.Status, reply.Ended, reply.Body, reply.Stderr)
	}
	if string(got) != want {
		t.Errorf("PHP has %q, want %q", got, want)
	}
}

// PHP reads a PHP_VALUE as INI, in which most of these bytes end a path or change it. One worker serves
// them all, so that a value which PHP ignores shows as the one before.
func TestPHPHasTheIncludePathOfAReleaseWhateverItsName(t *testing.T) {
	s := stack.For(t, "php-fpm")
	fpm := s.FPM(stack.FPMConfig{MaxChildren: 1})
	c := stack.GatewayFor(fpm)
	sites := map[string]special{}
	for key, release := range map[string]string{
		"plain": "42", "semicolon": "a;b", "parentheses": "pl(a)in", "pipe": "a|b", "operators": "q;u(o)t!e|&~^ x",
		"environment": "${HOME}", "dollar": "$x", "double": `"dq"`, "double-end": `dq"`, "backslash": `back\slash`,
		"backslash-end": `back\`, "backslashes": `a\\b`, "escape": `esc \${HOME} \$x`, "single": "it's", "utf8": "größe-日本",
		"latin1": "gr\xf6\xdfe", "equals": "a=b", "comment": "a # b", "section": "[www]", "spaces": " a  b ", "tab": "a\tb", "word": "none", "colon": "a,b@c%d",
	} {
		sites[key] = newSpecial(t, filepath.Join(s.Dir, key), release)
		c.Sites[key] = stack.Keys{"docroot": sites[key].docroot(), "include_path": ".:" + sites[key].link + "/lib"}
	}
	gw := s.Gateway(c)
	for key, site := range sites {
		t.Run(key, func(t *testing.T) {
			wantIncludePath(t, s, gw, site, ".:"+site.release+"/lib")
			for _, row := range []struct{ sent, want string }{
				{`include_path="` + site.link + `/web"`, site.release + "/web"},
				{`include_path=".:` + site.link + `/web:/usr/share/php"`, ".:" + site.release + "/web:/usr/share/php"},
				{`include_path='` + site.link + `/single'`, site.release + "/single"},
				{`include_path=` + site.link + `/bare`, site.release + "/bare"},
				{"memory_limit=200M\ninclude_path=\"/first\"\ninclude_path=\"" + site.link + "/last\"\n", site.release + "/last"},
				{`memory_limit="300M"`, ".:" + site.release + "/lib"},
			} {
				wantIncludePath(t, s, gw, site, row.want, "PHP_VALUE", row.sent)
			}
			wantIncludePath(t, s, gw, site, site.release+"/admin", "PHP_ADMIN_VALUE", `include_path="`+site.link+`/admin"`)
		})
	}
}

// What stands outside of the link means to PHP what it meant without the gateway.
func TestTheRestOfAnIncludePathKeepsItsMeaning(t *testing.T) {
	s := stack.For(t, "php-fpm")
	fpm := s.FPM(stack.FPMConfig{MaxChildren: 1})
	site := newSpecial(t, filepath.Join(s.Dir, "shop"), `"dq"`)
	c := stack.GatewayFor(fpm)
	c.Sites["shop"] = stack.Keys{"docroot": site.docroot(), "include_path": site.link + "/lib"}
	gw := s.Gateway(c)
	for _, row := range []struct{ name, sent, want string }{
		{"a comment", "include_path=/a;b", "/a"},
		{"quoted operators", `include_path="/q;u(o)t!e|&~^ x:LINK"`, "/q;u(o)t!e|&~^ x:RELEASE"},
		{"the environment in single quotes", `include_path='${HOME}/x:LINK'`, "${HOME}/x:RELEASE"},
		{"an escaped dollar", `include_path="/esc \${HOME} \$x:LINK"`, "/esc ${HOME} $x:RELEASE"},
		{"escaped quotes", `include_path="/with \"dq\":LINK"`, `/with "dq":RELEASE`},
		{"an escaped backslash", `include_path="/back\\slash:LINK"`, `/back\slash:RELEASE`},
		{"CR ends the line", "include_path=/first\rinclude_path=LINK/cr", "RELEASE/cr"},
		{"LF ends the line", "include_path=/first\ninclude_path=LINK/lf", "RELEASE/lf"},
		{"CRLF ends the line", "include_path=LINK/crlf\r\n", "RELEASE/crlf"},
	} {
		t.Run(row.name, func(t *testing.T) {
			wantIncludePath(t, s, gw, site, site.named(row.want), "PHP_VALUE", site.named(row.sent))
		})
	}
}

// INI has no way to write a line's end into a value: what followed it would be directives. And an
// include_path has none to write a ":" into an entry.
func TestAReleaseThatNoIncludePathCanNameIsRefused(t *testing.T) {
	s := stack.For(t, "php-fpm")
	c := stack.GatewayFor(s.FPM(stack.FPMConfig{}))
	sites := map[string]special{}
	for key, release := range map[string]string{"lf": "a\nauto_prepend_file=b", "cr": "a\rb", "quote-lf": "a\"\nb", "colon": "a:b", "plain": "42"} {
		dir := filepath.Join(s.Dir, key)
		sites[key] = newSpecial(t, dir, release)
		c.Sites[key] = stack.Keys{"docroot": sites[key].docroot(), "include_path": sites[key].link + "/lib"}
		for _, err := range []error{
			os.Chmod(dir, 0o777), // PHP may run as another user
			os.WriteFile(sites[key].release+"/public/index.php", []byte("<?php touch('"+dir+"/ran');"), 0o644),
		} {
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	gw := s.Gateway(c)
	cause := func(key string) string {
		if key == "colon" {
			return "separates the entries of include_path"
		}
		return "cannot be written as an INI value"
	}
	hasRun := func(key string) bool {
		_, err := os.Stat(filepath.Join(s.Dir, key, "ran"))
		return err == nil
	}
	s.Ask(gw.Addr, nil, stack.ParamsFor(sites["plain"].docroot(), "GET", "/index.php")...)
	if !hasRun("plain") {
		t.Fatal("the page leaves no trace: nothing can be said of the others")
	}
	delete(sites, "plain")
	for key, site := range sites {
		for name, more := range map[string][]string{
			"the site's":       nil,
			"the web server's": {"PHP_VALUE", `include_path="` + site.link + `"`},
		} {
			t.Run(key+", "+name, func(t *testing.T) {
				mark := gw.Log.Mark()
				wantOwnError(t, s.In(t).Ask(gw.Addr, nil, stack.ParamsFor(site.docroot(), "GET", "/index.php", more...)...), s.Dir, 500)
				s.In(t).Wait(gw.Process, mark, func(line string) bool {
					event := stack.ParseEvent(line)
					return event.String("level") == "error" && strings.Contains(event.String("error"), cause(key))
				})
				if hasRun(key) {
					t.Error("PHP has run")
				}
			})
		}
	}
}
