package conf

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// inDir writes files and gives the path of the first, which the others are below.
func inDir(t *testing.T, files ...string) (main string) {
	t.Helper()
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(files); i += 2 {
		name := filepath.Join(dir, files[i])
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(files[i+1]), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return filepath.Join(dir, files[0])
}

const includes = `include = ["conf.d/*.toml"]
[pool.www]
server = ["/run/php/php8.2-fpm.sock"]
`

func TestIncludedFilesAreOneConfiguration(t *testing.T) {
	main := inDir(t, "r.toml", includes,
		"conf.d/b.toml", "[site.b]\ndocroot = '/b'\nkeep = 7\n",
		"conf.d/a.toml", "listen = ['/run/x.sock']\n[log]\nlevel = 'debug'\n[site.a]\ndocroot = '/a'\n[site.a2]\ndocroot = '/a2'",
		"conf.d/.hidden.toml", "this is not TOML",
		"conf.d/c.toml~", "this is not TOML",
	)
	c, err := Load(main)
	if err != nil {
		t.Fatal(err)
	}
	got := append(c.SiteNames(), string(c.Gateway.Listen[0]), c.Log.Level)
	if diff := cmp.Diff([]string{"a", "a2", "b", "/run/x.sock", "debug"}, got); diff != "" {
		t.Error(diff)
	}
	dir := filepath.Dir(main)
	if diff := cmp.Diff([]string{main, dir + "/conf.d/a.toml", dir + "/conf.d/b.toml"}, c.Files); diff != "" {
		t.Error(diff)
	}
}

func TestAPatternThatFitsNothingIsNoFault(t *testing.T) {
	for _, pattern := range []string{"none.d/*.toml", "conf.d/*.yaml"} {
		main := inDir(t, "r.toml", `include = ["`+pattern+`"]`+"\n"+minimal, "conf.d/a.toml", "no TOML")
		if _, err := Load(main); err != nil {
			t.Errorf("%s: %v", pattern, err)
		}
	}
}

func TestFaultsOfIncludedFilesNameFileAndLine(t *testing.T) {
	for _, tt := range []struct {
		name, main string
		files      []string
		want       string
	}{
		{
			"value", includes,
			[]string{"conf.d/a.toml", "[site.a]\ndocroot = 'a'\n", "conf.d/b.toml", "# b\n\n[site.b]\ndocroot = '/b'\nkepp = 1\n"},
			"DIR/conf.d/a.toml:2: docroot in [site.a]: want an absolute path, not \"a\"\n" +
				"DIR/conf.d/b.toml:5: unknown key \"kepp\" in [site.b]; did you mean \"keep\"?",
		},
		{
			"no TOML", includes + "[site.x]\ndocroot = '/x'",
			[]string{"conf.d/a.toml", "\n[site.a]\ndocroot = /a\n"},
			"DIR/conf.d/a.toml:3: expected value but found '/' instead: are the quotes around a string missing?",
		},
		{
			"duplicate in one file", includes + "[site.x]\ndocroot = '/x'",
			[]string{"conf.d/a.toml", "[site.a]\ndocroot = '/a'\ndocroot = '/b'\n"},
			"DIR/conf.d/a.toml:3: duplicate key site.a.docroot: it is set in line 2 already",
		},
		{
			"site twice", includes,
			[]string{"conf.d/a.toml", "[site.a]\ndocroot = '/a'\n", "conf.d/b.toml", "\n[site.a]\nkeep = 4\n"},
			"DIR/conf.d/b.toml:2: [site.a] is there already, in DIR/conf.d/a.toml:1",
		},
		{
			"pool twice", includes + "[site.a]\ndocroot = '/a'",
			[]string{"conf.d/a.toml", "[pool.www]\nserver = ['/a']"},
			"DIR/conf.d/a.toml:1: [pool.www] is there already, in DIR/r.toml:2",
		},
		{
			"key twice", "listen = ['/a']\n" + includes + "[site.a]\ndocroot = '/a'",
			[]string{"conf.d/a.toml", "listen = ['/b']"},
			"DIR/conf.d/a.toml:1: listen is there already, in DIR/r.toml:1",
		},
		{
			"log twice", includes,
			[]string{"conf.d/a.toml", "[log]\nslow = '1s'\n[site.a]\ndocroot = '/a'", "conf.d/b.toml", "[log]\nlevel = 'info'"},
			"DIR/conf.d/b.toml:1: log is there already, in DIR/conf.d/a.toml:1",
		},
		{
			"docroot twice", includes,
			[]string{"conf.d/a.toml", "[site.a]\ndocroot = '/a'", "conf.d/b.toml", "[site.b]\ndocroot = '/a'"},
			"DIR/conf.d/b.toml:2: docroot in [site.b]: \"/a\" is the docroot of [site.a] already",
		},
		{
			"include in an included file", includes + "[site.a]\ndocroot = '/a'",
			[]string{"conf.d/a.toml", "\ninclude = ['x']"},
			"DIR/conf.d/a.toml:2: include belongs in the main file, DIR/r.toml: an included file includes no other",
		},
		{
			"file that is not there", "include = ['b.toml']\n" + minimal, nil,
			"DIR/r.toml:1: include: read an included file: open DIR/b.toml: no such file or directory",
		},
		{
			"directory", "include = ['*.d']\n" + minimal,
			[]string{"x.d/a", ""},
			"DIR/r.toml:1: include: DIR/x.d is not a file",
		},
		{
			"wrong kind", "include = 'conf.d/*'\n" + minimal, nil,
			`DIR/r.toml:1: include: want a list, as in [ … ], not "conf.d/*"`,
		},
		{
			"bad pattern", "include = ['conf.d/[a']\n" + minimal, nil,
			`DIR/r.toml:1: include: want the path of a file, or a pattern such as "conf.d/*.toml", not "conf.d/[a"`,
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			main := inDir(t, append([]string{"r.toml", tt.main}, tt.files...)...)
			_, err := Load(main)
			if err == nil {
				t.Fatal("no fault was found")
			}
			if got := strings.ReplaceAll(err.Error(), filepath.Dir(main), "DIR"); got != tt.want {
				t.Errorf("got\n%s\nwant\n%s", got, tt.want)
			}
		})
	}
}

// Whoever may write to a file that root reads decides what root does.
func TestAFileThatOthersMayWriteIsNotIncluded(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can give a file away")
	}
	const stranger = 12345
	for name, open := range map[string]func(file string) error{
		"file of another":                func(file string) error { return os.Chown(file, stranger, 0) },
		"file for everybody":             func(file string) error { return os.Chmod(file, 0o646) },
		"file for a group":               func(file string) error { os.Chown(file, 0, stranger); return os.Chmod(file, 0o664) },
		"directory of another":           func(file string) error { return os.Chown(filepath.Dir(file), stranger, 0) },
		"directory for everybody":        func(file string) error { return os.Chmod(filepath.Dir(file), 0o777) },
		"link to a file of another":      func(file string) error { return linkTo(file, stranger, 0o644) },
		"a FIFO, which would never come": func(file string) error { os.Remove(file); return syscall.Mkfifo(file, 0o644) },
	} {
		t.Run(name, func(t *testing.T) {
			main := inDir(t, "r.toml", includes, "conf.d/a.toml", "[site.a]\ndocroot = '/a'")
			if _, err := Load(main); err != nil {
				t.Fatalf("before: %v", err)
			}
			if err := open(filepath.Join(filepath.Dir(main), "conf.d/a.toml")); err != nil {
				t.Fatal(err)
			}
			if _, err := Load(main); err == nil || !strings.Contains(err.Error(), "may be written to by") && !strings.Contains(err.Error(), "is not a file") {
				t.Errorf("got %v", err)
			}
		})
	}
}

// What the owner of the main file includes is no worse than the main file.
func TestTheOwnerOfTheMainFileMayIncludeHisOwn(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can give a file away")
	}
	main := inDir(t, "r.toml", includes, "conf.d/a.toml", "[site.a]\ndocroot = '/a'")
	for _, file := range []string{"r.toml", "conf.d", "conf.d/a.toml"} {
		if err := os.Chown(filepath.Join(filepath.Dir(main), file), 12345, 0); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := Load(main); err != nil {
		t.Error(err)
	}
}

// linkTo replaces a file by a link to it elsewhere, which is somebody's.
func linkTo(file string, uid int, mode os.FileMode) error {
	elsewhere := filepath.Dir(filepath.Dir(file)) + "/elsewhere"
	if err := os.Rename(file, elsewhere); err != nil {
		return err
	}
	if err := os.Chown(elsewhere, uid, 0); err != nil {
		return err
	}
	return os.Symlink(elsewhere, file)
}
