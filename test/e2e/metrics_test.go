package e2e

import (
	"net/http"
	"testing"

	"realdocd/test/stack"
)

func TestMetricsCountWhatHappened(t *testing.T) {
	s := openShopWith(t, settings{pool: stack.Keys{"max_conns": 1, "queue": 1}})
	want := func(value float64, name string, labels ...string) {
		t.Helper()
		if err := s.gw.WaitMetric(value, name, labels...); err != nil {
			t.Error(err)
		}
	}
	class := func(value float64, class string) {
		t.Helper()
		want(value, "realdocd_requests_total", "site", "shop", "pool", "www", "class", class)
	}
	for range 7 {
		s.get(t, "/who.php")
	}
	for range 2 {
		if a := <-s.visit("/none.php"); a.status != http.StatusNotFound {
			t.Errorf("a script that is not there: %+v", a)
		}
	}
	s.Ask(s.gw.Addr, nil, stack.ParamsFor(s.Dir+"/unknown", "GET", "/who.php")...)
	class(7, "2xx")
	class(2, "4xx")
	want(1, "realdocd_requests_total", "site", "", "pool", "", "class", "4xx")
	want(1, "realdocd_refusals_total", "cause", "no_site")
	want(9, "realdocd_request_duration_seconds", "pool", "www")

	g := newGate(s.Stack)
	runs := s.visit(g.path())
	s.holding(t, 1, 0)
	waits := s.visit("/who.php")
	s.holding(t, 1, 1)
	wantRefused(t, <-s.visit("/who.php"))
	want(1, "realdocd_pool_running", "pool", "www")
	want(1, "realdocd_pool_waiting", "pool", "www")
	want(1, "realdocd_refusals_total", "cause", "queue_full")
	class(1, "5xx")
	g.open(t)
	wantServed(t, <-runs)
	wantServed(t, <-waits)
	want(0, "realdocd_pool_running", "pool", "www")
	want(0, "realdocd_pool_waiting", "pool", "www")
	class(9, "2xx")
}
