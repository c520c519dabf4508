package e2e

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"realdocd/test/stack"
)

// A supervisor is one that waits for the process that it has started, and cannot be told of another.
type supervisor struct {
	program string
	// prepare writes what the supervisor reads into dir, and gives its command line.
	prepare func(t *testing.T, dir, program string, realdocd []string) []string
	// pid is the process that the supervisor has started, and is "" if that has ended.
	pid func(t *testing.T, dir string, supervisor int) string
}

var supervisors = map[string]supervisor{
	"tini": {
		"tini",
		func(_ *testing.T, _, program string, realdocd []string) []string {
			return append([]string{program, "-s", "--"}, realdocd...)
		},
		func(t *testing.T, _ string, supervisor int) string {
			out, _ := exec.Command("pgrep", "-P", strconv.Itoa(supervisor)).Output()
			return strings.TrimSpace(string(out))
		},
	},
	"runit": {
		"runsv",
		func(t *testing.T, dir, program string, realdocd []string) []string {
			writeService(t, dir+"/service/run", "#!/bin/sh\nexec "+strings.Join(realdocd, " ")+"\n", 0o755)
			return []string{program, dir + "/service"}
		},
		func(t *testing.T, dir string, _ int) string {
			pid, _ := os.ReadFile(dir + "/service/supervise/pid")
			return strings.TrimSpace(string(pid))
		},
	},
	"supervisord": {
		"supervisord",
		func(t *testing.T, dir, program string, realdocd []string) []string {
			writeService(t, dir+"/supervisord.conf", fmt.Sprintf(`[supervisord]
nodaemon=true
logfile=%[1]s/supervisord.log
pidfile=%[1]s/supervisord.pid
[unix_http_server]
file=%[1]s/ctl
[rpcinterface:supervisor]
supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface
[supervisorctl]
serverurl=unix://%[1]s/ctl
[program:realdocd]
command=%[2]s
redirect_stderr=true
stdout_logfile=/dev/fd/1
stdout_logfile_maxbytes=0
stopwaitsecs=40
`, dir, strings.Join(realdocd, " ")), 0o644)
			return []string{program, "-c", dir + "/supervisord.conf"}
		},
		func(t *testing.T, dir string, _ int) string {
			out, err := exec.Command("supervisorctl", "-c", dir+"/supervisord.conf", "pid", "realdocd").Output()
			if pid := strings.TrimSpace(string(out)); err == nil && pid != "0" {
				return pid
			}
			return ""
		},
	},
}

func writeService(t *testing.T, file, text string, mode os.FileMode) {
	t.Helper()
	err := os.MkdirAll(filepath.Dir(file), 0o755)
	if err == nil {
		err = os.WriteFile(file, []byte(text), mode)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// SIGUSR2 under a supervisor: it would take the end of the process that it has started for the end of realdocd,
// and end with it, or start another one beside the successor.
func TestAnUpgradeUnderASupervisorLeavesItsProcess(t *testing.T) {
	for name, sup := range supervisors {
		t.Run(name, func(t *testing.T) {
			s := stack.For(t, "php-fpm", sup.program)
			dir, program := t.TempDir(), stack.PathOf(t, sup.program)
			site := s.Site(stack.SiteConfig{Pages: pages()})
			config := stack.GatewayFor(s.FPM(stack.FPMConfig{}), site)
			config.Under = func(realdocd []string) []string { return sup.prepare(t, dir, program, realdocd) }
			gw := s.Gateway(config)
			pid := sup.pid(t, dir, gw.Pid())
			ctx, stop := context.WithCancel(t.Context())
			defer stop()
			web := s.Nginx(stack.NginxConfig{Servers: []stack.NginxServer{{Root: site.DocRoot(), Backend: gw.Addr, KeepAlive: 4}}})
			traffic := stack.Load{URLs: []string{web.URL(0, "/index.php?pause=0")}, Post: true}.Start(ctx)
			s.More(traffic, 20)
			for range 3 {
				mark := gw.Log.Mark()
				signal(t, pid, syscall.SIGUSR2)
				s.Event(gw, mark, "nothing runs here any more: this process stays for who has started it, and passes signals on")
				s.More(traffic, 20)
			}
			mark := gw.Log.Mark()
			signal(t, pid, syscall.SIGHUP)
			s.Event(gw, mark, "configuration taken")
			if now := sup.pid(t, dir, gw.Pid()); now != pid || pid == "" {
				t.Errorf("%s has started process %q, and then %q", name, pid, now)
			}
			if said := s.Command(gw, 0, "status"); strings.Contains(said, "realdocd with pid "+pid+",") {
				t.Errorf("the process that was started first serves still:\n%s", said)
			}
			t.Logf("after three upgrades the processes of realdocd have %s resident", residents(t, gw.Config))
			wantNoneFailed(t, traffic, stop)
			if err := gw.Stop(); err != nil {
				t.Error(err)
			}
			stack.Until(t, "no process of realdocd is left", func() bool { return residents(t, gw.Config) == "" })
		})
	}
}

func signal(t *testing.T, pid string, sig syscall.Signal) {
	t.Helper()
	number, err := strconv.Atoi(pid)
	if err == nil {
		err = syscall.Kill(number, sig)
	}
	if err != nil {
		t.Fatalf("send %v to %q: %v", sig, pid, err)
	}
}

// residents is how much memory each realdocd has that runs on a configuration, in MiB.
func residents(t *testing.T, config string) string {
	t.Helper()
	var all []string
	found, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, file := range found {
		line, err := os.ReadFile(file)
		args := strings.Split(string(line), "\x00")
		if err != nil || len(args) < 4 || args[1] != "serve" || args[3] != config {
			continue
		}
		status, _ := os.ReadFile(filepath.Dir(file) + "/status")
		var kilobytes int
		if _, rss, ok := strings.Cut(string(status), "\nVmRSS:"); ok {
			fmt.Sscan(rss, &kilobytes)
		}
		all = append(all, fmt.Sprint(kilobytes>>10))
	}
	return strings.Join(all, ", ")
}
