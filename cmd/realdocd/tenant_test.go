package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"realdocd/deploy"
)

// aHost has the docroots of a pattern, on disk, and the file that names it. No daemon runs.
func aHost(t *testing.T, tenants ...string) (dir, file string) {
	t.Helper()
	state := t.TempDir()
	dir = filepath.Join(state, "www")
	for _, tenant := range tenants {
		for _, release := range []string{"1", "2"} {
			if err := os.MkdirAll(filepath.Join(dir, tenant, "releases", release, "public"), 0o755); err != nil {
				t.Fatal(err)
			}
		}
		if err := os.Symlink("releases/1", filepath.Join(dir, tenant, "current")); err != nil {
			t.Fatal(err)
		}
	}
	return dir, configFile(t, "control = ''\nstate_dir = '"+state+"/state'\n[pool.www]\nserver = ['/fpm.sock']\n[site.all]\ndocroot = '"+dir+
		"/*/current/public'\nreleases = '"+dir+"/{1}/releases'\nkeep = 2\n[site.'all/s3']\nkeep = 3\n")
}

func wantLive(t *testing.T, dir, tenant, release string) {
	t.Helper()
	if live, err := os.Readlink(filepath.Join(dir, tenant, "current")); err != nil || filepath.Base(live) != release {
		t.Errorf("%s is live at %s, %v, want %s", live, tenant, err, release)
	}
}

func TestVerbsTakeATenantByItsName(t *testing.T) {
	dir, file := aHost(t, "s1", "s2", "s3")
	for _, tenant := range []string{"s1", "s3"} {
		if code, stdout, stderr := run(t, "flip", "all/"+tenant, "2", "--config", file); code != exitDone {
			t.Fatalf("flip: exit code %d, %s%s", code, stdout, stderr)
		}
		wantLive(t, dir, tenant, "2")
		if code, _, stderr := run(t, "rollback", "all/"+tenant, "--config", file); code != exitDone {
			t.Errorf("rollback: exit code %d, %s", code, stderr)
		}
		wantLive(t, dir, tenant, "1")
		if code, stdout, stderr := run(t, "exec", "all/"+tenant, "--config", file, "--", "pwd"); code != exitDone || stdout != dir+"/"+tenant+"/releases/1\n" {
			t.Errorf("exec: exit code %d, %s%s", code, stdout, stderr)
		}
	}
	wantLive(t, dir, "s2", "1")
	// The history of the one that has settings of its own is where the pattern has it.
	for _, tenant := range []string{"s1", "s3"} {
		if events, err := deploy.NewHistory(filepath.Dir(dir)+"/state", "all").Of(dir + "/" + tenant + "/current"); err != nil || len(events) < 3 {
			t.Errorf("%s has the history %v, %v", tenant, events, err)
		}
	}
}

func TestATenantIsDeployedIntoReleasesOfItsOwn(t *testing.T) {
	dir, file := aHost(t, "s1", "s2")
	source := t.TempDir()
	if err := os.MkdirAll(source+"/public", 0o755); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if code, stdout, stderr := run(t, "deploy", "all/s1", source, "--config", file); code != exitDone {
			t.Fatalf("exit code %d, %s%s", code, stdout, stderr)
		}
	}
	live, err := filepath.EvalSymlinks(dir + "/s1/current")
	if err != nil || filepath.Dir(live) != dir+"/s1/releases" || filepath.Base(live) == "1" {
		t.Errorf("live is %s, %v", live, err)
	}
	wantLive(t, dir, "s2", "1")
	rec, err := deploy.NewRecords(filepath.Dir(dir) + "/state").Of(live)
	if err != nil || rec == nil || rec.Site != "all/s1" {
		t.Errorf("its record is %+v, %v", rec, err)
	}
}

func TestATenantThatIsNotThereIsRefusedWithTheNearName(t *testing.T) {
	_, file := aHost(t, "shop", "blog")
	for args, want := range map[string]string{
		"flip all/shpo 2":       `site all has no "shpo": there is no `,
		"rollback all/blg":      `; did you mean "blog"?`,
		"flip al/shop 2":        `there is no site "al/shop"`,
		"flip all/a/b 2":        `has 1 wildcards, and "a/b" names 2 of them`,
		"exec all/shpo -- true": `; did you mean "shop"?`,
		"deploy all/shpo /tmp":  `; did you mean "shop"?`,
		"flip all 2":            "say which one is meant, as in all/NAME",
		"flip all/shop 2 --docroot /x/current/public": "leave --docroot out",
	} {
		fields := strings.Fields(args)
		at := len(fields)
		if i := strings.Index(args, " -- "); i >= 0 {
			at = len(strings.Fields(args[:i]))
		}
		fields = append(fields[:at:at], append([]string{"--config", file}, fields[at:]...)...)
		if code, _, stderr := run(t, fields...); code == exitDone || !strings.Contains(stderr, want) {
			t.Errorf("%s: exit code %d, %s, want %s", args, code, stderr, want)
		}
	}
}

func TestTheShellCompletesTenants(t *testing.T) {
	dir, file := aHost(t, "s1", "s2")
	for _, row := range [][]string{
		{"all\nall/s3\n:4\n", "flip", ""},
		{"all\nall/s1\nall/s2\nall/s3\n:4\n", "flip", "all/"},
		{"1\n2\n:4\n", "flip", "all/s1", ""},
		{":4\n", "rollback", "all/s1", ""},
	} {
		args := append([]string{"__complete", row[1], "--config", file}, row[2:]...)
		_, stdout, _ := run(t, args...)
		lines := strings.SplitAfter(stdout, "\n")
		if got := strings.Join(sortedButLast(lines), ""); got != row[0] {
			t.Errorf("%q in %s: %q, want %q", row[1:], dir, got, row[0])
		}
	}
}

// sortedButLast sorts lines, but the directive at the end.
func sortedButLast(lines []string) []string {
	lines = slices.DeleteFunc(lines, func(line string) bool { return line == "" })
	slices.Sort(lines[:len(lines)-1])
	return lines
}
