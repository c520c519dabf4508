package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// newSite makes a site with one release and gives its docroot.
func newSite(t *testing.T) (docroot string) {
	t.Helper()
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(dir+"/releases/42/public", 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("releases/42", dir+"/current"); err != nil {
		t.Fatal(err)
	}
	return dir + "/current/public"
}

func siteConfig(t *testing.T, top, fpm string, docroots ...string) (file string) {
	text := fmt.Sprintf("control = ''\nstate_dir = ''\n%s\n[pool.www]\nserver = [%q]\n", top, fpm)
	for i, docroot := range docroots {
		text += fmt.Sprintf("[site.s%d]\ndocroot = %q\n", i, docroot)
	}
	return writeConfig(t, text)
}

func TestCheckOfABadFileNamesEachFaultAndExits1(t *testing.T) {
	file := writeConfig(t, "lisen = []\n"+minimal+"pol = 'www'\n")
	code, stdout, stderr := run(t, "check", "--config", file)
	want := "config  FAILED  " + file + ":1  unknown key \"lisen\"; did you mean \"listen\"?\n" +
		"config  FAILED  " + file + ":7  unknown key \"pol\" in [site.shop]; did you mean \"pool\"?\n" +
		"2 of 2 checks failed; docroots and PHP-FPM were not checked\n"
	if code != exitNo || stdout != want || stderr != "" {
		t.Errorf("exit code %d, stderr %q, stdout\n%s\nwant 1 and\n%s", code, stderr, stdout, want)
	}
}

func TestCheckOfAMissingFileExits1(t *testing.T) {
	code, stdout, _ := run(t, "check", "--config", "/nonexistent/realdocd.toml")
	if code != exitNo || !strings.Contains(stdout, "there is no configuration file /nonexistent/realdocd.toml: name one with --config") {
		t.Errorf("exit code %d, stdout\n%s", code, stdout)
	}
}

func TestCheckSaysThatAllIsWell(t *testing.T) {
	docroot := newSite(t)
	link := filepath.Dir(docroot)
	releases := filepath.Dir(link) + "/releases"
	file := siteConfig(t, "", startFakeFPM(t).addr, docroot, releases+"/*", releases+"/42/public")
	code, stdout, stderr := run(t, "check", "--config", file)
	if code != exitDone || stderr != "" {
		t.Errorf("exit code %d, stderr %q", code, stderr)
	}
	for _, want := range []string{
		"config   ok  " + file,
		"3 sites, 1 pool\n",
		"docroot  ok  " + docroot,
		"link " + link + ", release " + releases + "/42\n",
		"a pattern, which matches 1 directory now\n",
		"has no symlink on its path: it is its own release, and a deploy cannot be seen\n",
		"pool www answers, in ",
		"all well: 5 checks\n",
	} {
		if !strings.Contains(stdout, want) {
			t.Errorf("%q is not in\n%s", want, stdout)
		}
	}
}

func TestCheckNamesEachThingThatFails(t *testing.T) {
	good := newSite(t)
	missing := t.TempDir() + "/current/public"
	fpm := t.TempDir() + "/none.sock"
	file := siteConfig(t, "", fpm, good, missing)
	code, stdout, _ := run(t, "check", "--config", file, "--json")
	if code != exitNo {
		t.Errorf("exit code %d, want 1", code)
	}
	var got report
	if err := json.Unmarshal([]byte(stdout), &got); err != nil {
		t.Fatalf("%v in %s", err, stdout)
	}
	if got.OK || got.Summary != "2 of 4 checks failed" || len(got.Results) != 4 {
		t.Fatalf("got %+v", got)
	}
	link, root := filepath.Dir(good), filepath.Dir(filepath.Dir(good))
	if r := got.Results[1]; !r.OK || r.Kind != "docroot" || r.Site != "s0" || r.Link != link || r.Release != root+"/releases/42" {
		t.Errorf("the good docroot: %+v", r)
	}
	if r := got.Results[2]; r.OK || r.Name != missing || !strings.Contains(r.Detail, "no such file or directory") {
		t.Errorf("the missing docroot: %+v", r)
	}
	if r := got.Results[3]; r.OK || r.Kind != "fpm" || r.Name != fpm || r.Pool != "www" || r.Detail == "" {
		t.Errorf("PHP-FPM: %+v", r)
	}
}
