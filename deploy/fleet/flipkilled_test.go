package fleet_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"realdocd/deploy/fleet"
	"realdocd/test/stack"
)

// A killedStore kills its process before or after one of the things that a command has etcd do.
type killedStore struct {
	fleet.Store
	at, step int
}

// Step is one place at which the process may end.
func (s *killedStore) here(what string) {
	s.step++
	fmt.Printf("step %s\n", what)
	if s.step == s.at {
		os.Stdout.Sync()
		syscall.Kill(os.Getpid(), syscall.SIGKILL)
		select {}
	}
}

func (s *killedStore) Lease(ctx context.Context, ttl time.Duration) (fleet.Lease, error) {
	s.here("before the lease")
	defer s.here("after the lease")
	return s.Store.Lease(ctx, ttl)
}

func (s *killedStore) Commit(ctx context.Context, when []fleet.Condition, then []fleet.Op) (bool, int64, error) {
	what := "the commit"
	var p fleet.Proposal
	if strings.HasPrefix(then[0].Key, keys.Flips()) && json.Unmarshal(then[0].Value, &p) == nil {
		what = fmt.Sprintf("round %d, %s", p.Round, p.Phase)
	}
	s.here("before " + what)
	defer s.here("after " + what)
	return s.Store.Commit(ctx, when, then)
}

func openEtcd(t *testing.T, url string) *fleet.Etcd {
	t.Helper()
	store, err := fleet.OpenEtcd(fleet.EtcdConfig{Endpoints: []string{url}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	return store
}

// aCommand flips a site to 42 in another process, which is killed at its n-th step, and gives its steps.
func aCommand(t *testing.T, url, site string, n int) (steps []string) {
	cmd := exec.Command(os.Args[0], "-test.run", "^"+t.Name()+"$")
	cmd.Env = append(os.Environ(), "FLEET_TEST_ETCD="+url, "FLEET_TEST_SITE="+site, "FLEET_TEST_STEP="+strconv.Itoa(n))
	out, err := cmd.Output()
	for line := range strings.Lines(string(out)) {
		if step, ok := strings.CutPrefix(strings.TrimSpace(line), "step "); ok {
			steps = append(steps, step)
		}
	}
	if killed := cmd.ProcessState.Sys().(syscall.WaitStatus).Signaled(); killed != (n > 0) || n == 0 && err != nil {
		t.Errorf("the command that flips %s ended so: %v\n%s", site, err, out)
	}
	return steps
}

func TestFlip_WhoseCommandIsKilledAtAnyStepIsDoneOnAllHostsOrOnNone(t *testing.T) {
	if url := os.Getenv("FLEET_TEST_ETCD"); url != "" {
		n, _ := strconv.Atoi(os.Getenv("FLEET_TEST_STEP"))
		c := &fleet.Commander{Store: &killedStore{Store: openEtcd(t, url), at: n}, Keys: keys, By: "root@web1", Host: "web1"}
		_, err := c.Flip(context.Background(), fleet.Flip{Site: os.Getenv("FLEET_TEST_SITE"), Release: "42"})
		if err != nil {
			t.Fatal(err)
		}
		return
	}
	const most = 40 // steps
	var sites []string
	for i := range most {
		sites = append(sites, fmt.Sprintf("s%d", i))
	}
	url := "http://" + string(stack.For(t, "etcd").Etcd().Addr)
	var machines []*machine
	for _, name := range []string{"web1", "web2", "web3"} {
		m := newMachine(nil, name, sites...)
		agent, err := fleet.NewAgent(fleet.AgentConfig{Store: openEtcd(t, url), Keys: keys, Host: m, Name: name, Machine: name, Version: "1"})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(context.Background())
		ended := make(chan error, 1)
		go func() { ended <- agent.Run(ctx) }()
		defer func() {
			cancel()
			<-ended
		}()
		machines = append(machines, m)
	}
	stands := func(site, release string) func() bool {
		return func() bool {
			for _, m := range machines {
				if state, _ := m.state(site); state != fleet.InStep || m.serves(site) != release {
					return false
				}
			}
			return true
		}
	}
	stack.Until(t, "all hosts to be in step", stands("s0", "41"))
	steps := aCommand(t, url, "s0", 0)
	if len(steps) < 14 || len(steps) >= most {
		t.Fatalf("the steps are %q", steps)
	}
	stack.Until(t, "the flip", stands("s0", "42"))

	var wait sync.WaitGroup
	for i := range steps {
		wait.Go(func() { aCommand(t, url, sites[i+1], i+1) })
	}
	wait.Wait()
	store := openEtcd(t, url)
	c := &fleet.Commander{Store: store, Keys: keys, By: "root@web2", Host: "web2"}
	for i, step := range steps {
		site := sites[i+1]
		stack.Until(t, "the end of the flip of a killed command", func() bool {
			kvs, _, err := store.Get(t.Context(), keys.Flip(site))
			return err == nil && len(kvs) == 0
		})
		commits, err := c.History(t.Context(), site)
		if err != nil {
			t.Fatal(err)
		}
		want := "41"
		if len(commits) > 0 {
			want = "42"
		}
		if committed := step == "after the commit" || strings.HasPrefix(step, "after") && i == len(steps)-1; committed != (want == "42") {
			t.Errorf("killed %s: committed are %v", step, commits)
		}
		stack.Until(t, "all hosts to serve "+want+" after a command was killed "+step, stands(site, want))
		if report, err := c.Flip(t.Context(), fleet.Flip{Site: site, Release: "43"}); err != nil || len(report.Applied) != 3 {
			t.Errorf("the flip after one that was killed %s: %+v, %v", step, report, err)
		}
		stack.Until(t, "the next flip", stands(site, "43"))
	}
	t.Logf("killed at %d steps: %q", len(steps), steps)
}
