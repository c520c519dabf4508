package e2e

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"realdocd/test/stack"
)

// A workshop is a site that a deploy tool deploys to this machine.
type workshop struct {
	*stack.Stack
	dir  string // the site's
	repo string // of its source
	gw   *stack.Gateway
	web  *stack.Nginx
}

// slowPage includes its last part after ?ms= milliseconds.
const slowPage = `<?php usleep(1000 * (int) ($_GET['ms'] ?? 0));
$n = @include __DIR__ . '/../lib/number.php';
echo $n === false ? 'missing' : "deploy $n";
`

func openWorkshop(t *testing.T, programs ...string) *workshop {
	t.Helper()
	for _, program := range programs {
		stack.PathOf(t, program)
	}
	w := &workshop{Stack: stack.For(t, "nginx", "php-fpm")}
	w.dir, w.repo = filepath.Join(w.Dir, "shop"), filepath.Join(w.Dir, "repo")
	mustDo(t, os.MkdirAll(w.dir, 0o755))
	fpm := w.FPM(stack.FPMConfig{MaxChildren: 48})
	w.gw = w.Gateway(stack.GatewayConfig{
		Pools: map[string]stack.Keys{"www": {"server": []string{string(fpm.Addr)}}},
		Sites: map[string]stack.Keys{"shop": {"docroot": w.dir + "/current/public", "warm": []string{"/index.php"}}},
	})
	w.web = w.Nginx(stack.NginxConfig{Servers: []stack.NginxServer{{Root: w.dir + "/current/public", Backend: w.gw.Addr}}})
	w.sources(t, w.repo, 0)
	return w
}

// sources makes a directory that of the n-th deploy.
func (w *workshop) sources(t *testing.T, dir string, n int) {
	t.Helper()
	mustDo(t, os.MkdirAll(dir+"/public", 0o755))
	mustDo(t, os.MkdirAll(dir+"/lib", 0o755))
	mustDo(t, os.WriteFile(dir+"/public/index.php", []byte(slowPage), 0o644))
	mustDo(t, os.WriteFile(dir+"/lib/number.php", fmt.Appendf(nil, "<?php return %d;\n", n), 0o644))
}

func (w *workshop) serves(t *testing.T, want string) {
	t.Helper()
	if a := wantServed(t, ask(t.Context(), w.web.URL(0, "/index.php"))); a.body != want {
		t.Errorf("served is %q, want %q", a.body, want)
	}
}

// command is realdocd with the test's configuration, for tools that want one word.
func (w *workshop) command(t *testing.T) string {
	t.Helper()
	binary, err := stack.Binary()
	mustDo(t, err)
	file := filepath.Join(w.Dir, "realdocd-here")
	mustDo(t, os.WriteFile(file, []byte("#!/bin/sh\nexec "+binary+" \"$@\" --config "+w.gw.Config+"\n"), 0o755))
	return file
}

// tool runs a deploy tool in a directory.
func tool(t *testing.T, dir string, env []string, name string, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), env...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s %v: %v:\n%s", name, args, err, out)
	}
	return string(out)
}

// sshd listens on a loopback port, for root with a key of its own.
func (w *workshop) sshd(t *testing.T) (port, key string) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("SKIPPED, NOT PROVEN: only root may start an sshd that lets root in")
	}
	dir := filepath.Join(w.Dir, "ssh")
	mustDo(t, os.MkdirAll(dir, 0o700))
	mustDo(t, os.MkdirAll("/run/sshd", 0o755)) // where it separates its privileges
	for _, name := range []string{"host", "user"} {
		run(t, "ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", dir+"/"+name)
	}
	_, port, _ = strings.Cut(string(w.FreeAddr()), ":")
	mustDo(t, os.WriteFile(dir+"/conf", fmt.Appendf(nil, "ListenAddress 127.0.0.1:%s\nHostKey %s/host\nAuthorizedKeysFile %s/user.pub\nStrictModes no\nUsePAM no\nPermitRootLogin yes\nPidFile none\n",
		port, dir, dir), 0o600))
	cmd := exec.Command(stack.PathOf(t, "sshd"), "-D", "-e", "-f", dir+"/conf")
	mustDo(t, cmd.Start())
	t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	mustDo(t, stack.Poll(func() error {
		return exec.Command("ssh", "-p", port, "-i", dir+"/user", "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", "root@127.0.0.1", "true").Run()
	}))
	return port, dir + "/user"
}

// commit has the repository's main branch be the n-th deploy.
func (w *workshop) commit(t *testing.T, n int) {
	t.Helper()
	w.sources(t, w.repo, n)
	git := func(args ...string) {
		t.Helper()
		run(t, "git", append([]string{"-C", w.repo, "-c", "user.name=a", "-c", "user.email=a@b", "-c", "init.defaultBranch=main"}, args...)...)
	}
	if _, err := os.Stat(w.repo + "/.git"); err != nil {
		git("init", "-q")
	}
	git("add", "-A")
	git("commit", "-qm", fmt.Sprint(n), "--allow-empty")
}

// slow sends requests that include a file of their release after a while, and counts those that miss it.
func (w *workshop) slow(t *testing.T, n int, ms int) (missing func() int) {
	t.Helper()
	var clients sync.WaitGroup
	answers := make([]answer, n)
	for i := range n {
		clients.Go(func() { answers[i] = ask(t.Context(), w.web.URL(0, fmt.Sprintf("/index.php?ms=%d", ms))) })
	}
	mustDo(t, w.gw.WaitMetric(float64(n), "realdocd_pool_running", "pool", "www"))
	return func() (bad int) {
		clients.Wait()
		for _, a := range answers {
			if !strings.HasPrefix(a.body, "deploy ") {
				bad++
			}
		}
		return bad
	}
}

func (w *workshop) capfile(t *testing.T, recipe bool) (dir string) {
	t.Helper()
	port, key := w.sshd(t)
	dir = filepath.Join(w.Dir, "cap")
	mustDo(t, os.MkdirAll(dir+"/config/deploy", 0o755))
	mustDo(t, os.MkdirAll(dir+"/lib/capistrano/tasks", 0o755))
	load := ""
	if recipe {
		run(t, "cp", stack.InModule(t, "etc/capistrano/lib/capistrano/tasks/realdocd.rake"), dir+"/lib/capistrano/tasks/")
		load = `Dir.glob("lib/capistrano/tasks/*.rake").each { |r| import r }`
	}
	for file, text := range map[string]string{
		"Capfile": "require \"capistrano/setup\"\nrequire \"capistrano/deploy\"\nrequire \"capistrano/scm/git\"\ninstall_plugin Capistrano::SCM::Git\n" + load + "\n",
		"config/deploy.rb": fmt.Sprintf("set :application, \"shop\"\nset :repo_url, \"file://%s\"\nset :branch, \"main\"\nset :deploy_to, \"%s\"\nset :keep_releases, 2\nset :realdocd, \"%s\"\nset :format, :pretty\n",
			w.repo, w.dir, w.command(t)),
		"config/deploy/production.rb": fmt.Sprintf("server \"127.0.0.1\", user: \"root\", port: %s, roles: %%w{app}, ssh_options: { keys: [\"%s\"], verify_host_key: :never, config: false }\n", port, key),
	} {
		mustDo(t, os.WriteFile(filepath.Join(dir, file), []byte(text), 0o644))
	}
	return dir
}

func TestCapistranoFlipsThroughRealdocdAndRemovesNothingInUse(t *testing.T) {
	t.Parallel()
	w := openWorkshop(t, "cap", "git", "ssh-keygen", "sshd")
	dir := w.capfile(t, true)
	env := []string{"GIT_CONFIG_COUNT=1", "GIT_CONFIG_KEY_0=safe.directory", "GIT_CONFIG_VALUE_0=*"}
	for n := 1; n <= 4; n++ {
		w.commit(t, n)
		time.Sleep(time.Second) // the names of Capistrano's releases are times
		said := tool(t, dir, env, "cap", "production", "deploy")
		if !strings.Contains(said, "flip shop") || n > 2 && !strings.Contains(said, "drain shop") {
			t.Errorf("deploy %d did not go through realdocd:\n%s", n, said)
		}
		w.serves(t, fmt.Sprintf("deploy %d", n))
	}
	if left, _ := filepath.Glob(w.dir + "/releases/*"); len(left) != 2 {
		t.Errorf("left are %q", left)
	}
	// deploy:rollback removes the release that it leaves at once.
	missing := w.slow(t, 40, 3000)
	tool(t, dir, env, "cap", "production", "deploy:rollback")
	w.serves(t, "deploy 3")
	if n := missing(); n > 0 {
		t.Errorf("%d of 40 slow requests met missing files", n)
	}
	if left, _ := filepath.Glob(w.dir + "/releases/*"); len(left) != 1 {
		t.Errorf("left are %q", left)
	}
}

func TestAnsibleDeploysAndRollsBackThroughRealdocd(t *testing.T) {
	t.Parallel()
	w := openWorkshop(t, "ansible-playbook")
	file, err := os.ReadFile(w.gw.Config)
	mustDo(t, err)
	mustDo(t, os.WriteFile(w.gw.Config, append(file, "releases = \""+w.dir+"/releases\"\nkeep = 2\n"...), 0o644))
	playbook := stack.InModule(t, "etc/ansible/realdocd.yml")
	env := []string{"ANSIBLE_HOME=" + w.Dir + "/ansible", "ANSIBLE_LOCAL_TEMP=" + w.Dir + "/ansible/tmp", "HOME=" + w.Dir, "LC_ALL=C.UTF-8"}
	play := func(more ...string) string {
		t.Helper()
		return tool(t, w.Dir, env, "ansible-playbook", append([]string{
			"-i", "localhost,", "-c", "local", playbook,
			"-e", "target=all", "-e", "site=shop", "-e", "realdocd=" + w.command(t), "-e", "staging=" + w.Dir + "/staging",
		}, more...)...)
	}
	for n := 1; n <= 2; n++ {
		build := fmt.Sprintf("%s/build%d", w.Dir, n)
		w.sources(t, build, n)
		run(t, "tar", "-C", build, "-czf", build+".tar.gz", ".")
		if said := play("-e", "build="+build+".tar.gz"); !strings.Contains(said, "changed=") {
			t.Errorf("Ansible said %s", said)
		}
		w.serves(t, fmt.Sprintf("deploy %d", n))
	}
	play("--tags", "rollback")
	w.serves(t, "deploy 1")
}

// Deployer is no Debian package. Its functions are played, and what they are told to run is run.
func TestTheRecipeForDeployerFlipsAndDrains(t *testing.T) {
	t.Parallel()
	w := openWorkshop(t, "php")
	for n := 1; n <= 3; n++ {
		w.sources(t, fmt.Sprintf("%s/releases/%d", w.dir, n), n)
	}
	mustDo(t, os.Symlink(w.dir+"/releases/1", w.dir+"/current"))
	w.serves(t, "deploy 1")
	player := filepath.Join(w.Dir, "player.php")
	mustDo(t, os.WriteFile(player, []byte(deployerPlayer), 0o644))
	out := tool(t, w.Dir, nil, "php", player, stack.InModule(t, "etc/deployer/realdocd.php"), w.dir, w.command(t))
	for _, want := range []string{"flip shop " + w.dir + "/releases/2", "drain shop " + w.dir + "/releases/1", "flip shop " + w.dir + "/releases/3"} {
		if !strings.Contains(out, want) {
			t.Errorf("%q was not run:\n%s", want, out)
		}
	}
	w.serves(t, "deploy 3")
}

// deployerPlayer has what the recipe needs of Deployer 7: it deploys release 2, and rolls back to 3.
const deployerPlayer = `<?php
namespace Deployer;
$values = ['application' => 'shop', 'deploy_path' => $argv[2], 'user' => 'a', 'keep_releases' => 1, 'release_name' => '2',
    'release_path' => $argv[2] . '/releases/2', 'release_or_current_path' => $argv[2] . '/releases/2',
    'releases_list' => ['2', '1'], 'rollback_candidate' => '3'];
$tasks = [];
class Task { public function desc($text) { return $this; } }
function set($name, $value) { global $values; $values[$name] = $values[$name] ?? $value; }
function get($name, $default = null) { global $values; $v = $values[$name] ?? $default; return $v instanceof \Closure ? $v() : $v; }
function task($name, $body) { global $tasks; $tasks[$name] = $body; return new Task(); }
function before($task, $hook) { global $tasks; $tasks["before $task"] = $tasks[$hook]; }
function parse($text) { return preg_replace_callback('/\{\{(\w+)\}\}/', fn ($m) => (string) get($m[1]), $text); }
function run($command) {
    $command = parse($command);
    echo "$command\n";
    passthru($command, $code);
    if ($code !== 0) {
        exit("exit code $code of $command\n");
    }
}
require $argv[1];
$values['realdocd'] = $argv[3];
$tasks['deploy:symlink']();
$tasks['before deploy:cleanup']();
$tasks['rollback']();
`
