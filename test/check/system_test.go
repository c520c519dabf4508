package check

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/BurntSushi/toml"

	"realdocd/cmd/realdocd/conf"
	"realdocd/cmd/realdocd/doctor"
	"realdocd/cmd/realdocd/logging"
	"realdocd/gateway/fpmconf"
	"realdocd/test/stack"
)

// A checked is the system of the README in a scratch directory: its configuration, its nginx and the
// sample of FPM's pool, each with the paths of this machine.
type checked struct {
	*stack.Stack
	site   *stack.Site
	fpm    *stack.FPM
	config stack.GatewayConfig
	gw     *stack.Gateway
	web    string // a URL; "" without nginx
	binary string // of the daemon
	at     doctor.Surroundings
	etcd   *stack.Etcd // and what [fleet] says, of a host in one
	fleet  stack.Keys
}

// A plan is what a test changes before the system is built.
type plan struct {
	fpm stack.FPMConfig
	web bool // nginx too, and a page was served
	// activated has realdocd get its socket from outside, as from systemd.
	activated bool
	edit      func(text string) string // of realdocd.toml and nginx's configuration
	before    func(*testing.T, *checked)
	after     func(*testing.T, *checked) // once everything runs
}

// control is the directory of the control socket, which PHP must be able to read.
func (c *checked) control() string { return filepath.Join(c.Dir, "realdocd") }

func (c *checked) lib() string { return c.site.Release(1) + "/lib" }

// build starts the system.
func build(t *testing.T, p plan) *checked {
	t.Helper()
	c := &checked{Stack: stack.For(t, "nginx", "php-fpm")}
	var err error
	c.binary, err = stack.Binary()
	mustDo(t, err)
	c.site = c.Site(stack.SiteConfig{Name: "srv/shop"})
	if p.before != nil {
		p.before(t, c)
	}
	age(t, c.site.Dir)
	c.fpm = c.FPM(c.placed(p.fpm))
	edit := func(text string) string {
		text = strings.NewReplacer("/run/php/php8.2-fpm.sock", string(c.fpm.Addr), "/var/www/shop", c.site.Dir,
			"/run/realdocd/realdocd.sock", c.control()+"/sock").Replace(text)
		if p.edit != nil {
			text = p.edit(text)
		}
		return strings.ReplaceAll(text, "DIR", c.Dir)
	}
	c.config = readmeConfig(t, edit)
	c.config.Activated, c.config.Fleet = p.activated, c.fleet
	c.gw = c.Gateway(c.config)
	shareSocket(t, string(c.fpm.Addr), string(c.gw.Addr))
	if p.web {
		c.startWeb(t, edit)
	}
	if p.after != nil {
		p.after(t, c)
	}
	return c
}

// age makes files as old as they are in production: opcache takes none that is younger than two seconds.
func age(t *testing.T, dir string) {
	t.Helper()
	then := time.Now().Add(-time.Hour)
	mustDo(t, filepath.WalkDir(dir, func(file string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			return err
		}
		return os.Chtimes(file, then, then)
	}))
}

// placed is a configuration with DIR in its lines replaced.
func (c *checked) placed(f stack.FPMConfig) stack.FPMConfig {
	for i, line := range f.Pool {
		f.Pool[i] = strings.ReplaceAll(line, "DIR", c.Dir)
	}
	for i, line := range f.Global {
		f.Global[i] = strings.ReplaceAll(line, "DIR", c.Dir)
	}
	for key, value := range f.INI {
		f.INI[key] = strings.ReplaceAll(value, "DIR", c.Dir)
	}
	return f
}

// sampleFPM is FPM with the sample of etc/, and what it says of [global].
func sampleFPM(t *testing.T, more ...string) stack.FPMConfig {
	t.Helper()
	text, err := os.ReadFile("../../etc/php/8.2/fpm/pool.d/realdocd-example.conf")
	mustDo(t, err)
	f := stack.FPMConfig{PM: "dynamic", MaxChildren: 16, INI: map[string]string{}, Global: []string{"process_control_timeout = 30s"}}
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSpace(line)
		if line != "" && !regexp.MustCompile(`^(;|\[|user|group|listen)`).MatchString(line) {
			f.Pool = append(f.Pool, line)
		}
	}
	f.Pool = append(f.Pool, more...)
	return f
}

// block is what the README has of code in a language.
func block(t *testing.T, language string) (all string) {
	t.Helper()
	readme, err := os.ReadFile("../../README.md")
	mustDo(t, err)
	for _, found := range regexp.MustCompile("(?s)```"+language+"\n(.*?)```").FindAllStringSubmatch(string(readme), -1) {
		all += found[1]
	}
	if all == "" {
		t.Fatalf("the README has no block of %s", language)
	}
	return all
}

func readmeConfig(t *testing.T, edit func(string) string) stack.GatewayConfig {
	t.Helper()
	var raw struct {
		Pool, Site map[string]stack.Keys
		Top        stack.Keys // of the tests
	}
	if _, err := toml.Decode(edit(block(t, "toml")), &raw); err != nil {
		t.Fatal(err)
	}
	c := stack.GatewayConfig{Top: stack.Keys{"listen_mode": "0660"}, Pools: raw.Pool, Sites: raw.Site}
	for key, value := range raw.Top {
		c.Top[key] = value
	}
	for _, tables := range []map[string]stack.Keys{c.Pools, c.Sites, {"top": c.Top}} {
		for _, keys := range tables {
			for key, value := range keys {
				if list, is := value.([]any); is {
					keys[key] = texts(list)
				}
			}
		}
	}
	return c
}

func texts(list []any) (all []string) {
	for _, v := range list {
		all = append(all, fmt.Sprint(v))
	}
	return all
}

// shareSocket lets nginx in, as the packaged unit does by running as the web server's user.
func shareSocket(t *testing.T, of, socket string) {
	t.Helper()
	fi, err := os.Stat(of)
	mustDo(t, err)
	if st := fi.Sys().(*syscall.Stat_t); os.Getuid() == 0 {
		mustDo(t, os.Chown(socket, int(st.Uid), int(st.Gid)))
	}
}

// startWeb starts nginx as the README has it, and gets a page.
func (c *checked) startWeb(t *testing.T, edit func(string) string) {
	t.Helper()
	addr := c.FreeAddr()
	text := strings.Replace(edit(block(t, "nginx")), "listen 80;", "listen "+string(addr)+";", 1)
	text = strings.Replace(text, "fastcgi_params;", "/etc/nginx/fastcgi_params;", 1)
	c.Nginx(stack.NginxConfig{HTTP: []string{text}})
	c.web = "http://" + string(addr)
	mustDo(t, stack.Poll(func() error { return c.get("/index.php") }))
}

func (c *checked) get(path string) error {
	resp, err := http.Get(c.web + path)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	_, err = io.Copy(io.Discard, resp.Body)
	return err
}

// examine is realdocd check in this process, which knows the surroundings of a test: they
// are all in its directory, and systemd has no unit of realdocd.
func (c *checked) examine(t *testing.T) []doctor.Finding {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	config, err := conf.Load(c.gw.Config)
	if faults := (*conf.Faults)(nil); errors.As(err, &faults) {
		return []doctor.Finding{doctor.ConfigFault(faults.File, faults.List[0].Line, faults.List[0].Text)}
	}
	mustDo(t, err)
	at := c.at
	at.ConfigFile, at.Root = c.gw.Config, c.Dir+"/root"
	if config.Log.Output != logging.ToStderr {
		at.LogFile = config.Log.Output
	}
	at.Store = doctor.Store{URLs: config.Fleet.Etcd, Password: config.Fleet.Password != ""}
	if at.Program == "" {
		at.Program = c.binary
	}
	if at.Unit == nil {
		at.Unit = map[string]string{}
	}
	return doctor.Examine(ctx, config.Gateway, at)
}

// grave are the faults and the warnings.
func grave(all []doctor.Finding) (some []doctor.Finding) {
	for _, f := range all {
		if f.Severity == doctor.Fault || f.Severity == doctor.Warning {
			some = append(some, f)
		}
	}
	return some
}

// command runs realdocd check as an operator does.
func (c *checked) command(t *testing.T, args ...string) (code int, stdout string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, c.binary, append([]string{"check", "--config", c.gw.Config}, args...)...)
	out, err := cmd.Output()
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		if len(exit.Stderr) > 0 {
			t.Fatalf("realdocd check: %v: %s", err, exit.Stderr)
		}
		return exit.ExitCode(), string(out)
	}
	mustDo(t, err)
	return 0, string(out)
}

func TestCheckIsSilentOnTheSystemOfTheREADME(t *testing.T) {
	c := build(t, plan{fpm: sampleFPM(t), web: true})
	for range 3 {
		if code, stdout := c.command(t); code != 0 || stdout != "" {
			t.Fatalf("exit code %d, and it says\n%s", code, stdout)
		}
	}
	// Each part was really looked at.
	said := map[string]bool{}
	for _, f := range c.examine(t) {
		said[f.ID] = true
	}
	for _, id := range doctor.Kinds(doctor.OK) {
		if id != "status" && !said[id] { // the README's pool has none
			t.Errorf("%q is not among the findings", id)
		}
	}
	// Nothing is left behind: no file, and nothing in opcache.
	for _, dir := range []string{c.control(), os.TempDir()} {
		if left, _ := filepath.Glob(dir + "/realdocd-check-*"); len(left) > 0 {
			t.Errorf("left behind: %q", left)
		}
	}
	mustDo(t, os.WriteFile(c.site.Release(1)+"/public/cached.php",
		[]byte(`<?php echo json_encode(preg_grep('/realdocd-check/', array_keys(opcache_get_status()['scripts'])));`), 0o644))
	resp, err := http.Get(c.web + "/cached.php")
	mustDo(t, err)
	defer resp.Body.Close()
	if body, err := io.ReadAll(resp.Body); err != nil || string(body) != "[]" {
		t.Errorf("opcache has the scripts %s of the check (%v)", body, err)
	}
}

func mustDo(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// stockFPM is PHP-FPM as Debian ships it.
func stockFPM(t *testing.T) stack.FPMConfig {
	t.Helper()
	f := stack.FPMConfig{PM: "dynamic", MaxChildren: 5, AsShipped: true, INI: map[string]string{}}
	files, err := filepath.Glob("/etc/php/*/fpm/php.ini")
	mustDo(t, err)
	if len(files) == 0 {
		return f // another distribution's
	}
	text, err := os.ReadFile(files[len(files)-1])
	mustDo(t, err)
	for _, s := range fpmconf.ParseINI(files[len(files)-1], string(text)) {
		if s.Key != "error_reporting" { // which has names for its numbers
			f.INI[s.Key] = s.Value
		}
	}
	return f
}

func readAll(t *testing.T, resp *http.Response) string {
	t.Helper()
	body, err := io.ReadAll(resp.Body)
	mustDo(t, err)
	return string(body)
}

// On Debian as it is, there is nothing to say: not before the first start, and not later.
func TestCheckHasNothingToSayOfAStockDebian(t *testing.T) {
	c := build(t, plan{fpm: stockFPM(t), web: true})
	wantNothing := func(when string) {
		t.Helper()
		for _, f := range grave(c.examine(t)) {
			t.Errorf("%s it finds %+v", when, f)
		}
	}
	wantNothing("while all runs")
	if code, stdout := c.command(t); code != 0 || stdout != "" {
		t.Errorf("exit code %d, and it says\n%s", code, stdout)
	}
	mustDo(t, c.gw.Stop())
	// A web server that was told of realdocd is reloaded after the start, as one that was not
	// told yet asks PHP-FPM until then.
	later := time.Now().Add(time.Hour)
	mustDo(t, os.Chtimes(c.Dir+"/nginx/nginx.conf", later, later))
	c.machineFile(t, "etc/nginx/nginx.conf", "events {} http { server { root DIR/srv/shop/current/public; location ~ \\.php$ { fastcgi_pass unix:DIR/fpm/sock; } } }\n")
	wantNothing("before the first start")
	if code, stdout := c.command(t, "--json"); code != 0 || !strings.Contains(stdout, `"summary":"no faults in 1 pool and 1 site; realdocd does not run, so what it sees was left out"`) {
		t.Errorf("exit code %d, and it says\n%s", code, stdout)
	}
}

// What a pool sets memory_consumption to has no effect, though PHP shows it, and counts by it.
func TestCheckTellsOpcachesMemoryAsItIs(t *testing.T) {
	c := build(t, plan{fpm: sampleFPM(t, "php_admin_value[opcache.memory_consumption] = 512"), web: true})
	for _, f := range c.examine(t) {
		if f.ID == "opcache" {
			if !strings.Contains(f.What, "free, of 128.0 MiB") {
				t.Errorf("it says %q", f.What)
			}
			return
		}
	}
	t.Error("it says nothing of opcache")
}

// The daemon has its sockets, its port and its log; check tries what serve opens, and finds no
// fault in that they are taken. Nor does the daemon notice anything.
func TestCheckLeavesTheRunningDaemonAlone(t *testing.T) {
	port, err := stack.FreePort()
	mustDo(t, err)
	c := build(t, plan{fpm: sampleFPM(t), edit: top(fmt.Sprintf("metrics = '127.0.0.1:%d'\nspool_dir = '/var/tmp'", port))})
	mark := c.gw.Log.Mark()
	for range 3 {
		for _, f := range grave(c.examine(t)) {
			t.Errorf("it finds %+v", f)
		}
	}
	for _, line := range c.gw.Log.Lines(mark) {
		if e := stack.ParseEvent(line); e.String("level") != "info" {
			t.Errorf("the daemon says %s", line)
		}
	}
	if resp, err := http.Get(fmt.Sprintf("http://127.0.0.1:%d/metrics", port)); err != nil || resp.StatusCode != http.StatusOK {
		t.Errorf("%+v, %v", resp, err)
	}
}

// listen_mode has no effect on a socket that systemd has opened.
func TestCheckLooksAtTheSocketThatWasPassed(t *testing.T) {
	c := build(t, plan{fpm: sampleFPM(t), activated: true, edit: top("listen_mode = '0666'")})
	mustDo(t, os.Chmod(string(c.gw.Addr), 0o660))
	for _, f := range grave(c.examine(t)) {
		t.Errorf("it finds %+v", f)
	}
	mustDo(t, os.Chmod(string(c.gw.Addr), 0o666))
	if found := grave(c.examine(t)); len(found) != 1 || found[0].ID != "listen-world-writable" || found[0].Subject.File != string(c.gw.Addr) {
		t.Errorf("of a socket for everybody it finds %+v", found)
	}
}
