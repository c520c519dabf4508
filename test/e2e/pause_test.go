package e2e

import (
	"context"
	"strings"
	"testing"

	"realdocd/gateway/control"
	"realdocd/test/stack"
)

// steady starts traffic that does not end by itself, and waits until it flows.
func (s *shop) steady(t *testing.T) (traffic *stack.Traffic, stop context.CancelFunc) {
	t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	t.Cleanup(stop)
	traffic = stack.Load{URLs: []string{s.web.URL(0, "/index.php?pause=0")}, Clients: 4}.Start(ctx)
	s.More(traffic, 20)
	return traffic, stop
}

func TestFPMRestartsUnseenWhileItsPoolIsPaused(t *testing.T) {
	for _, reuse := range []string{"off", "auto"} {
		t.Run("reuse "+reuse, func(t *testing.T) {
			s := openShopWith(t, settings{pool: stack.Keys{"reuse": reuse}})
			traffic, stop := s.steady(t)
			s.Command(s.gw, 0, "pause", "www", "--drain", "--timeout", "10s")
			if fpm := s.pool(t, func(p control.PoolStatus) bool { return p.Paused }).Servers[0]; fpm.Running+fpm.Kept > 0 {
				t.Errorf("after the drain: %+v", fpm)
			}
			s.Restart(s.fpm)
			s.pool(t, func(p control.PoolStatus) bool { return p.Waiting > 0 })
			s.Command(s.gw, 0, "resume", "www")
			s.More(traffic, 20)
			wantNoneFailed(t, traffic, stop)
		})
	}
}

// The same without the pause: if this loses no request, the test above proves nothing.
func TestAnFPMThatRestartsLosesRequests(t *testing.T) {
	s := openShop(t)
	traffic, stop := s.steady(t)
	s.Restart(s.fpm)
	s.More(traffic, 20)
	stop()
	if tally := traffic.Wait(); tally.Failed == 0 {
		t.Errorf("no request was lost: %v", tally)
	}
}

func TestAPauseThatCannotDrainChangesNothing(t *testing.T) {
	s := openShop(t)
	g := newGate(s.Stack)
	runs := s.visit(g.path())
	s.holding(t, 1, 0)
	said := s.Command(s.gw, 1, "pause", "www", "--drain", "--timeout", "300ms")
	if !strings.Contains(said, "did not drain within 300ms") || !strings.Contains(said, "requests that run 1") {
		t.Errorf("the command said %q", said)
	}
	s.pool(t, func(p control.PoolStatus) bool { return !p.Paused })
	s.get(t, "/who.php")
	g.open(t)
	wantServed(t, <-runs)
}

// A pause ends with its pool: one of the same name that comes with a later reload is another.
func TestADrainThatFailsLeavesAPoolThatCameBackAsItWas(t *testing.T) {
	s := openShop(t)
	www := s.config.Pools
	s.Command(s.gw, 0, "pause", "www")
	s.config.Pools = map[string]stack.Keys{"green": {"server": []string{string(s.fpm.Addr)}}}
	s.config.Sites["shop"]["pool"] = "green"
	s.Reload(s.gw, s.config)
	s.config.Pools = www
	s.config.Sites["shop"]["pool"] = "www"
	s.Reload(s.gw, s.config)
	s.pool(t, func(p control.PoolStatus) bool { return !p.Paused })
	g := newGate(s.Stack)
	runs := s.visit(g.path())
	s.holding(t, 1, 0)
	s.Command(s.gw, 1, "pause", "www", "--drain", "--timeout", "300ms")
	if s.pool(t, func(control.PoolStatus) bool { return true }).Paused {
		t.Error("the pool stays paused, and it was not before")
	}
	g.open(t)
	wantServed(t, <-runs)
}
