package e2e

import (
	"strings"
	"testing"

	"realdocd/gateway/control"
	"realdocd/test/stack"
)

// named is an FPM whose scripts can tell its name.
func named(name string) stack.FPMConfig {
	return stack.FPMConfig{Pool: []string{"env[FPM_NAME] = " + name}}
}

// openShopOnTwo starts a shop whose pool has two FPMs, named one and two.
func openShopOnTwo(t *testing.T) (s *shop, two *stack.FPM) {
	t.Helper()
	st := stack.For(t, "nginx", "php-fpm")
	one, two := st.FPM(named("one")), st.FPM(named("two"))
	return openShopOn(st, one, settings{pool: stack.Keys{"server": []string{string(one.Addr), string(two.Addr)}}}), two
}

// served asks for a script so many times and counts by the FPM that ran it.
func (s *shop) served(t *testing.T, requests int) map[string]int {
	t.Helper()
	by := map[string]int{}
	for range requests {
		name, _, _ := strings.Cut(s.get(t, "/who.php").body, " ")
		by[name]++
	}
	return by
}

func TestRequestsSpreadOverTheFPMsOfAPool(t *testing.T) {
	s, _ := openShopOnTwo(t)
	if by := s.served(t, 40); by["one"] < 10 || by["two"] < 10 {
		t.Errorf("served by %v", by)
	}
}

func TestAStoppedFPMOfTwoIsPassedOver(t *testing.T) {
	s, two := openShopOnTwo(t)
	up := func(up bool) func(control.PoolStatus) bool {
		return func(p control.PoolStatus) bool { return p.Servers[1].Up == up }
	}
	mark := s.gw.Log.Mark()
	if err := two.Stop(); err != nil {
		t.Fatal(err)
	}
	if by := s.served(t, 40); by["one"] != 40 {
		t.Errorf("served by %v, while one alone is up", by)
	}
	if event := s.Event(s.gw, mark, "FPM listener is down"); event.String("server") != string(two.Addr) || event.String("error") == "" {
		t.Errorf("want the server that is down and why: %v", event)
	}
	if server := s.pool(t, up(false)).Servers[1]; server.Error == "" {
		t.Errorf("the status does not say why: %+v", server)
	}
	s.StartAgain(two)
	s.Event(s.gw, mark, "FPM listener is up again")
	s.pool(t, up(true))
	if by := s.served(t, 40); by["two"] < 10 {
		t.Errorf("served by %v, after both are up again", by)
	}
}
