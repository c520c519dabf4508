package gateway

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"realdocd/gateway/control"
	"realdocd/test/stack"
)

// newTenants is a gateway of a fleet with a pattern, whose agent has named the blog.
func newTenants(t *testing.T) *bench {
	b := newFleet(t)
	b.cfg.Sites = []SiteConfig{{Name: "all", Docroot: b.dir + "/*/current/public", Pool: "www", RequestBuffering: true}}
	b.start()
	b.stand(control.FleetStanding{Site: "all/blog", State: control.FleetInStep})
	return b
}

// waits sends a request for the shop that waits until it is known where that stands.
func (b *bench) waits() *stack.Client {
	b.t.Helper()
	c := b.connect()
	b.send(c, "", b.params()...)
	stack.Until(b.t, "the request waits", func() bool { return b.server.setup.Load().sites.named("all").unknown.Load() == 1 })
	return c
}

// A tenant that appears is one that its agent has not looked for yet: it is asked at once, and visitors see nothing of it.
func TestFleet_ATenantThatAppearsWaitsForTheAgentThatIsAskedAtOnce(t *testing.T) {
	b := newTenants(t)
	seen := b.server.Wanted(t.Context(), 0)
	wanted := make(chan uint64, 1)
	go func() { wanted <- b.server.Wanted(t.Context(), seen) }()
	c := b.waits()
	if count := stack.Receive(t, wanted, "the agent is wanted"); count != seen+1 {
		t.Errorf("it is wanted for the %d. time, after %d", count, seen)
	}
	b.stand(control.FleetStanding{Site: "all/blog", State: control.FleetInStep}, control.FleetStanding{Site: "all/shop", State: control.FleetInStep})
	b.fpm.Next().Answer(page)
	b.wantPage(c)
	if n := len(b.server.fleet.unnamed); n != 0 {
		t.Errorf("%d docroots are missed still", n)
	}
}

// Its name may have a commit on other hosts: what the agent has not named is not served.
func TestFleet_ATenantThatTheAgentDoesNotNameIsRefusedAfterAMomentAndThenAtOnce(t *testing.T) {
	b := newTenants(t)
	began := time.Now()
	b.wantUnknown()
	if took := time.Since(began); took < unknownGrace-time.Second || took > unknownGrace+2*time.Second {
		t.Errorf("the first one has waited for %v", took)
	}
	seen := b.server.Wanted(t.Context(), 0)
	began = time.Now()
	b.wantUnknown()
	if took := time.Since(began); took > time.Second {
		t.Errorf("another one has waited for %v", took)
	}
	if again := b.server.Wanted(over(t), seen); again != seen {
		t.Error("the agent is asked again for each request")
	}
}

// over is a context that has ended.
func over(t *testing.T) context.Context {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	return ctx
}

// A configuration that is read again may have other sites.
func TestFleet_AReloadHasTheAgentLook(t *testing.T) {
	b := newTenants(t)
	seen := b.server.Wanted(t.Context(), 0)
	b.reload(func(c *Config) { c.SlowLog = time.Hour })
	if again := b.server.Wanted(over(t), seen); again == seen {
		t.Error("the agent is not asked")
	}
}

func TestFleet_OnlyWhoMayDeployLearnsWhatIsWantedOfTheAgent(t *testing.T) {
	b := newFleet(t)
	b.cfg.Control = b.dir + "/control"
	b.start()
	client := control.NewClient(b.cfg.Control)
	wanted, err := client.FleetWanted(t.Context(), 0)
	if err != nil || wanted.Count == 0 {
		t.Fatalf("%+v, %v", wanted, err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if again, err := client.FleetWanted(ctx, wanted.Count); err == nil {
		t.Errorf("it does not wait, and says %+v", again)
	}
	if said := b.asks(control.RoleOperate, http.MethodGet, "/v1/fleet/wanted?seen=0"); said.Code != http.StatusForbidden {
		t.Errorf("it is answered %d %s", said.Code, said.Body)
	}
	if said := b.asks(control.RoleDeploy, http.MethodGet, "/v1/fleet/wanted?seen=x"); said.Code != http.StatusBadRequest || !strings.Contains(said.Body.String(), "want a count") {
		t.Errorf("it is answered %d %s", said.Code, said.Body)
	}
}
