package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"realdocd/deploy/fleet"
	"realdocd/gateway/control"
	"realdocd/test/stack"
)

// oneHost is a fleet of one host, with real etcd, PHP-FPM and realdocd.
type oneHost struct {
	*stack.Stack
	t         *testing.T
	site      *stack.Site
	etcd      *stack.Etcd
	gw        *stack.Gateway
	daemon    *control.Client
	commander fleet.Commander
}

func openOneHost(t *testing.T, keys stack.Keys) *oneHost {
	t.Helper()
	s := stack.For(t, "php-fpm", "etcd")
	h := &oneHost{Stack: s, t: t, site: s.Site(stack.SiteConfig{}), etcd: s.Etcd()}
	config := stack.GatewayFor(s.FPM(stack.FPMConfig{}), h.site)
	for key, value := range keys {
		config.Sites["shop"][key] = value
	}
	config.Rest = fmt.Sprintf("[fleet]\netcd = ['http://%s']\nhost = 'web1'\n", h.etcd.Addr)
	h.gw = s.Gateway(config)
	h.daemon = control.NewClient(string(h.gw.Control), fmt.Sprint(os.Getuid()))
	store, err := fleet.OpenEtcd(fleet.EtcdConfig{Endpoints: stack.URLs([]*stack.Etcd{h.etcd})})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	h.commander = fleet.Commander{Store: store, Keys: fleet.NewKeys("/realdocd", "www"), By: "ann@build", Host: "web1"}
	return h
}

// ready says what the daemon is not ready for; "" if it is.
func (h *oneHost) ready() string {
	h.t.Helper()
	ready, err := h.daemon.Ready(h.t.Context(), "")
	if err != nil {
		h.t.Fatal(err)
	}
	if ready.Ready {
		return ""
	}
	return ready.String()
}

func (h *oneHost) wantReady() {
	h.t.Helper()
	stack.Until(h.t, "the host is ready", func() bool { return h.ready() == "" })
}

func (h *oneHost) flip(release string) error {
	_, err := h.commander.Flip(h.t.Context(), fleet.Flip{Site: "shop", Release: release})
	return err
}

// wantLive wants the link, the history and a request to have a release.
func (h *oneHost) wantLive(n int, by string) {
	h.t.Helper()
	if live, err := filepath.EvalSymlinks(h.site.Link()); err != nil || live != h.site.Release(n) {
		h.t.Errorf("the link leads to %s (%v)", live, err)
	}
	detail, err := h.daemon.Site(h.t.Context(), control.SiteAddress{Site: "shop"})
	if err != nil {
		h.t.Fatal(err)
	}
	if last := detail.History[len(detail.History)-1]; last.Release != h.site.Release(n) || last.By != by {
		h.t.Errorf("the history has %s by %s", last.Release, last.By)
	}
	reply := h.Ask(h.gw.Addr, nil, stack.ParamsFor(h.site.DocRoot(), "GET", "/index.php")...)
	if reply.Status != 200 {
		h.t.Errorf("a request gets %d: %s", reply.Status, reply.Body)
	}
}

func TestFleetAgent_FlipsAndTellsTheDaemonWhereTheSiteStands(t *testing.T) {
	h := openOneHost(t, stack.Keys{"before_flip": []string{"echo b >> ../../hooks"}, "after_flip": []string{"echo a >> ../../hooks"}})
	if why := h.ready(); !strings.Contains(why, "fleet") {
		t.Errorf("without an agent the host says: %q", why)
	}
	h.Agent(h.gw)
	h.wantReady()
	if err := h.flip("2"); err != nil {
		t.Fatal(err)
	}
	h.wantLive(2, "fleet")
	h.wantReady()
	st, err := h.daemon.Status(t.Context())
	if err != nil || st.Fleet == nil || st.Fleet.Host != "web1" || len(st.Fleet.Standings) != 1 {
		t.Fatalf("the daemon knows %+v of its fleet (%v)", st.Fleet, err)
	}
	if s := st.Fleet.Standings[0]; s.Site != "shop" || s.State != control.FleetInStep || s.Release != "2" || s.Seq != 1 {
		t.Errorf("the site stands %+v", s)
	}
	stack.Until(t, "after_flip", func() bool { text, _ := os.ReadFile(h.site.Dir + "/hooks"); return string(text) == "b\na\n" })
	if err := h.flip("9"); err == nil || !strings.Contains(err.Error(), "web1") {
		t.Errorf("a release that is not there: %v", err)
	}
	h.wantLive(2, "fleet")
}

func TestFleetAgent_ThatIsKilledGoesToWhatIsCommittedWhenItStarts(t *testing.T) {
	h := openOneHost(t, nil)
	agent := h.Agent(h.gw)
	h.wantReady()
	if err := h.flip("2"); err != nil {
		t.Fatal(err)
	}
	agent.Kill()
	stack.Receive(t, agent.Done(), "the end of the agent")
	if err := h.site.Flip(1); err != nil { // nobody sees it
		t.Fatal(err)
	}
	h.StartAgentAgain(agent)
	stack.Until(t, "the link leads to what is committed", func() bool {
		live, _ := filepath.EvalSymlinks(h.site.Link())
		return live == h.site.Release(2)
	})
	h.wantReady()
	h.wantLive(2, "catch-up")
}

func TestFleetAgent_EndsItsLeaseWhenItIsTold(t *testing.T) {
	h := openOneHost(t, nil)
	agent := h.Agent(h.gw)
	h.wantReady()
	if err := agent.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if code, err := agent.ExitCode(stack.Patience); code != 0 || err != nil {
		t.Errorf("exit code %d (%v): %s", code, err, agent.Log.Tail(10))
	}
	kvs, _, err := h.commander.Store.Get(t.Context(), h.commander.Keys.Hosts())
	if err != nil || len(kvs) != 0 {
		t.Errorf("the store has the host still: %v (%v)", kvs, err)
	}
	if why := h.ready(); why != "" { // it serves what is committed, as far as anybody can know
		t.Errorf("the host says: %s", why)
	}
}

func TestFleetAgent_SaysSinceWhenEtcdIsAwayAndServesOn(t *testing.T) {
	h := openOneHost(t, nil)
	h.Agent(h.gw)
	h.wantReady()
	if err := h.flip("2"); err != nil {
		t.Fatal(err)
	}
	if err := h.etcd.Stop(); err != nil {
		t.Fatal(err)
	}
	stack.Until(t, "the daemon is told that etcd does not answer", func() bool {
		st, err := h.daemon.Status(t.Context())
		return err == nil && st.Fleet.StoreError != "" && !st.Fleet.StoreSince.IsZero()
	})
	h.wantReady()
	h.wantLive(2, "fleet")
}

func TestFleetAgent_StartsWithoutEtcdAndGoesOnWhenThatIsThere(t *testing.T) {
	h := openOneHost(t, nil)
	if err := h.etcd.Stop(); err != nil {
		t.Fatal(err)
	}
	agent := h.Agent(h.gw)
	h.Wait(agent.Process, 0, stack.Containing(`"message":"the store does not answer"`))
	if why := h.ready(); !strings.Contains(why, "fleet") {
		t.Errorf("a host that has not compared says: %q", why)
	}
	other := h.Agent(h.gw)
	if code, err := other.ExitCode(stack.Patience); code != 1 || err != nil {
		t.Errorf("a second agent: exit code %d (%v)", code, err)
	}
	h.StartEtcdAgain(h.etcd)
	h.wantReady()
	if err := agent.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if code, err := agent.ExitCode(stack.Patience); code != 0 || err != nil {
		t.Errorf("exit code %d (%v): %s", code, err, agent.Log.Tail(10))
	}
}
