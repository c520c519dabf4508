package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"realdocd/cmd/realdocd/doctor"
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
	dir := t.TempDir()
	if !strings.Contains(top, "listen =") {
		top += "\nlisten = ['" + dir + "/web.sock']"
	}
	text := fmt.Sprintf("control = '%s/control.sock'\nstate_dir = ''\n%s\n[pool.www]\nserver = [%q]\nreuse = 'off'\nmax_conns = 0\n", dir, top, fpm)
	for i, docroot := range docroots {
		text += fmt.Sprintf("[site.s%d]\ndocroot = %q\n", i, docroot)
	}
	return writeConfig(t, text)
}

const minimal = `
[pool.www]
server = ["/run/php/php8.2-fpm.sock"]
[site.shop]
docroot = "/var/www/shop/current/public"
`

func writeConfig(t *testing.T, text string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "realdocd.toml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func TestCheckOfABadFileNamesEachFaultAndExits78(t *testing.T) {
	file := writeConfig(t, "lisen = []\n"+minimal+"pol = 'www'\n")
	want := "fault   config-fault: " + file + ":1\n" +
		"        unknown key \"lisen\"; did you mean \"listen\"?\n" +
		"        Correct the file: see realdocd.toml(5).\n" +
		"fault   config-fault: " + file + ":7\n" +
		"        unknown key \"pol\" in [site.shop]; did you mean \"pool\"?\n" +
		"        Correct the file: see realdocd.toml(5).\n" +
		"2 faults in the configuration; nothing else was checked\n"
	for _, args := range [][]string{nil, {"--config-only"}} {
		code, stdout, stderr := run(t, append([]string{"check", "--config", file}, args...)...)
		if code != exitConfig || stdout != want || stderr != "" {
			t.Errorf("%q: exit code %d, stderr %q, stdout\n%s\nwant 78 and\n%s", args, code, stderr, stdout, want)
		}
	}
}

// Neither the docroot nor PHP-FPM is there, and nobody asks for them: --config-only is for
// machines that have the file alone.
func TestCheckOfTheConfigurationAloneLooksAtNothingElse(t *testing.T) {
	file := siteConfig(t, "", t.TempDir()+"/none.sock", t.TempDir()+"/current/public")
	if code, stdout, stderr := run(t, "check", "--config-only", "--config", file); code != exitDone || stdout != "" || stderr != "" {
		t.Errorf("exit code %d, stdout %q, stderr %q", code, stdout, stderr)
	}
	_, stdout, _ := run(t, "check", "--config-only", "--config", file, "--json")
	var got report
	if err := json.Unmarshal([]byte(stdout), &got); err != nil || got.Summary != "no faults in 1 pool and 1 site" || got.Findings == nil || len(got.Findings) > 0 {
		t.Errorf("%v: %s", err, stdout)
	}
}

func TestCheckOfAMissingFileExits78(t *testing.T) {
	code, stdout, _ := run(t, "check", "--config", "/nonexistent/realdocd.toml")
	if code != exitConfig || !strings.Contains(stdout, "there is no configuration file /nonexistent/realdocd.toml: name one with --config") {
		t.Errorf("exit code %d, stdout\n%s", code, stdout)
	}
}

// Before the first start there is no daemon. The last line says so, and it is not a fault.
func TestCheckWithWarningsOnlyExits0(t *testing.T) {
	fpm := startFakeFPM(t)
	close(fpm.hold) // it answers, and not as the probe does
	file := siteConfig(t, "", fpm.addr, newSite(t))
	code, stdout, stderr := run(t, "check", "--config", file)
	if code != exitDone || stderr != "" {
		t.Errorf("exit code %d, stderr %q", code, stderr)
	}
	wantIn(t, stdout, "\n1 warning in 1 pool and 1 site; realdocd does not run, so what it sees was left out\n",
		"warning fpm-mute: pool www, server "+fpm.addr+"\n")
	for _, other := range []string{"fault ", "note ", "ok "} {
		if strings.Contains(stdout, "\n"+other) || strings.HasPrefix(stdout, other) {
			t.Errorf("it shows a %sin\n%s", other, stdout)
		}
	}
	_, stdout, _ = run(t, "check", "--config", file, "--verbose")
	wantIn(t, stdout, "note    daemon-not-asked: realdocd\n", "systemctl start realdocd", "note    status-none: pool www\n", "ok      docroot: site s0\n", "ok      fpm: pool www, server ")
}

func TestCheckNamesEachThingThatIsWrong(t *testing.T) {
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
	if got.Summary != "2 faults in 1 pool and 2 sites; realdocd does not run, so what it sees was left out" || got.Counts.Faults != 2 || got.Counts.Warnings != 0 || got.Counts.OK == 0 ||
		got.Pools != 1 || got.Sites != 2 || len(got.Findings) != 2 {
		t.Fatalf("got %+v", got)
	}
	want := map[string]doctor.Subject{"docroot-unresolved": {Site: "s1"}, "fpm-missing": {Pool: "www", Server: fpm}}
	for _, f := range got.Findings {
		if subject, is := want[f.ID]; !is || f.Subject != subject || f.What == "" || f.Do == "" {
			t.Errorf("got %+v", f)
		}
	}
	_, stdout, _ = run(t, "check", "--config", file, "--json", "--verbose")
	if err := json.Unmarshal([]byte(stdout), &got); err != nil || len(got.Findings) != got.Counts.Faults+got.Counts.Warnings+got.Counts.Notes+got.Counts.OK {
		t.Errorf("%v: with --verbose it has %d findings of %+v", err, len(got.Findings), got.Counts)
	}
}

func TestAReportIsSilentWhereNobodyWaitsForOne(t *testing.T) {
	r := report{Summary: "no faults in 1 pool and 1 site"}
	for awaited, want := range map[bool]string{false: "", true: r.Summary + "\n"} {
		var out strings.Builder
		if err := r.write(&out, awaited); err != nil || out.String() != want {
			t.Errorf("awaited %v: %q, %v", awaited, out.String(), err)
		}
	}
}
