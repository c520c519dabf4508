package install

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"realdocd/test/stack"
)

// An engine is podman with images and containers of its own. There is no network in them,
// and no limit: that would take a cgroup hierarchy.
type engine struct {
	t   *testing.T
	dir string
}

// withoutLimits are for a machine that is a container itself.
var withoutLimits = []string{"--network=none", "--cgroups=disabled", "--ulimit=nofile=4096:4096", "--ulimit=nproc=1000:1000"}

const podman = `mount -t cgroup2 none /sys/fs/cgroup; exec /usr/bin/podman "$@"`

// newEngine builds the image of etc/container, as that says.
func newEngine(t *testing.T) *engine {
	t.Helper()
	stack.NeedRoot(t, "a container")
	stack.Need(t, "buildah", "podman", "crun", "catatonit")
	b := build(t)
	dir, err := os.MkdirTemp("/tmp", "rdpod") // podman's limit is 50 characters
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	e := &engine{t, dir}
	if err := inTree(b.tree, "make container"); err != nil {
		t.Fatal(err)
	}
	command(t, b.tree, "buildah", "bud", "--isolation", "chroot", "--storage-driver", "vfs", "--root", e.dir+"/root", "--runroot", e.dir+"/run",
		"-t", "realdocd", "-f", "etc/container/Containerfile", "dist/container")
	if said, err := e.try(slices.Concat([]string{"run", "--rm"}, withoutLimits, []string{"realdocd", "version"})...); err != nil {
		stack.Unproven(t, fmt.Sprintf("podman cannot run a container here: %v: %s", err, said))
	}
	return e
}

func (e *engine) command(args ...string) *exec.Cmd {
	own := []string{"-m", "bash", "-c", podman, "podman", "--root", e.dir + "/root", "--runroot", e.dir + "/run", "--storage-driver", "vfs", "--cgroup-manager", "cgroupfs", "--runtime", "crun"}
	return exec.Command("unshare", append(own, args...)...)
}

// try goes by a file: what watches a container has a pipe open as long as that runs.
func (e *engine) try(args ...string) (string, error) {
	said, err := os.CreateTemp(e.dir, "said")
	if err != nil {
		return "", err
	}
	defer os.Remove(said.Name())
	defer said.Close()
	cmd := e.command(args...)
	cmd.Stdout, cmd.Stderr = said, said
	ended := cmd.Run()
	out, err := os.ReadFile(said.Name())
	return strings.TrimSpace(string(out)), cmp.Or(ended, err)
}

func (e *engine) do(args ...string) string {
	e.t.Helper()
	said, err := e.try(args...)
	if err != nil {
		e.t.Fatalf("podman %v: %v\n%s", args, err, said)
	}
	return said
}

// script is a podman for scripts, in a directory for the PATH.
func (e *engine) script() string {
	e.t.Helper()
	dir := e.t.TempDir()
	text := fmt.Sprintf("#!/bin/bash\nexec unshare -m bash -c '%s' podman --root %[2]s/root --runroot %[2]s/run --storage-driver vfs --cgroup-manager cgroupfs --runtime crun \"$@\"\n", podman, e.dir)
	if err := os.WriteFile(dir+"/podman", []byte(text), 0o755); err != nil {
		e.t.Fatal(err)
	}
	return dir
}

// A pod is a site on PHP-FPM, with what containers share. PHP-FPM and the web server are this
// machine's, which sees the volumes as directories.
type pod struct {
	*stack.Stack
	*engine
	t       *testing.T
	site    *stack.Site
	sockets string
	volumes []string
	config  string
}

func newPod(t *testing.T) *pod {
	t.Helper()
	s := stack.For(t, "php-fpm", "nginx")
	p := &pod{Stack: s, engine: newEngine(t), t: t, site: s.Site(stack.SiteConfig{})}
	fpm := s.FPM(stack.FPMConfig{})
	p.sockets, p.config = t.TempDir(), t.TempDir()+"/realdocd.toml"
	state, probe := t.TempDir(), t.TempDir()
	for dir := p.sockets; dir != "/tmp"; dir = filepath.Dir(dir) { // the workers of nginx and PHP-FPM pass
		os.Chmod(dir, 0o755)
	}
	for _, dir := range []string{p.sockets, state, probe} {
		if err := os.Chmod(dir, 0o777|os.ModeSticky); err != nil {
			t.Fatal(err)
		}
	}
	text, err := os.ReadFile("../../etc/container/realdocd.toml")
	if err != nil {
		t.Fatal(err)
	}
	text = bytes.Replace(text, []byte("/run/php/php-fpm.sock"), []byte("/run/php/"+filepath.Base(string(fpm.Addr))), 1)
	text = bytes.Replace(text, []byte("/var/www/*/current/public"), []byte(p.site.DocRoot()), 1)
	text = bytes.Replace(text, []byte("/run/probe"), []byte(probe), 1)
	text = fmt.Appendf(text, "include_path = %q\n", p.site.IncludePath())
	if err := os.WriteFile(p.config, text, 0o644); err != nil {
		t.Fatal(err)
	}
	p.volumes = []string{
		"-v", p.sockets + ":/run/realdocd", "-v", state + ":/var/lib/realdocd", "-v", p.config + ":/etc/realdocd/realdocd.toml:ro",
		"-v", filepath.Dir(string(fpm.Addr)) + ":/run/php", "-v", p.site.Dir + ":" + p.site.Dir + ":ro", "-v", probe + ":" + probe,
	}
	return p
}

// run starts a container, and returns when realdocd serves in it.
func (p *pod) run(name string, more ...string) {
	p.t.Helper()
	args := []string{"run", "-d", "--name", name, "--hostname", name, "--read-only", "--read-only-tmpfs=false", "--stop-timeout=40"}
	p.do(slices.Concat(args, withoutLimits, p.volumes, more, []string{"realdocd"})...)
	p.t.Cleanup(func() {
		if p.t.Failed() {
			said, _ := p.try("logs", name)
			p.t.Logf("--- %s says\n%s", name, said)
		}
		p.try("rm", "-f", "-t", "1", name)
	})
	stack.Until(p.t, name+" serves", func() bool { _, err := p.try("exec", name, "/usr/bin/realdocd", "status"); return err == nil })
}

// replace is the script of the examples.
func (p *pod) replace(args ...string) error {
	cmd := exec.Command("../../etc/container/replace.sh", append([]string{p.sockets}, args...)...)
	cmd.Env = append(os.Environ(), "PATH="+p.script()+":"+os.Getenv("PATH"))
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%w: %s", err, out)
	}
	return nil
}

// running says whether a container runs.
func (p *pod) running(name string) bool {
	return p.do("inspect", "--format", "{{.State.Running}}", name) == "true"
}

// Each of the ways that realdocd's container may be run: any user, nothing to write but the
// volumes, no /tmp. With an init, and without one, an upgrade must not end it.
func TestContainer_ServesAndIsUpgradedAndReplacedWithoutAGap(t *testing.T) {
	p := newPod(t)
	p.run("one", "--user", "4711:4711")
	if err := p.replace("one"); err != nil {
		t.Fatal(err)
	}
	web := p.Nginx(stack.NginxConfig{Servers: []stack.NginxServer{
		{Root: p.site.DocRoot(), Backend: stack.Addr(p.sockets + "/realdocd.sock"), KeepAlive: 8},
		{Root: p.site.DocRoot(), Backend: stack.Addr(p.sockets + "/realdocd.sock")},
	}})
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	traffic := stack.Load{URLs: []string{web.URL(0, "/index.php?pause=0"), web.URL(1, "/index.php?pause=0")}, Post: true}.Start(ctx)
	p.More(traffic, 50)
	p.reloads("one")

	for _, c := range []struct {
		name, before string
		how          []string
	}{
		{"two", "one", []string{"--user", "0:0", "--init", "--init-path", stack.PathOf(t, "catatonit")}},
		{"three", "two", []string{"--user", "65532:65532"}},
	} {
		p.run(c.name, c.how...)
		if err := p.replace(c.name, c.before); err != nil {
			t.Fatal(err)
		}
		p.More(traffic, 50)
		if p.running(c.before) {
			t.Errorf("%s runs still", c.before)
		}
		if code := p.do("inspect", "--format", "{{.State.ExitCode}}", c.before); code != "0" {
			t.Errorf("%s has ended with %s", c.before, code)
		}
		p.upgrades(c.name)
		p.More(traffic, 50)
	}
	stop()
	tally := traffic.Wait()
	t.Logf("2 replacements, 2 upgrades and a reload: %v", tally)
	if tally.Failed > 0 || tally.Torn > 0 {
		t.Errorf("want none failed and none torn: %v", tally)
	}
}

// reloads has a container take a configuration, and refuse one.
func (p *pod) reloads(name string) {
	p.t.Helper()
	text, err := os.ReadFile(p.config)
	if err != nil {
		p.t.Fatal(err)
	}
	p.do("exec", name, "/usr/bin/realdocd", "reload")
	p.write(append(text, "lisen = ''\n"...))
	said, err := p.try("exec", name, "/usr/bin/realdocd", "reload")
	if exit, ok := err.(*exec.ExitError); !ok || exit.ExitCode() != 78 || !strings.Contains(said, `unknown key "lisen"`) {
		p.t.Errorf("a reload with a faulty file: %v: %s", err, said)
	}
	p.write(text)
}

// write writes into the file, which is mounted.
func (p *pod) write(text []byte) {
	p.t.Helper()
	if err := os.WriteFile(p.config, text, 0o644); err != nil {
		p.t.Fatal(err)
	}
}

// upgrades has a new process take over in a container, which runs on.
func (p *pod) upgrades(name string) {
	p.t.Helper()
	p.do("kill", "--signal", "USR2", name)
	stack.Until(p.t, "a new process serves in "+name, func() bool {
		said, _ := p.try("logs", name)
		return strings.Contains(said, "this process stays for who has started it")
	})
	if !p.running(name) {
		p.t.Errorf("the upgrade has ended %s", name)
	}
}

// The default stop time of podman and docker is below shutdown_timeout; the one that is
// documented is not.
func TestContainer_StopsWhenItsRequestsHaveEnded(t *testing.T) {
	p := newPod(t)
	p.run("slow", "--user", "4711:4711")
	web := p.Nginx(stack.NginxConfig{Servers: []stack.NginxServer{{Root: p.site.DocRoot(), Backend: stack.Addr(p.sockets + "/slow.sock")}}})
	answered := make(chan string, 1)
	go func() {
		out, err := exec.Command("curl", "-sS", "-o", "/dev/null", "-w", "%{http_code}", web.URL(0, "/index.php?pause=60000")).CombinedOutput()
		answered <- fmt.Sprint(string(out), err)
	}()
	stack.Until(t, "the request runs", func() bool {
		said, _ := p.try("exec", "slow", "/usr/bin/realdocd", "status", "--json")
		return strings.Contains(said, `"running": 1`)
	})
	began := time.Now()
	p.do("stop", "slow")
	if got := <-answered; got != "200<nil>" {
		t.Errorf("the request that ran got %s", got)
	}
	if code := p.do("inspect", "--format", "{{.State.ExitCode}}", "slow"); code != "0" {
		t.Errorf("it has ended with %s after %v", code, time.Since(began))
	}
}

// The samples beside the image fit it, and each other.
func TestContainer_TheSamplesFitTogether(t *testing.T) {
	stack.Need(t, "nginx", "php-fpm", "python3-yaml")
	const dir = "../../etc/container/"
	text := command(t, dir, "python3", "-c", "import json, yaml; print(json.dumps(yaml.safe_load(open('compose.yaml'))))")
	var compose struct {
		Services map[string]struct {
			Volumes     []string
			Hostname    string
			StopTimeout string `json:"stop_grace_period"`
			ReadOnly    bool   `json:"read_only"`
		}
	}
	if err := json.Unmarshal([]byte(text), &compose); err != nil {
		t.Fatal(err)
	}
	seenAt := map[string]map[string]string{} // where a service sees what
	for name, service := range compose.Services {
		seenAt[name] = map[string]string{}
		for _, volume := range service.Volumes {
			what, where, _ := strings.Cut(volume, ":")
			seenAt[name][what], _, _ = strings.Cut(where, ":")
			if _, err := os.Stat(dir + what); err != nil && strings.Contains(filepath.Base(what), ".") {
				t.Errorf("%s mounts %s, which is no sample", name, what)
			}
		}
	}
	for _, name := range []string{"blue", "green"} {
		service := compose.Services[name]
		if stop, err := time.ParseDuration(service.StopTimeout); err != nil || stop <= 30*time.Second || !service.ReadOnly || service.Hostname != name {
			t.Errorf("%s is %+v", name, service)
		}
		for what, where := range map[string]string{"./www": "/var/www", "./sockets": "/run/realdocd", "./probe": "/run/probe", "./php": "/run/php"} {
			for _, other := range []string{name, "php", "nginx"} {
				if has, sees := seenAt[other][what]; sees && has != where || other == name && !sees {
					t.Errorf("%s sees %s at %q, want %s", other, what, has, where)
				}
			}
		}
	}
	test := t.TempDir()
	server, err := os.ReadFile(dir + "nginx.conf")
	if err != nil {
		t.Fatal(err)
	}
	server = bytes.Replace(server, []byte("include fastcgi_params"), []byte("include /etc/nginx/fastcgi_params"), 1)
	server = bytes.Replace(server, []byte("listen 80"), []byte("listen unix:"+test+"/listen"), 1)
	whole := fmt.Sprintf("pid %[1]s/pid; error_log stderr; events {} http { %[2]s }", test, server)
	if err := os.WriteFile(test+"/nginx.conf", []byte(whole), 0o644); err != nil {
		t.Fatal(err)
	}
	command(t, "", stack.PathOf(t, "nginx"), "-t", "-c", test+"/nginx.conf")
	own, err := os.ReadFile(dir + "php-fpm.conf")
	if err != nil {
		t.Fatal(err)
	}
	pool := "[www]\nuser = nobody\ngroup = nogroup\nlisten = 9000\npm = static\npm.max_children = 2\n" + string(own)
	if err := os.WriteFile(test+"/fpm.conf", []byte(pool), 0o644); err != nil {
		t.Fatal(err)
	}
	command(t, "", stack.PathOf(t, "php-fpm"), "-t", "-y", test+"/fpm.conf")
}
