package scale

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"realdocd/deploy/fleet"
	"realdocd/test/manual"
	"realdocd/test/stack"
)

func number(t *testing.T, variable string, otherwise int) int {
	t.Helper()
	text := os.Getenv(variable)
	if text == "" {
		return otherwise
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		t.Fatalf("%s=%s is no number of them", variable, text)
	}
	return n
}

// A fleet of so many hosts has a key for each host and site, one watch of all that agents go by and one of its own
// membership for each host, and hosts that hear nothing of each other.
func TestScale(t *testing.T) {
	s := stack.For(t, "etcd")
	hosts, sites := number(t, "FLEET_HOSTS", 8), number(t, "FLEET_SITES", 3)
	etcd := s.Etcd()
	keys := fleet.NewKeys("/realdocd", "www")
	began := read(t, etcd)
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	defer running.Wait()
	defer cancel()
	for i := range hosts {
		store, err := fleet.OpenEtcd(fleet.EtcdConfig{Endpoints: stack.URLs([]*stack.Etcd{etcd})})
		if err != nil {
			t.Fatal(err)
		}
		name := fmt.Sprintf("web%04d", i)
		a, err := fleet.NewAgent(fleet.AgentConfig{Store: store, Keys: keys, Host: NewHost(sites), Name: name, Machine: name, Version: "1.0.0"})
		if err != nil {
			t.Fatal(err)
		}
		running.Add(1)
		go func() { // the agent, until the test ends
			defer running.Done()
			defer store.Close()
			a.Run(ctx)
		}()
	}
	want := float64(3*hosts + hosts*sites + 1)
	store, err := fleet.OpenEtcd(fleet.EtcdConfig{Endpoints: stack.URLs([]*stack.Etcd{etcd})})
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	limit := time.Now().Add(10 * time.Minute)
	for kvs := 0; kvs < int(want); {
		got, _, err := store.Get(ctx, keys.Base())
		if kvs = len(got); time.Now().After(limit) {
			t.Fatalf("etcd has %d keys, want %v: %v", kvs, want, err)
		}
		time.Sleep(200 * time.Millisecond)
	}
	started := read(t, etcd)
	began.log(t, "start", started)
	if started.watchers < float64(2*hosts) {
		t.Errorf("%v watches, want %d", started.watchers, 2*hosts)
	}
	all, _, err := store.Get(ctx, keys.Base())
	if err != nil {
		t.Fatal(err)
	}
	table := table{hosts: hosts, sites: sites, start: started.since(began)}
	for _, kv := range all {
		size := len(kv.Key) + len(kv.Value)
		if table.bytes += size; strings.HasPrefix(kv.Key, keys.HaveAll()) {
			table.have += size
		}
	}
	t.Logf("%d keys, with %d bytes", len(all), table.bytes)

	rest := time.Duration(number(t, "FLEET_REST", 2)) * time.Second
	before := read(t, etcd)
	own := cpu()
	time.Sleep(rest) // it is what is measured
	after := read(t, etcd)
	before.log(t, "at rest", after)
	table.rest = after.since(before)
	t.Logf("at rest  all agents together: %.1f %% of a CPU", 100*(cpu()-own)/rest.Seconds())
	if after.puts-before.puts > float64(hosts) {
		t.Errorf("%v puts at rest", after.puts-before.puts)
	}

	c := &fleet.Commander{Store: store, Keys: keys, By: "root@web0000", Host: "web0000"}
	for i, release := range []string{"20261127101501", "20261127101502", "20261127101503"} {
		before := read(t, etcd)
		own := cpu()
		report, err := c.Flip(ctx, fleet.Flip{Site: "site-000", Release: release})
		if err != nil {
			t.Fatalf("flip %d: %v", i+1, err)
		}
		after := read(t, etcd)
		before.log(t, fmt.Sprint("flip ", i+1), after)
		table.flip, table.spread, table.arrival = after.since(before), report.Spread(), report.ByArrival != ""
		t.Logf("flip %d   %d hosts, spread %v, by arrival %q; all agents together %.2f s of CPU", i+1, len(report.Applied), report.Spread(), report.ByArrival, cpu()-own)
		if len(report.Applied) != hosts || len(report.Late) > 0 {
			t.Errorf("%d hosts have flipped, and late are %v", len(report.Applied), report.Late)
		}
	}
	if manual.Writes() && os.Getenv("FLEET_HOSTS") != "" {
		if err := (manual.Part{Page: "realdocd-fleet.7", By: "make fleetscale", Name: "scale"}).Write(table.text()); err != nil {
			t.Error(err)
		}
	}
}

// cpu is what this process has used, in seconds.
func cpu() float64 {
	var u syscall.Rusage
	syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano()).Seconds()
}
