package e2e

import (
	"context"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"realdocd/gateway/control"
	"realdocd/test/stack"
)

// A teller is the agent of a fleet, as the gateway knows one.
type teller struct {
	t  *testing.T
	gw *stack.Gateway
}

// inFleet is a gateway of a fleet: the test is its agent, and there is no etcd.
func inFleet(t *testing.T, s *stack.Stack, site *stack.Site) teller {
	config := stack.GatewayFor(s.FPM(stack.FPMConfig{}), site)
	config.Activated = true
	config.Fleet = stack.Keys{"etcd": []string{"http://127.0.0.1:2379"}}
	return teller{t, s.Gateway(config)}
}

func (a teller) tell(state string) {
	a.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), stack.Patience)
	defer cancel()
	if _, err := a.client().Fleet(ctx, control.FleetReport{Group: "www", Host: "www1", Standings: []control.FleetStanding{
		{Site: "shop", State: state, Why: "the test says so", Next: control.FleetInDoubt, For: control.Seconds(time.Hour)},
	}}); err != nil {
		a.t.Errorf("tell that the shop is %s: %v", state, err)
	}
}

func (a teller) client() *control.Client { return control.NewClient(string(a.gw.Control)) }

// wantReady wants the gateway to be ready, or to say in its check "fleet" why it is not.
func (a teller) wantReady(why string) {
	a.t.Helper()
	ready, err := a.client().Ready(a.t.Context(), "")
	if err != nil {
		a.t.Fatal(err)
	}
	for _, c := range ready.Checks {
		if c.Name == "fleet" && (c.OK != (why == "") || !strings.Contains(c.Why, why)) {
			a.t.Errorf("the check is %+v, want %q", c, why)
		}
	}
}

// anotherBoot has what was kept be of another boot of the machine.
func (a teller) anotherBoot() {
	a.t.Helper()
	file := filepath.Join(filepath.Dir(a.gw.Config), "state", "fleet.json")
	text, err := os.ReadFile(file)
	mustDo(a.t, err)
	other := regexp.MustCompile(`"boot_id":"[^"]+"`).ReplaceAll(text, []byte(`"boot_id":"of-another-boot"`))
	if string(other) == string(text) {
		a.t.Fatalf("there is no boot in %s", text)
	}
	mustDo(a.t, os.WriteFile(file, other, 0o644))
}

// Neither upgrades, nor restarts, nor a machine that has booted make a visitor see an error while the agent is there.
func TestAFleetFailsNoRequestOverUpgradesAndRestarts(t *testing.T) {
	s := stack.For(t, "nginx", "php-fpm")
	site := s.Site(stack.SiteConfig{Name: "shop"})
	a := inFleet(t, s, site)
	a.tell(control.FleetInStep)
	web := s.Nginx(stack.NginxConfig{Servers: []stack.NginxServer{{Root: site.DocRoot(), Backend: a.gw.Addr}}})
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	traffic := stack.Load{URLs: []string{web.URL(0, "/index.php?pause=0")}, Post: true}.Start(ctx)
	told, end := make(chan int), make(chan struct{})
	go func() {
		n := 0
		for tick := time.NewTicker(20 * time.Millisecond); ; n++ {
			select {
			case <-tick.C:
				a.tell(control.FleetInStep)
			case <-end:
				told <- n
				return
			}
		}
	}()
	for range 5 {
		s.More(traffic, 30)
		ends(t, s.Upgrade(a.gw))
	}
	close(end)
	t.Logf("the agent has told %d times during 5 upgrades", <-told)
	a.wantReady("")
	for range 3 {
		s.RestartGateway(a.gw) // and nobody tells
		a.wantReady("")
		s.More(traffic, 30)
	}
	a.anotherBoot()
	s.RestartGateway(a.gw)
	a.wantReady("site shop is unknown")
	time.AfterFunc(300*time.Millisecond, func() { a.tell(control.FleetInStep) }) // as an agent that had to compare first
	s.More(traffic, 30)
	a.wantReady("")
	wantNoneFailed(t, traffic, stop)
}

// What an agent has told is so until it tells something else, whatever becomes of the gateway.
func TestAFleetsWordOutlivesAKill(t *testing.T) {
	s := stack.For(t, "php-fpm")
	site := s.Site(stack.SiteConfig{Name: "shop"})
	a := inFleet(t, s, site)
	status := func() int {
		t.Helper()
		reply, err := stack.Ask(a.gw.Addr, nil, stack.ParamsFor(site.DocRoot(), "GET", "/index.php")...)
		mustDo(t, err)
		return reply.Status
	}
	for _, row := range []struct {
		state  string
		status int
	}{{control.FleetBehind, 503}, {control.FleetStrayed, 200}, {control.FleetLost, 200}} {
		a.tell(row.state)
		a.gw.Kill()
		s.StartGatewayAgain(a.gw)
		if got := status(); got != row.status {
			t.Errorf("%s, after a kill a request gets %d, want %d", row.state, got, row.status)
		}
		a.wantReady(row.state)
	}
	a.anotherBoot()
	a.gw.Kill()
	s.StartGatewayAgain(a.gw)
	if got := status(); got != 503 {
		t.Errorf("after another boot, without a word, a request gets %d", got)
	}
}
