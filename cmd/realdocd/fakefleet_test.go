package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"realdocd/deploy"
	"realdocd/deploy/fleet"
	"realdocd/test/stack"
)

// A fakeFleet is agents of hosts web1 to webN, which are in memory, around a real etcd, with a
// configuration that names it.
type fakeFleet struct {
	t      *testing.T
	dir    string
	etcd   *stack.Etcd
	config string
	hosts  map[string]*fakeHost
}

// newFakeFleet has each host serve 41 of shop, and have 42.
func newFakeFleet(t *testing.T, n int, keys ...string) *fakeFleet {
	t.Helper()
	f := &fakeFleet{t: t, dir: t.TempDir(), etcd: stack.For(t, "etcd").Etcd(), hosts: map[string]*fakeHost{}}
	f.config = f.configOf(keys...)
	for i := range n {
		name := fmt.Sprintf("web%d", i+1)
		h := &fakeHost{name: name, live: "41", releases: map[string]string{"41": "v1:one", "42": "v1:two"}, inside: map[string]string{}}
		f.hosts[name] = h
		f.start(h)
	}
	f.wantInStep("41")
	return f
}

func (f *fakeFleet) configOf(keys ...string) string {
	f.t.Helper()
	text := fmt.Sprintf("control = %q\nstate_dir = %q\n[fleet]\netcd = ['http://%s']\nhost = 'web1'\n", f.dir+"/c.sock", f.dir+"/state", f.etcd.Addr)
	for _, key := range keys {
		text += key + "\n"
	}
	return writeConfig(f.t, text+fmt.Sprintf("[pool.www]\nserver = ['/fpm.sock']\n[site.shop]\ndocroot = %q\n", filepath.Join(f.dir, "current/public")))
}

// start starts a host's agent.
func (f *fakeFleet) start(h *fakeHost) {
	f.t.Helper()
	store, err := fleet.OpenEtcd(fleet.EtcdConfig{Endpoints: []string{"http://" + string(f.etcd.Addr)}})
	if err != nil {
		f.t.Fatal(err)
	}
	agent, err := fleet.NewAgent(fleet.AgentConfig{
		Store: store, Keys: fleet.NewKeys("/realdocd", "www"), Host: h, Name: h.name, Machine: h.name, Version: cmp.Or(h.version, "1"),
	})
	if err != nil {
		f.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- agent.Run(ctx) }()
	h.stop = sync.OnceFunc(func() {
		cancel()
		<-ended
		store.Close()
	})
	f.t.Cleanup(h.stop)
}

func (f *fakeFleet) run(args ...string) (code int, stdout, stderr string) {
	f.t.Helper()
	return run(f.t, append(slices.Clone(args), "--config", f.config)...)
}

// wantInStep waits until all hosts serve a release and are in step.
func (f *fakeFleet) wantInStep(release string) {
	f.t.Helper()
	for _, h := range f.hosts {
		stack.Until(f.t, h.name+" serves "+release+", in step", func() bool {
			live, state := h.is()
			return live == release && state == fleet.InStep
		})
	}
}

// A fakeHost is a host in memory.
type fakeHost struct {
	name, version string
	stop          func()

	mu       sync.Mutex // guards the following
	live     string
	releases map[string]string // by name, the hash
	inside   map[string]string // by release, who is
	told     []fleet.Standing
	placed   string // what it says is the directory for a push
	fetches  bool
	pinKey   string
	onDisk   string // where its releases are too
	trial    hostTrial
	prepares chan struct{} // if it is not nil, a preparation takes until it is closed
}

func (h *fakeHost) is() (live string, state fleet.State) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, st := range h.told {
		if st.Site == "shop" {
			return h.live, st.State
		}
	}
	return h.live, fleet.Unknown
}

func (h *fakeHost) change(f func()) {
	h.mu.Lock()
	defer h.mu.Unlock()
	f()
}

func (h *fakeHost) Look(ctx context.Context, site, _ string) (fleet.Seen, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if site != "shop" {
		return fleet.Seen{}, fleet.ErrNoSite
	}
	seen := fleet.Seen{Live: h.live}
	if h.onDisk != "" {
		entries, _ := os.ReadDir(h.onDisk)
		for _, e := range entries {
			if _, known := h.releases[e.Name()]; !known && !strings.HasPrefix(e.Name(), ".") {
				content, err := deploy.NewContents("").Of(ctx, filepath.Join(h.onDisk, e.Name()), deploy.Filling{})
				if err != nil {
					return seen, err
				}
				h.releases[e.Name()] = content.Hash
			}
		}
	}
	for name, hash := range h.releases {
		seen.Releases = append(seen.Releases, fleet.Release{Name: name, Hash: hash})
	}
	return seen, nil
}

func (h *fakeHost) Live(context.Context, string) (string, error) {
	live, _ := h.is()
	return live, nil
}

func (h *fakeHost) Sites(context.Context) ([]string, error) { return []string{"shop"}, nil }

func (h *fakeHost) Changed(ctx context.Context) error {
	<-ctx.Done()
	return ctx.Err()
}

func (h *fakeHost) Prepare(ctx context.Context, _, _ string, _ fleet.Preparation) ([]string, error) {
	var until chan struct{}
	h.change(func() { until = h.prepares })
	if until != nil {
		select {
		case <-until:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	return []string{"the opcache was not asked"}, nil
}

func (h *fakeHost) Flip(ctx context.Context, _, release string, at time.Time, _ string) (time.Time, error) {
	select {
	case <-time.After(time.Until(at)):
	case <-ctx.Done():
		return time.Time{}, ctx.Err()
	}
	h.change(func() { h.live = release })
	return time.Now(), nil
}

func (h *fakeHost) After(context.Context, string, string) []string { return nil }

func (h *fakeHost) Fetch(_ context.Context, _, release, hash string) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.fetches {
		return fleet.ErrNoFetch
	}
	h.releases[release] = hash
	return nil
}

func (h *fakeHost) Ask(ctx context.Context, ask fleet.Ask, tell func(string)) (string, error) {
	if ask.Kind == fleet.AskTrial {
		return h.try(ctx, ask, tell)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	switch {
	case ask.Kind == fleet.AskDrain && h.inside[ask.Release] != "":
		return "", errors.New("1 request is left, " + h.inside[ask.Release])
	case ask.Kind == fleet.AskTake && ask.Round == 1:
		return fmt.Sprintf("{\"target\":%q}", h.placed), nil
	case ask.Kind == fleet.AskTake:
		h.releases[ask.Release] = ask.Hash
	}
	return "", nil
}

func (h *fakeHost) Tell(_ context.Context, standings []fleet.Standing) error {
	h.change(func() { h.told = standings })
	return nil
}

func (h *fakeHost) Daemon(context.Context) (wrong, pinKey string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return "", h.pinKey
}
