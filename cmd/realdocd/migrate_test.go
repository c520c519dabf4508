package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"realdocd/cmd/realdocd/conf"
	"realdocd/cmd/realdocd/migrate"
)

// wantTaken wants realdocd to take a configuration, and gives it.
func wantTaken(t *testing.T, text string) conf.Config {
	t.Helper()
	c, err := conf.Parse("realdocd.toml", text)
	if err != nil {
		t.Fatalf("realdocd does not take it: %v\n%s", err, text)
	}
	return c
}

func TestMigrate_TheConfigurationsOfTestdataAreTaken(t *testing.T) {
	cases, err := filepath.Glob("migrate/testdata/*.txt")
	if err != nil || len(cases) == 0 {
		t.Fatalf("no testdata: %v", err)
	}
	for _, file := range cases {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		_, made, _ := strings.Cut(string(text), "-- realdocd.toml --\n")
		if c := wantTaken(t, made); len(c.Gateway.Sites) == 0 {
			t.Errorf("%s has no site", file)
		}
	}
}

func FuzzMigrate_WhateverHasASiteIsTaken(f *testing.F) {
	f.Add("<VirtualHost *>\nDocumentRoot /a\nUseReadlink /\nSetHandler \"proxy:fcgi://b:0\"\nphp_value include_path /a/lib\n</VirtualHost>", "include_path=\".:/a\"\n", "listen=9000\npm.max_children=3\n")
	f.Add("DocumentRoot /b/c\nRealpathEvery 2\nUseReadlink /b\nProxyPass / fcgi://127.0.0.1:9000/", "incpath.search_replace_pattern=/b:/c\n", "listen=127.0.0.1:9000\npm.status_listen=/s\npm.status_path=x?")
	f.Add("VirtualDocumentRoot /a/%0[\nServerName \"a b\"", "", "php_value[include_path]=/a/0")
	f.Fuzz(func(t *testing.T, apache, ini, fpm string) {
		tree := fstest.MapFS{
			"etc/apache2/apache2.conf": {Data: []byte(apache)},
			"etc/php.ini":              {Data: []byte(ini)},
			"etc/fpm.conf":             {Data: []byte("[x]\n" + fpm)},
		}
		if text, err := migrate.TOML(tree, "/etc/apache2", "/etc/php.ini", "/etc/fpm.conf"); err == nil {
			wantTaken(t, text)
		}
	})
}

// apacheTree is a directory of Apache with one host, whose docroot is below the directory.
func apacheTree(t *testing.T) (dir, docroot string) {
	t.Helper()
	dir = t.TempDir()
	docroot = dir + "/www/current/public"
	for _, sub := range []string{"sites-enabled", "www/releases/1/public"} {
		if err := os.MkdirAll(filepath.Join(dir, sub), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	err := os.Symlink("releases/1", dir+"/www/current")
	for file, text := range map[string]string{
		"apache2.conf":            "ServerRoot " + dir + "\nIncludeOptional sites-enabled/*.conf\n",
		"sites-enabled/shop.conf": "<VirtualHost *:80>\nServerName shop\nDocumentRoot " + docroot + "\nRealpathEvery 2\n</VirtualHost>\n",
	} {
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, file), []byte(text), 0o644)
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	return dir, docroot
}

func TestMigrate_PrintsAConfigurationAndChangesNothing(t *testing.T) {
	dir, docroot := apacheTree(t)
	before := listing(t, dir)
	t.Chdir(dir)
	code, stdout, stderr := run(t, "migrate", ".")
	if code != exitDone || stderr != "" {
		t.Fatalf("exit code %d, stderr %q", code, stderr)
	}
	unfolded := strings.ReplaceAll(stdout, "\n#    ", " ") // a long directory's name does not fit into a line
	wantIn(t, unfolded, "[site.shop]\n# "+dir+"/sites-enabled/shop.conf:1:", "\n# link "+dir+"/www/current -> releases/1\n")
	if c := wantTaken(t, stdout); len(c.Gateway.Sites) != 1 || c.Gateway.Sites[0].Docroot != docroot {
		t.Errorf("the sites are %+v", c.Gateway.Sites)
	}
	if after := listing(t, dir); after != before {
		t.Errorf("before\n%s\nafter\n%s", before, after)
	}
}

func listing(t *testing.T, dir string) (list string) {
	t.Helper()
	err := filepath.Walk(dir, func(file string, fi os.FileInfo, err error) error {
		if err == nil {
			list += file + " " + fi.ModTime().String() + "\n"
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return list
}

func TestMigrate_OfNothingIsExitCode1(t *testing.T) {
	dir := t.TempDir()
	for path, want := range map[string]string{
		dir:           "realdocd: there is no virtual host with a DocumentRoot in " + dir + "\n",
		dir + "/none": "realdocd: there is no " + dir + "/none: name a directory such as /etc/apache2, or a file\n",
	} {
		if code, stdout, stderr := run(t, "migrate", path); code != exitNo || stdout != "" || stderr != want {
			t.Errorf("exit code %d, stdout %q, stderr %q, want 1 and %q", code, stdout, stderr, want)
		}
	}
}
