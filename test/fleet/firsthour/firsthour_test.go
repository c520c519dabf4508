package firsthour

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"realdocd/deploy/fleet"
	"realdocd/test/fleet/scale"
	"realdocd/test/stack"
)

// A yard is the machine, with the manual's commands and the addresses of its hosts.
type yard struct {
	t       *testing.T
	dir     string // what the commands call pki
	network string // "127.x.y.", for 10.0.0.
	page    string
}

func newYard(t *testing.T) *yard {
	t.Helper()
	stack.Need(t, "etcd", "etcdctl", "openssl")
	page, err := os.ReadFile(stack.InModule(t, "etc/man/realdocd-fleet.7"))
	if err != nil {
		t.Fatal(err)
	}
	return &yard{t, t.TempDir(), fmt.Sprintf("127.%d.%d.", 1+rand.IntN(200), rand.IntN(250)), string(page)}
}

// text is a part of the manual as a shell reads it, with the yard's addresses and files. Servers of etcd look whether
// others come from the address that their certificate has: here that is the one of the loopback.
func (y *yard) text(part string) string {
	y.t.Helper()
	_, rest, ok := strings.Cut(y.page, ".\\\" begin of the "+part+"\n")
	text, _, ends := strings.Cut(rest, ".\\\" end of the "+part+"\n")
	if !ok || !ends {
		y.t.Fatalf("the manual has no %s", part)
	}
	return strings.NewReplacer(`\e`, `\`, "IP:10.0.0.$i", "IP:"+y.network+"$i,IP:127.0.0.1", "10.0.0.", y.network, "/etc/etcd/", y.dir+"/pki/").Replace(text)
}

func (y *yard) run(dir, script string) {
	y.t.Helper()
	cmd := exec.Command("/bin/bash", "-e", "-c", script)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		y.t.Fatalf("%v\n%s\n%s", err, script, out)
	}
}

// start starts the etcd of a host, 1 to 3, with the manual's settings.
func (y *yard) start(host int) {
	y.t.Helper()
	etcd := exec.Command(stack.PathOf(y.t, "etcd"), "--logger", "zap", "--log-level", "error")
	etcd.Env = append(os.Environ(), fmt.Sprintf("ETCD_DATA_DIR=%s/data%d", y.dir, host))
	for line := range strings.Lines(y.text("settings")) {
		if line = strings.TrimSpace(line); !strings.HasPrefix(line, "ETCD_INITIAL_CLUSTER=") {
			line = strings.NewReplacer("web1", fmt.Sprint("web", host), y.network+"1", fmt.Sprint(y.network, host)).Replace(line)
		}
		etcd.Env = append(etcd.Env, line)
	}
	log, err := os.Create(fmt.Sprintf("%s/etcd%d.log", y.dir, host))
	if err != nil {
		y.t.Fatal(err)
	}
	etcd.Stdout, etcd.Stderr = log, log
	etcd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := etcd.Start(); err != nil {
		y.t.Fatal(err)
	}
	y.t.Cleanup(func() {
		etcd.Process.Kill()
		etcd.Wait()
		if text, _ := os.ReadFile(log.Name()); y.t.Failed() {
			y.t.Logf("etcd of web%d:\n%s", host, text[max(0, len(text)-2000):])
		}
	})
}

// store is etcd as somebody with this certificate reaches it.
func (y *yard) store(who string) *fleet.Etcd {
	y.t.Helper()
	pki := filepath.Join(y.dir, "pki")
	config := fleet.EtcdConfig{CAFile: pki + "/ca.crt", CertFile: pki + "/" + who + ".crt", KeyFile: pki + "/" + who + ".key"}
	for host := range 3 {
		config.Endpoints = append(config.Endpoints, fmt.Sprintf("https://%s%d:2379", y.network, host+1))
	}
	store, err := fleet.OpenEtcd(config)
	if err != nil {
		y.t.Fatal(err)
	}
	y.t.Cleanup(func() { store.Close() })
	return store
}

func TestTheCommandsOfTheManualMakeAFleet(t *testing.T) {
	y := newYard(t)
	y.run(y.dir, y.text("authority"))
	for host := range 3 {
		y.start(host + 1)
	}
	roles, said := y.text("roles"), ""
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("etcdctl said last:\n%s", said)
		}
	})
	stack.Until(t, "etcd answers", func() bool {
		settings, _, _ := strings.Cut(roles, "etcdctl endpoint health")
		cmd := exec.Command("/bin/bash", "-e", "-c", settings+"etcdctl endpoint health --command-timeout 2s")
		cmd.Dir = filepath.Join(y.dir, "pki")
		out, err := cmd.CombinedOutput()
		if err != nil {
			said = string(out)
		}
		return err == nil
	})
	y.run(filepath.Join(y.dir, "pki"), roles)

	keys := fleet.NewKeys("/realdocd", "www")
	ctx, stop := context.WithCancel(t.Context())
	var ended []chan error
	t.Cleanup(func() {
		stop()
		for _, end := range ended {
			<-end
		}
	})
	for host := range 3 {
		name := fmt.Sprint("web", host+1)
		a, err := fleet.NewAgent(fleet.AgentConfig{Store: y.store(name), Keys: keys, Host: scale.NewHost(1), Name: name, Machine: name})
		if err != nil {
			t.Fatal(err)
		}
		end := make(chan error, 1)
		ended = append(ended, end)
		go func() { end <- a.Run(ctx) }() // the agent, until the test ends
	}
	operator := y.store("operator")
	stack.Until(t, "all hosts have said what they have", func() bool {
		kvs, _, err := operator.Get(ctx, keys.HaveAll())
		return err == nil && len(kvs) == 3
	})
	c := &fleet.Commander{Store: operator, Keys: keys, By: "operator", Host: "operator"}
	report, err := c.Flip(ctx, fleet.Flip{Site: "site-000", Release: "20261127101501"})
	if err != nil || len(report.Applied) != 3 {
		t.Fatalf("%+v, %v", report, err)
	}

	agent := y.store("web1")
	for key, may := range map[string]bool{
		keys.Have("site-000", "web1"): true, keys.Roster(): true,
		keys.Site("site-000"): false, keys.Flip("site-000"): false, keys.Ask("x"): false, keys.History("site-000", 1): false,
		"/realdocd/other/members/web1": false, "/elsewhere": false,
	} {
		within, cancel := context.WithTimeout(ctx, 10*time.Second)
		ok, _, err := agent.Commit(within, nil, []fleet.Op{{Key: key, Value: []byte("{}")}})
		cancel()
		if (err == nil && ok) != may {
			t.Errorf("an agent writes %s: %v, %v", key, ok, err)
		}
	}
	if kvs, _, err := agent.Get(ctx, "/"); err == nil {
		t.Errorf("an agent reads all of etcd: %d keys", len(kvs))
	}
}
