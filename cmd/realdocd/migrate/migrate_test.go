package migrate

import (
	"errors"
	"flag"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the configuration that is made into testdata, to be looked at")

// wanted is the name of the configuration that a file of testdata has to give.
const wanted = "realdocd.toml"

// Each file of testdata has, after words on what it is for, the files of a machine, and
// what comes of them. Its first line is the command.
func TestMigrate_MakesTheConfigurationsOfTestdata(t *testing.T) {
	cases, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(cases) == 0 {
		t.Fatalf("no testdata: %v", err)
	}
	for _, file := range cases {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			head, tree := machine(string(text))
			want := ""
			if file := tree[wanted]; file != nil {
				want = string(file.Data)
			}
			delete(tree, wanted)
			command, _, _ := strings.Cut(head, "\n")
			got, err := TOML(tree, strings.Fields(command)[2:]...)
			if err != nil {
				t.Fatal(err)
			}
			if *update {
				before, _, _ := strings.Cut(string(text), "-- "+wanted+" --\n")
				if err := os.WriteFile(file, []byte(before+"-- "+wanted+" --\n"+got), 0o644); err != nil {
					t.Fatal(err)
				}
			} else if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// machine reads files as in "-- etc/a.conf --", and symlinks as in "-- a -> b --".
func machine(text string) (head string, tree fstest.MapFS) {
	tree = fstest.MapFS{}
	var now *fstest.MapFile
	for line := range strings.Lines(text) {
		if name, ok := strings.CutPrefix(line, "-- "); ok {
			name, target, isLink := strings.Cut(strings.TrimSuffix(name, " --\n"), " -> ")
			now = &fstest.MapFile{Mode: 0o644}
			if isLink {
				now.Mode, now.Data = fs.ModeSymlink|0o777, []byte(target)
			}
			tree[name] = now
		} else if now != nil {
			now.Data = append(now.Data, line...)
		} else {
			head += line
		}
	}
	return head, tree
}

func TestMigrate_ErrorsNameFileAndLine(t *testing.T) {
	for _, tt := range []struct{ name, text, want string }{
		{"a section that is not closed", "ServerName a\n<VirtualHost *>\n", "/etc/apache2/apache2.conf:2: <VirtualHost> is not closed in this file"},
		{"a section closed by another", "<VirtualHost *>\n<Directory />\n</VirtualHost>\n", "/etc/apache2/apache2.conf:3: </VirtualHost> comes before the end of the <Directory> of line 2"},
		{"an end of nothing", "\n</IfModule>\n", "/etc/apache2/apache2.conf:2: </IfModule> closes nothing"},
		{"a host in a host", "<VirtualHost a>\n<VirtualHost b>\n", "/etc/apache2/apache2.conf:2: <VirtualHost> inside the <VirtualHost> of /etc/apache2/apache2.conf:1: is its end missing?"},
		{"an include of nothing", "Include \\\n sites.conf", "/etc/apache2/apache2.conf:1: Include: there is no /etc/apache2/sites.conf; paths in it are relative to ServerRoot, which is /etc/apache2"},
		{"an include in a circle", "Include apache2.conf", "/etc/apache2/apache2.conf: it is included by itself, or 128 files deep: take one Include out"},
		{"no number", "<VirtualHost *>\nRealpathEvery soon", `/etc/apache2/apache2.conf:2: RealpathEvery: want a number of seconds, not "soon"`},
		{"no site", "ServerName a\n<VirtualHost *>\n</VirtualHost>", "there is no virtual host with a DocumentRoot in /etc/apache2\n/etc/apache2/apache2.conf:2: <VirtualHost>: has no DocumentRoot, so it is not a site"},
		{"a variable that is not known", "DocumentRoot /a/${B}", "there is no virtual host with a DocumentRoot in /etc/apache2\n" +
			"/etc/apache2/apache2.conf:1: the main server: its DocumentRoot has a variable that is not known, so it was left out: write out /a/${B}"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			text, err := TOML(fstest.MapFS{"etc/apache2/apache2.conf": {Data: []byte(tt.text)}}, "/etc/apache2")
			if err == nil || err.Error() != tt.want || text != "" {
				t.Errorf("got %v\nwant %s\n%s", err, tt.want, text)
			}
		})
	}
}

// closedFS has files that may not be read.
type closedFS struct{ fs.FS }

func (c closedFS) Open(name string) (fs.File, error) {
	if strings.HasSuffix(name, ".key") {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrPermission}
	}
	return c.FS.Open(name)
}

func TestMigrate_WhatCannotBeReadIsSaidWithWhatToDo(t *testing.T) {
	tree := closedFS{fstest.MapFS{"etc/apache2/apache2.conf": {Data: []byte("Include shut.key")}}}
	for path, want := range map[string]string{
		"/etc/httpd":         "there is no /etc/httpd: name a directory such as /etc/apache2, or a file",
		"/etc/apache2/a.key": "read /etc/apache2/a.key: permission denied: run realdocd migrate as root, or on a copy that you may read",
		"/etc/apache2":       "read /etc/apache2/shut.key: permission denied: run realdocd migrate as root, or on a copy that you may read",
	} {
		want = strings.Replace(want, "permission denied", fs.ErrPermission.Error(), 1)
		if _, err := TOML(tree, path); err == nil || err.Error() != want {
			t.Errorf("%s: got %v\nwant %s", path, err, want)
		}
	}
}

func TestMigrate_NothingIsAnErrorOfItsOwn(t *testing.T) {
	tree := fstest.MapFS{"etc/php.ini": {Data: []byte("include_path = .\n")}}
	if _, err := TOML(tree, "/etc/php.ini"); !errors.Is(err, ErrNothing) {
		t.Errorf("got %v", err)
	}
}

func TestLines_AreJoinedByABackslashAndComeWithoutComments(t *testing.T) {
	got := lines("a \\\n  b\r\n# no \\\n comment\n\n  c\\d\nlast \\")
	want := []line{{"a   b", 1}, {`c\d`, 6}, {"last", 7}}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(line{})); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestWords_AreSplitAsApacheSplitsThem(t *testing.T) {
	for text, want := range map[string][]string{
		``:                       nil,
		"a\t b ":                 {"a", "b"},
		`"a b" 'c "d"' e"f`:      {"a b", `c "d"`, `e"f`},
		`"a \"b\" \\ \c" d\\e`:   {`a "b" \ \c`, `d\e`},
		`"a"b`:                   {"a", "b"},
		`"not closed`:            {"not closed"},
		`""`:                     {""},
		`^/(.*\.php)$ fcgi://x/`: {`^/(.*\.php)$`, "fcgi://x/"},
	} {
		if diff := cmp.Diff(want, words(text)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", text, diff)
		}
	}
}

func TestFastCGIAddress_IsAsRealdocdWritesIt(t *testing.T) {
	for target, want := range map[string]string{
		"unix:/run/php/a.sock|fcgi://localhost":       "/run/php/a.sock",
		"unix:/run/php/a.sock|fcgi://localhost/var/w": "/run/php/a.sock",
		"fcgi://127.0.0.1:9000":                       "127.0.0.1:9000",
		"fcgi://127.0.0.1:9000/var/www/$1":            "127.0.0.1:9000",
		"fcgi://php":                                  "php:8000",
		"fcgi://[::1]/":                               "[::1]:8000",
		"fcgi://[::1]:9000/":                          "[::1]:9000",
		"unix:/run/app.sock|http://localhost":         "",
		"http://127.0.0.1:9000":                       "",
	} {
		if got := fastCGIAddress(target); got != want {
			t.Errorf("%s: got %q, want %q", target, got, want)
		}
	}
}

func TestListenAddress_IsOneThatCanBeConnectedTo(t *testing.T) {
	for listen, want := range map[string]string{
		"/run/php/a.sock": "/run/php/a.sock",
		"9000":            "127.0.0.1:9000",
		"0.0.0.0:9000":    "127.0.0.1:9000",
		"[::]:9000":       "127.0.0.1:9000",
		"10.0.0.5:9000":   "10.0.0.5:9000",
		"":                "",
	} {
		if got := listenAddress(listen); got != want {
			t.Errorf("%s: got %q, want %q", listen, got, want)
		}
	}
}

func TestVhostPattern_StandsForEachHost(t *testing.T) {
	for root, want := range map[string]string{
		"/var/www/%0/public": "/var/www/*/public",
		"/var/www/%2+/%-1.1": "/var/www/*/*",
		"/var/www/%2.1+/[a]": `/var/www/*/\[a]`,
		"/var/100%%/%p":      "/var/100%/*",
	} {
		if got := vhostPattern(root); got != want {
			t.Errorf("%s: got %s, want %s", root, got, want)
		}
	}
}

func FuzzTOML(f *testing.F) {
	f.Add("<VirtualHost *>\nDocumentRoot /a\nSetHandler \"proxy:unix:/b|fcgi://c\"\nphp_value include_path /a/lib\n</VirtualHost>", "[PHP]\ninclude_path=\".:/a\"\n", "[www]\nlisten=9000\npm.max_children=3\n")
	f.Add("Define A /b\\\n/c\nRealpathEvery 2\nDocumentRoot ${A}\nUseReadlink /b\n<IfModule !x>\n</IfModule>\nInclude *.conf", "incpath.search_replace_pattern=/b:/c\n[PATH=/b]\na=1", "")
	f.Add("VirtualDocumentRoot /a/%0\n<Directory ~ \"^/a\">\nphp_admin_value include_path x\n</Directory>", "", "[www]\nphp_value[include_path]=/a/0")
	f.Fuzz(func(t *testing.T, apache, ini, fpm string) {
		tree := fstest.MapFS{
			"etc/apache2/apache2.conf": {Data: []byte(apache)}, "old/etc/apache2/apache2.conf": {Data: []byte(apache)}, "etc/php.ini": {Data: []byte(ini)}, "etc/fpm.conf": {Data: []byte("[x]\n" + fpm)},
			"b": {Mode: fs.ModeSymlink, Data: []byte("a")}, "a/index.php": {}, "a/.htaccess": {Data: []byte(apache)},
		}
		text, err := TOML(tree, "/etc/apache2", "/etc/php.ini", "/etc/fpm.conf")
		if (err == nil) != strings.Contains(text, "\n[site.") {
			t.Errorf("%v with\n%s", err, text)
		}
		copied, err := TOML(tree, "/old/etc/apache2")
		if (err == nil) != strings.Contains(copied, "\n[site.") {
			t.Errorf("copied: %v with\n%s", err, copied)
		}
	})
}

func TestTreeOf_TellsACopyFromThisMachine(t *testing.T) {
	tree := fstest.MapFS{
		"usr/local/apache2/conf/httpd.conf": {Data: []byte("ServerRoot \"/usr/local/apache2\"\n")},
		"srv/fedora/conf/httpd.conf":        {Data: []byte("ServerRoot /etc/httpd\n")},
		"srv/debian/apache2.conf":           {Data: []byte("# ServerRoot\n")},
	}
	for p, want := range map[string][3]string{
		"/etc/apache2":                {"/etc/apache2", "", ""},
		"/usr/local/etc/php-fpm.conf": {"/usr/local/etc/php-fpm.conf", "", ""},
		"/opt/php/etc/php-fpm.d":      {"/opt/php/etc/php-fpm.d", "", ""},
		"/usr/local/apache2":          {"/usr/local/apache2", "", ""},
		"/home/me/shop.conf":          {"/home/me/shop.conf", "", ""},
		"/home/me/old/etc":            {"/etc", "/home/me/old", ""},
		"/backup/etc/old/etc/apache2": {"/etc/apache2", "/backup/etc/old", ""},
		"/srv/fedora":                 {"/etc/httpd", "/srv/fedora", "/etc/httpd"},
		"/srv/debian":                 {"/etc/apache2", "/srv/debian", "/etc/apache2"},
	} {
		got, there := treeOf(tree, p)
		if have := [3]string{there, got.below, got.mount}; have != want {
			t.Errorf("%s: got %q, want %q", p, have, want)
		}
	}
}

func TestMigrate_AnIncludeOfThisMachineIsNotReadForACopy(t *testing.T) {
	tree := fstest.MapFS{
		"old/etc/apache2/apache2.conf": {Data: []byte("Include /etc/apache2/sites.conf\n")},
		"etc/apache2/sites.conf":       {Data: []byte("DocumentRoot /var/www/a\n")},
		"old/etc/apache2/loop":         {Mode: fs.ModeSymlink, Data: []byte("loop")},
	}
	want := "/etc/apache2/apache2.conf:1: Include: there is no /etc/apache2/sites.conf; paths in it are relative to ServerRoot, which is /etc/apache2 (of the machine that is copied into /old)"
	if text, err := TOML(tree, "/old/etc/apache2"); err == nil || err.Error() != want {
		t.Errorf("got %v, want %s\n%s", err, want, text)
	}
	if text, err := TOML(tree, "/old/etc/apache2/loop"); err == nil {
		t.Errorf("a symlink to itself gives\n%s", text)
	}
}
