// Package etc_test loads every sample and every manual with the program that it
// is for, so that none can rot.
package etc_test

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/BurntSushi/toml"

	"realdocd/cmd/realdocd/doctor"
	"realdocd/gateway/control"
	"realdocd/gateway/judge"
	"realdocd/test/stack"
)

func TestEtc_NginxLoadsTheSamples(t *testing.T) {
	nginx := stack.PathOf(t, "nginx")
	dir := t.TempDir()
	copyTree(t, "nginx", dir)
	listenOnSockets(t, filepath.Join(dir, "sites-available"), dir)
	uncomment(t, filepath.Join(dir, "sites-available"), "# include ")
	logBelow(t, filepath.Join(dir, "sites-available"), dir)
	// The distribution's own, which the snippet includes.
	write(t, filepath.Join(dir, "fastcgi_params"), "fastcgi_param DOCUMENT_ROOT $document_root;\n")
	conf := filepath.Join(dir, "nginx.conf")
	write(t, conf, fmt.Sprintf(`
pid %[1]s/pid;
error_log stderr warn;
events {}
http {
    access_log off;
    client_body_temp_path %[1]s/body;
    fastcgi_temp_path %[1]s/fastcgi;
    proxy_temp_path %[1]s/proxy;
    scgi_temp_path %[1]s/scgi;
    uwsgi_temp_path %[1]s/uwsgi;
    include conf.d/*.conf;
    include sites-available/*.conf;
}
`, dir))
	out := run(t, exec.Command(nginx, "-t", "-p", dir, "-c", conf, "-e", "stderr"))
	if strings.Contains(out, "[warn]") {
		t.Errorf("nginx -t warns:\n%s", out)
	}
	// What loads but is included from nowhere proves nothing.
	dump := run(t, exec.Command(nginx, "-T", "-p", dir, "-c", conf, "-e", "stderr"))
	for _, file := range files(t, "nginx") {
		if !strings.Contains(dump, "# configuration file "+filepath.Join(dir, strings.TrimPrefix(file, "nginx/"))) {
			t.Errorf("%s was not loaded", file)
		}
	}
}

// listenOnSockets makes the servers in dir listen where anybody may: nginx -t binds,
// and port 80 takes root.
func listenOnSockets(t *testing.T, dir, sockets string) {
	t.Helper()
	n := 0
	for _, file := range files(t, dir) {
		text := regexp.MustCompile(`(?m)^\s*listen [^;]+;`).ReplaceAllStringFunc(read(t, file), func(string) string {
			n++
			return fmt.Sprintf("listen unix:%s/%d;", sockets, n)
		})
		write(t, file, text)
	}
}

// uncomment puts to work what the samples in dir only propose.
func uncomment(t *testing.T, dir, what string) {
	t.Helper()
	for _, file := range files(t, dir) {
		write(t, file, strings.ReplaceAll(read(t, file), what, strings.TrimPrefix(what, "# ")))
	}
}

// logBelow makes the servers in dir log where the test may write.
func logBelow(t *testing.T, dir, logs string) {
	t.Helper()
	for _, file := range files(t, dir) {
		write(t, file, strings.ReplaceAll(read(t, file), "/var/log/nginx", logs))
	}
}

func TestEtc_PHPFPMLoadsThePool(t *testing.T) {
	fpm := stack.PathOf(t, "php-fpm")
	dir := t.TempDir()
	conf := filepath.Join(dir, "php-fpm.conf")
	copyTree(t, "php/8.2/fpm/pool.d", dir)
	write(t, conf, fmt.Sprintf("[global]\npid = %[1]s/pid\nerror_log = %[1]s/log\ninclude = %[1]s/realdocd-*.conf\n", dir))
	out := run(t, exec.Command(fpm, "-tt", "-y", conf))
	log, _ := os.ReadFile(filepath.Join(dir, "log"))
	out += string(log)
	if !strings.Contains(out, "[shop]") {
		t.Errorf("the pool was not loaded:\n%s", out)
	}
	for _, bad := range []string{"WARNING", "ERROR"} {
		if strings.Contains(out, bad) {
			t.Errorf("%s -tt says %s:\n%s", fpm, bad, out)
		}
	}
}

func TestEtc_ApacheLoadsTheSamples(t *testing.T) {
	apache := stack.PathOf(t, "apache2")
	dir := t.TempDir()
	copyTree(t, "apache2", dir)
	var conf strings.Builder
	fmt.Fprintf(&conf, "ServerRoot %q\nServerName localhost\nPidFile %q\nErrorLog /dev/stderr\n", dir, filepath.Join(dir, "pid"))
	for _, module := range []string{"mpm_event", "authz_core", "dir", "proxy", "proxy_fcgi"} {
		for _, modules := range []string{"/usr/lib/apache2/modules", "/usr/lib64/httpd/modules"} {
			file := filepath.Join(modules, "mod_"+module+".so")
			if _, err := os.Stat(file); err == nil {
				fmt.Fprintf(&conf, "LoadModule %s_module %s\n", module, file)
			}
		}
	}
	for _, file := range files(t, "apache2") {
		fmt.Fprintf(&conf, "Include %q\n", filepath.Join(dir, strings.TrimPrefix(file, "apache2/")))
	}
	// Only if the module is there does the sample say anything.
	fmt.Fprintf(&conf, "<IfModule !mod_proxy_fcgi.c>\nError \"mod_proxy_fcgi is not loaded\"\n</IfModule>\n")
	file := filepath.Join(dir, "apache2.conf")
	write(t, file, conf.String())
	out := run(t, exec.Command(apache, "-t", "-f", file))
	if !strings.Contains(out, "Syntax OK") {
		t.Errorf("%s -t says:\n%s", apache, out)
	}
}

func TestEtc_SystemdLoadsTheUnit(t *testing.T) {
	analyze := stack.PathOf(t, "systemd-analyze")
	dir := t.TempDir()
	binary := filepath.Join(dir, "realdocd")
	write(t, binary, "#!/bin/sh\n")
	if err := os.Chmod(binary, 0o755); err != nil {
		t.Fatal(err)
	}
	unit := strings.ReplaceAll(read(t, "systemd/system/realdocd.service"), "/usr/bin/realdocd", binary)
	if !strings.Contains(unit, binary) {
		t.Fatal("the unit does not start /usr/bin/realdocd")
	}
	file := filepath.Join(dir, "realdocd.service")
	write(t, file, unit)
	socket := filepath.Join(dir, "realdocd.socket")
	write(t, socket, read(t, "systemd/system/realdocd.socket"))
	agent := filepath.Join(dir, "realdocd-fleet.service")
	write(t, agent, strings.ReplaceAll(read(t, "systemd/system/realdocd-fleet.service"), "/usr/bin/realdocd", binary))
	if out := run(t, exec.Command(analyze, "verify", "--man=no", file, socket, agent)); strings.Contains(out, "realdocd.") || strings.Contains(out, "realdocd-fleet.") {
		t.Errorf("systemd-analyze verify says:\n%s", out)
	}
}

// 0 is no exposure, 10 all; above 2 a service is no longer "OK" to systemd, and what
// the unit forgoes beyond it, realdocd needs: sockets, and other users' files to read. The agent of a
// fleet renames links of any user, and runs commands as their owners.
func TestTheUnitsAreHardened(t *testing.T) {
	for unit, most := range map[string]float64{"realdocd.service": 2, "realdocd-fleet.service": 4.2} {
		analyze := stack.PathOf(t, "systemd-analyze")
		out := run(t, exec.Command(analyze, "security", "--offline=yes", "--no-pager", "systemd/system/"+unit))
		found := regexp.MustCompile(`Overall exposure level for ` + unit + `: ([0-9.]+) `).FindStringSubmatch(out)
		if found == nil {
			t.Fatalf("systemd-analyze security says:\n%s", out)
		}
		if level, err := strconv.ParseFloat(found[1], 64); err != nil || level > most {
			t.Errorf("the exposure of %s is %s:\n%s", unit, found[1], out)
		}
	}
}

// A right that a root process keeps is one that somebody has a reason for.
func TestTheAgentsUnitSaysWhatEachOfItsRightsIsFor(t *testing.T) {
	text := read(t, "systemd/system/realdocd-fleet.service")
	rights := regexp.MustCompile(`(?m)^CapabilityBoundingSet=(.+)$`).FindStringSubmatch(text)
	if rights == nil {
		t.Fatal("the unit bounds no capabilities")
	}
	for _, right := range strings.Fields(rights[1]) {
		name := strings.TrimPrefix(right, "CAP_")
		if !regexp.MustCompile(`(?m)^#   ([A-Z_]+ )*` + name + `( [A-Z_]+)* +to |(?m)^#   ` + name + ` +for `).MatchString(text) {
			t.Errorf("the unit does not say what %s is for", right)
		}
	}
	for _, open := range []string{"NoNewPrivileges", "RestrictSUIDSGID", "MemoryDenyWriteExecute", "IPAddressDeny"} {
		if !strings.Contains(text, "("+open+"=)") {
			t.Errorf("the unit does not say why %s= is left out", open)
		}
	}
}

func TestEtc_UnitWaitsLongerThanTheGateway(t *testing.T) {
	stop := regexp.MustCompile(`(?m)^TimeoutStopSec=(\d+)s$`).FindStringSubmatch(read(t, "systemd/system/realdocd.service"))
	shutdown := regexp.MustCompile(`(?m)^shutdown_timeout = "(\d+)s"$`).FindStringSubmatch(read(t, sampleTOML))
	if stop == nil || shutdown == nil {
		t.Fatalf("TimeoutStopSec %q, shutdown_timeout %q: want both in seconds", stop, shutdown)
	}
	if len(stop[1]) < len(shutdown[1]) || len(stop[1]) == len(shutdown[1]) && stop[1] <= shutdown[1] {
		t.Errorf("TimeoutStopSec=%ss is not above shutdown_timeout %ss", stop[1], shutdown[1])
	}
}

const sampleTOML = "realdocd/realdocd.toml"

func TestEtc_RealdocdTakesTheConfiguration(t *testing.T) {
	binary := filepath.Join(t.TempDir(), "realdocd")
	run(t, exec.Command("go", "build", "-buildvcs=false", "-o", binary, "realdocd/cmd/realdocd"))
	// It exits with 1, since there is neither the site nor its PHP-FPM: all
	// that counts is what it says of the file.
	out, err := exec.Command(binary, "check", "--config", sampleTOML).CombinedOutput()
	if exit, ok := err.(*exec.ExitError); err != nil && (!ok || exit.ExitCode() != 1) {
		t.Fatalf("realdocd check: %v\n%s", err, out)
	}
	if bytes.Contains(out, []byte("config-fault")) || !bytes.Contains(out, []byte("site shop")) {
		t.Errorf("realdocd check finds faults in the sample:\n%s", out)
	}
}

// Every key of the sample is in the manual, and the other way round.
func TestEtc_ManualHasTheKeysOfTheSample(t *testing.T) {
	var sample map[string]any
	if _, err := toml.DecodeFile(sampleTOML, &sample); err != nil {
		t.Fatal(err)
	}
	want := keysOf("", sample)

	var have []string
	table := ""
	section := regexp.MustCompile(`^\.Ss The tables? \[(\w+)`)
	for line := range strings.Lines(read(t, "man/realdocd.toml.5")) {
		if found := section.FindStringSubmatch(line); found != nil {
			table = found[1] + "."
		}
		if key, ok := strings.CutPrefix(line, ".It Ic "); ok {
			have = append(have, table+strings.TrimSpace(key))
		}
	}
	slices.Sort(want)
	slices.Sort(have)
	if !slices.Equal(want, have) {
		t.Errorf("keys of the sample\n%q\nkeys of the manual\n%q", want, have)
	}
}

// keysOf names the keys of a table as "pool.server": the names of pools and of
// sites are left out.
func keysOf(prefix string, table map[string]any) []string {
	var keys []string
	for key, value := range table {
		sub, isTable := value.(map[string]any)
		switch {
		case !isTable:
			keys = append(keys, prefix+key)
		case prefix == "" && (key == "pool" || key == "site"):
			for _, named := range sub {
				keys = append(keys, keysOf(key+".", named.(map[string]any))...)
			}
		default:
			keys = append(keys, keysOf(prefix+key+".", sub)...)
		}
	}
	return keys
}

// What the manual promises to keep is what the API has.
func TestEtc_ManualHasTheFieldsOfTheControlAPI(t *testing.T) {
	_, section, _ := strings.Cut(read(t, "man/realdocd.8"), ".Sh CONTROL API\n")
	for _, part := range []struct {
		of   string
		kind reflect.Type
	}{
		{"The state of the daemon", reflect.TypeFor[control.Status]()},
		{"A fleet", reflect.TypeFor[control.FleetReport]()},
		{"In the state of the daemon it", reflect.TypeFor[control.FleetStatus]()},
		{"A standing", reflect.TypeFor[control.FleetStanding]()},
		{"A retiring process", reflect.TypeFor[control.RetiringStatus]()},
		{"A pool", reflect.TypeFor[control.PoolStatus]()},
		{"A server", reflect.TypeFor[control.ServerStatus]()},
		{"A site", reflect.TypeFor[control.SiteStatus]()},
		{"A maintenance", reflect.TypeFor[control.Maintenance]()},
		{"A trial", reflect.TypeFor[control.TrialStatus]()},
		{"A verdict", reflect.TypeFor[judge.Verdict]()},
		{"A side of a verdict", reflect.TypeFor[judge.Side]()},
		{"A preview", reflect.TypeFor[control.PreviewLink]()},
		{"A note", reflect.TypeFor[control.Note]()},
		{"A site in detail", reflect.TypeFor[control.SiteDetail]()},
		{"A docroot", reflect.TypeFor[control.DocrootStatus]()},
		{"A release", reflect.TypeFor[control.ReleaseStatus]()},
		{"Somebody inside", reflect.TypeFor[control.Occupant]()},
		{"An entry of the history", reflect.TypeFor[control.HistoryEntry]()},
		{"A result of a warm-up", reflect.TypeFor[control.WarmResult]()},
		{"The headroom", reflect.TypeFor[control.Headroom]()},
		{"What PHP remembers", reflect.TypeFor[control.PHPMemory]()},
		{"A result of compiling", reflect.TypeFor[control.CompiledResult]()},
		{"A result of making room", reflect.TypeFor[control.RoomResult]()},
		{"A result of forgetting", reflect.TypeFor[control.ForgottenResult]()},
		{"The configuration", reflect.TypeFor[control.Configuration]()},
		{"A table", reflect.TypeFor[control.ConfigTable]()},
		{"The readiness", reflect.TypeFor[control.Readiness]()},
		{"A check", reflect.TypeFor[control.Check]()},
		{"What runs", reflect.TypeFor[control.Requests]()},
		{"A request that runs", reflect.TypeFor[control.RunningRequest]()},
		{"The view", reflect.TypeFor[control.View]()},
		{"A directory", reflect.TypeFor[control.DirectoryView]()},
		{"A request that was seen", reflect.TypeFor[control.SeenRequest]()},
		{"A site without a request", reflect.TypeFor[control.UnseenSite]()},
		{"A docroot that is not resolved", reflect.TypeFor[control.UnresolvedDocroot]()},
		{"A refusal that was seen", reflect.TypeFor[control.SeenRefusal]()},
		{"The entry of a command", reflect.TypeFor[control.CommandEnv]()},
	} {
		_, list, _ := strings.Cut(section, "\n"+part.of+" has")
		list, _, _ = strings.Cut(list, ".El\n")
		var have, want []string
		for line := range strings.Lines(list) {
			if fields, ok := strings.CutPrefix(line, ".It Li "); ok {
				have = append(have, strings.Split(strings.TrimSpace(fields), " , ")...)
			}
		}
		for i := range part.kind.NumField() {
			name, _, _ := strings.Cut(part.kind.Field(i).Tag.Get("json"), ",")
			if name != "" { // embedded, or not part of the JSON
				want = append(want, name)
			}
		}
		slices.Sort(have)
		slices.Sort(want)
		if !slices.Equal(have, want) {
			t.Errorf("%s has in the manual\n%q\nand in the API\n%q", part.of, have, want)
		}
	}
}

// The page on moving maps all that there was, to keys that there are.
func TestEtc_MigrationPageMapsWhatThereWasToWhatThereIs(t *testing.T) {
	page, keys := read(t, "man/realdocd-migrate.7"), read(t, "man/realdocd.toml.5")
	mapped, _, _ := strings.Cut(page, ".Sh SWITCHING OVER")
	for _, was := range []string{
		"RealpathEvery", "UseReadlink On", "UseReadlink Ar /prefix", "LoadModule realdoc_module",
		"incpath.docroot_sapi_list", "incpath.realpath_sapi_list", "incpath.search_replace_pattern", "php_value", "php_admin_value",
	} {
		if !regexp.MustCompile(`(?m)^\.It Li (\w+ , )?` + regexp.QuoteMeta(was) + `\b`).MatchString(mapped) {
			t.Errorf("%s is mapped nowhere", was)
		}
	}
	named := regexp.MustCompile(`(?m)^\.Ic (\w+)`).FindAllStringSubmatch(page, -1)
	if len(named) == 0 {
		t.Error("the page names no key")
	}
	for _, key := range named {
		if !strings.Contains(keys, ".It Ic "+key[1]+"\n") {
			t.Errorf("there is no key %s", key[1])
		}
	}
}

// What check may find is in its manual, under the heading of its severity.
func TestEtc_ManualHasTheFindingsOfCheck(t *testing.T) {
	page := read(t, "man/realdocd-check.8")
	for severity, heading := range map[doctor.Severity]string{
		doctor.Fault: "FAULTS", doctor.Warning: "WARNINGS", doctor.Note: "NOTES", doctor.OK: "NOTES",
	} {
		_, section, _ := strings.Cut(page, ".Sh "+heading+"\n")
		section, _, _ = strings.Cut(section, ".Sh ")
		var have []string
		for line := range strings.Lines(section) {
			if id, is := strings.CutPrefix(line, ".It Li "); is {
				have = append(have, strings.TrimSpace(id))
			}
		}
		want := slices.Clone(doctor.Kinds(severity))
		if heading == "NOTES" {
			want = slices.Concat(doctor.Kinds(doctor.Note), doctor.Kinds(doctor.OK))
		}
		slices.Sort(have)
		slices.Sort(want)
		if !slices.Equal(have, want) {
			t.Errorf("%s has\n%q\nand there are\n%q", heading, have, want)
		}
	}
}

// The README says how much check looks for.
func TestEtc_ReadmeHasTheNumberOfFindings(t *testing.T) {
	want := len(doctor.Kinds(doctor.Fault)) + len(doctor.Kinds(doctor.Warning))
	said := regexp.MustCompile(`(\d+) faults and warnings`).FindAllStringSubmatch(read(t, "../README.md"), -1)
	if len(said) != 1 || said[0][1] != strconv.Itoa(want) {
		t.Errorf("the README has %q, want it to say once that there are %d faults and warnings", said, want)
	}
}

func TestEtc_ManualsAreClean(t *testing.T) {
	mandoc := stack.PathOf(t, "mandoc")
	pages := files(t, "man")
	if len(pages) == 0 {
		t.Fatal("there is no manual")
	}
	for _, page := range pages {
		t.Run(filepath.Base(page), func(t *testing.T) {
			copied := filepath.Join(t.TempDir(), filepath.Base(page))
			write(t, copied, read(t, page))
			// At "style" it also wants every manual that is referred to installed.
			out, err := exec.Command(mandoc, "-T", "lint", "-W", "warning", copied).CombinedOutput()
			if err != nil || len(bytes.TrimSpace(out)) > 0 {
				t.Errorf("mandoc -T lint: %v\n%s", err, out)
			}
		})
	}
}

// run fails the test with the output of a command that fails.
func run(t *testing.T, cmd *exec.Cmd) string {
	t.Helper()
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", strings.Join(cmd.Args, " "), err, out)
	}
	return string(out)
}

func read(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func write(t *testing.T, file, text string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func files(t *testing.T, dir string) []string {
	t.Helper()
	var found []string
	err := filepath.WalkDir(dir, func(file string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() {
			found = append(found, file)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func copyTree(t *testing.T, from, to string) {
	t.Helper()
	if err := os.CopyFS(to, os.DirFS(from)); err != nil {
		t.Fatal(err)
	}
}
