package nginxconf

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"realdocd/test/stack"
)

func write(t testing.TB, dir string, files map[string]string) {
	t.Helper()
	for name, text := range files {
		file := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(strings.ReplaceAll(text, "DIR", dir)), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// show is a tree in one line.
func show(all []*Directive) string {
	var b strings.Builder
	for _, d := range all {
		fmt.Fprintf(&b, "%s:%d %q", filepath.Base(d.File), d.Line, append([]string{d.Name}, d.Args...))
		if d.Block != nil {
			fmt.Fprintf(&b, "{%s}", show(d.Block))
		}
	}
	return b.String()
}

func TestLoad_ReadsWhatNginxReads(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, map[string]string{
		"nginx.conf": "events {}\n# a comment; {\npid DIR/pid; error_log stderr;\nhttp {\n  include sites/*.conf;\n  include DIR/none*.conf;\n}\n",
		"sites/b.conf": "server { listen 127.0.0.1:1; root '/srv/a b/current';\n  location ~ \"\\.php$\" {\n" +
			"    include fastcgi.inc; fastcgi_param A \"x;y #z\"; # why\n    set $a ${document_root}/x;\n  }\n  rewrite \"^/(\\d{2})$\" /b\\;c last; }\n",
		"sites/a.conf": "upstream u { server unix:/run/a.sock; keepalive 4; }\n",
		"fastcgi.inc":  "fastcgi_param DOCUMENT_ROOT\n  $document_root;\n",
	})
	all, err := Load(dir + "/nginx.conf")
	if err != nil {
		t.Fatal(err)
	}
	want := `nginx.conf:1 ["events"]{}nginx.conf:3 ["pid" "` + dir + `/pid"]nginx.conf:3 ["error_log" "stderr"]nginx.conf:4 ["http"]{` +
		`a.conf:1 ["upstream" "u"]{a.conf:1 ["server" "unix:/run/a.sock"]a.conf:1 ["keepalive" "4"]}` +
		`b.conf:1 ["server"]{b.conf:1 ["listen" "127.0.0.1:1"]b.conf:1 ["root" "/srv/a b/current"]b.conf:2 ["location" "~" "\\.php$"]{` +
		`fastcgi.inc:1 ["fastcgi_param" "DOCUMENT_ROOT" "$document_root"]b.conf:3 ["fastcgi_param" "A" "x;y #z"]b.conf:4 ["set" "$a" "${document_root}/x"]}` +
		`b.conf:6 ["rewrite" "^/(\\d{2})$" "/b\\;c" "last"]}}`
	if got := show(all); got != want {
		t.Errorf("got\n%s, want\n%s", got, want)
	}
	stack.Need(t, "nginx")
	nginx, err := stack.Find("nginx")
	if err != nil {
		t.Fatal(err)
	}
	if said, err := exec.Command(nginx, "-t", "-c", dir+"/nginx.conf", "-p", dir).CombinedOutput(); err != nil {
		t.Errorf("nginx does not take what was read: %s", said)
	}
}

func TestDirective_InheritsWhatIsAroundIt(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, map[string]string{"n": "root /a; http { p A 1; server { root /b; root /c; location / { x; } location /p { p B 2; p C 3; } } }"})
	all, err := Load(dir + "/n")
	if err != nil {
		t.Fatal(err)
	}
	server := all[1].Own("server")[0]
	plain, own := server.Own("location")[0], server.Own("location")[1]
	if plain.Get("root").Arg(0) != "/c" || plain.Get("none") != nil || len(plain.Inherited("p")) != 1 || len(own.Inherited("p")) != 2 || plain.Inherited("none") != nil {
		t.Errorf("root %v, p %v and %v", plain.Get("root"), plain.Inherited("p"), own.Inherited("p"))
	}
	if p := own.Own("p")[0]; p.File != dir+"/n" || p.Line != 1 || own.Arg(3) != "" {
		t.Errorf("at %s:%d", p.File, p.Line)
	}
	n := 0
	Each(all, func(*Directive) { n++ })
	if n != 11 {
		t.Errorf("%d directives", n)
	}
}

func TestLoad_EndsIfAFileIncludesItselfOrIsTooLong(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, map[string]string{"n": "include n;", "deep": strings.Repeat("a {", 100), "twice": "include twice; include twice;"})
	for size, name := range map[int64]string{maxFile: "fits", maxFile + 1: "long"} {
		write(t, dir, map[string]string{name: ""})
		if err := os.Truncate(dir+"/"+name, size); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := Load(dir + "/fits"); err != nil {
		t.Error(err)
	}
	for _, name := range []string{"n", "deep", "twice", "none", "long"} {
		if _, err := Load(dir + "/" + name); err == nil {
			t.Errorf("%s was read", name)
		}
	}
}

// Whatever the text, reading ends.
func FuzzScanner(f *testing.F) {
	for _, seed := range []string{"a b;", "a 'b\\'c' {d;}", "a \"", "${a}b{c", "#", "a\\;b;"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		s := &scanner{text: text, line: 1}
		for end := byte(1); end != 0; {
			before := s.at
			if _, _, end = s.directive(); end != 0 && s.at <= before {
				t.Fatalf("it stands still at %d", s.at)
			}
		}
	})
}
