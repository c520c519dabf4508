package observe

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"realdocd/gateway/control"
	"realdocd/test/stack"
)

func TestMain(m *testing.M) { os.Exit(stack.Main(m)) }

// A host has two pools, each with a PHP-FPM and a site: the shop, of which everything is seen, and the blog, whose
// PHP-FPM dies.
type host struct {
	*stack.Stack
	t            *testing.T
	shop, blog   *stack.Site
	fpm, blogFPM *stack.FPM
	gw           *stack.Gateway
	metrics      stack.Addr
	traffic      sync.WaitGroup
	stopped      chan struct{}
}

const places = 3

func openHost(t *testing.T) *host {
	s := stack.For(t, "php-fpm", "prometheus", "promtool")
	h := &host{Stack: s, t: t, stopped: make(chan struct{})}
	h.shop, h.blog = s.Site(stack.SiteConfig{}), s.Site(stack.SiteConfig{Name: "blog", First: 10})
	for n, text := range map[int]string{
		1: `<?php usleep(1000 * (int) ($_SERVER['HTTP_X_SLOW'] ?? 0)); echo "one";`,
		2: `<?php http_response_code(500); echo "a bad release";`,
	} {
		h.write(h.shop.Release(n)+"/public/page.php", text)
	}
	h.write(h.blog.Release(10)+"/public/page.php", `<?php echo "blog";`)
	// File times of the future would keep them out of opcache, and so does a file younger than two seconds.
	ini := map[string]string{"opcache.file_update_protection": "0"}
	h.fpm = s.FPM(stack.FPMConfig{MaxChildren: places, Status: true, INI: ini})
	h.blogFPM = s.FPM(stack.FPMConfig{MaxChildren: places, Status: true, INI: ini})
	h.metrics = s.FreeAddr()
	c := stack.GatewayFor(h.fpm, h.shop, h.blog)
	c.Top["metrics"] = string(h.metrics)
	c.Log["access"] = "errors"
	c.Fleet = stack.Keys{"etcd": []string{"http://127.0.0.1:2379"}} // the test is the agent, and asks no etcd
	c.Pools["www"]["status"], c.Pools["www"]["status_path"] = string(h.fpm.Status), stack.StatusPath
	c.Pools["www"]["queue"], c.Pools["www"]["queue_timeout"] = 2, "5s"
	c.Pools["other"] = stack.Keys{"server": []string{string(h.blogFPM.Addr)}, "status": string(h.blogFPM.Status), "status_path": stack.StatusPath}
	c.Sites["shop"]["pool"], c.Sites["blog"]["pool"] = "www", "other"
	h.gw = s.Gateway(c)
	h.stands(control.FleetInStep, "")
	return h
}

// stands tells the gateway where the shop stands, and whether etcd answers, as the agent of a fleet does.
func (h *host) stands(state, store string) {
	h.t.Helper()
	ctx, cancel := context.WithTimeout(h.t.Context(), stack.Patience)
	defer cancel()
	_, err := control.NewClient(string(h.gw.Control)).Fleet(ctx, control.FleetReport{Group: "www", Host: "www1", StoreError: store, Standings: []control.FleetStanding{
		{Site: "shop", State: state, Seq: 1}, {Site: "blog", State: control.FleetInStep, Seq: 1},
	}})
	if err != nil {
		h.t.Fatal(err)
	}
}

func (h *host) write(file, text string) {
	h.t.Helper()
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		h.t.Fatal(err)
	}
}

// visit asks for a site's page again and again, until stop is closed. What comes back is not looked at: that is
// what the metrics are for.
func (h *host) visit(stop <-chan struct{}, site *stack.Site, clients int, pause time.Duration, more ...string) {
	for range clients {
		h.traffic.Go(func() {
			tick := time.NewTicker(pause)
			defer tick.Stop()
			for {
				select {
				case <-stop:
					return
				case <-tick.C:
					stack.Ask(h.gw.Addr, nil, stack.ParamsFor(site.DocRoot(), "GET", "/page.php", more...)...)
				}
			}
		})
	}
}

// What somebody sees who has put the samples to work: nothing while all is well, and then what is wrong, and
// nothing else.
func TestAlertsFireForWhatIsWrongAndForNothingElse(t *testing.T) {
	h := openHost(t)
	defer h.traffic.Wait()
	defer close(h.stopped)
	h.visit(h.stopped, h.shop, 2, 10*time.Millisecond)
	h.visit(h.stopped, h.blog, 1, 20*time.Millisecond)
	p := startPrometheus(t, h.Stack, h.metrics)
	stack.Until(t, "rates are known", func() bool {
		time.Sleep(100 * time.Millisecond)
		n, _, err := p.has(`rate(realdocd_requests_total{site="shop",class="2xx"}[` + window + `])`)
		return err == nil && n > 0
	})
	p.wantFiring("while all is well")

	if err := h.shop.Flip(2); err != nil {
		t.Fatal(err)
	}
	p.wantFiring("after a flip to a release that fails", "RealdocdReleaseFails")
	if err := h.shop.Flip(1); err != nil {
		t.Fatal(err)
	}
	p.wantFiring("after the way back")

	full := make(chan struct{})
	h.visit(full, h.shop, 12, time.Millisecond, "HTTP_X_SLOW", "400")
	p.wantFiring("with a full pool", "RealdocdPoolRefuses", "RealdocdPoolSaturated")
	close(full)
	p.wantFiring("with places again")

	h.stands(control.FleetBehind, "")
	p.wantFiring("behind its fleet", "RealdocdFleetRefuses")
	h.stands(control.FleetInDoubt, "connection refused")
	p.wantFiring("in doubt without etcd", "RealdocdFleetNotInStep", "RealdocdFleetStoreDown")
	h.stands(control.FleetInStep, "")
	p.wantFiring("in step with its fleet")

	if err := h.blogFPM.Stop(); err != nil {
		t.Fatal(err)
	}
	p.wantFiring("with a dead PHP-FPM", "RealdocdFPMDown")
	h.StartAgain(h.blogFPM)
	p.wantFiring("with PHP-FPM again")
	h.wantDashboard(p)
}

// wantDashboard wants data for each query of the dashboard, after all that has happened. What comes of opcache
// takes two answers, which are 15 seconds apart.
func (h *host) wantDashboard(p *prometheus) {
	h.t.Helper()
	d := readDashboard(h.t)
	if len(d.Panels) < 20 {
		h.t.Errorf("the dashboard has %d panels", len(d.Panels))
	}
	for _, panel := range d.Panels {
		for _, target := range panel.Targets {
			if err := stack.Poll(func() error {
				series, _, err := p.has(filled(target.Expr))
				if err == nil && series == 0 {
					time.Sleep(100 * time.Millisecond) // Prometheus tells nobody
					err = errors.New("no data")
				}
				return err
			}); err != nil {
				h.t.Errorf("the panel %q, %s: %v", panel.Title, target.Expr, err)
			}
		}
	}
	for _, a := range d.Annotations.List {
		_, values, err := p.has(filled(a.Expr))
		if err != nil || values == 0 || a.Name == "Flips" && values < 3 {
			h.t.Errorf("the annotations %q are %d times (%v)", a.Name, values, err)
		}
	}
	for _, v := range d.Templating.List {
		if v.Type != "query" {
			continue
		}
		metric := regexp.MustCompile(`^label_values\((\w+), (\w+)\)$`).FindStringSubmatch(v.Query)
		if metric == nil {
			h.t.Errorf("the variable %s is %s", v.Name, v.Query)
			continue
		}
		if series, _, err := p.has(fmt.Sprintf("count by (%s) (%s)", metric[2], metric[1])); err != nil || series == 0 {
			h.t.Errorf("the variable %s has no values (%v)", v.Name, err)
		}
	}
}

// While all workers are busy, PHP-FPM's status cannot be had at its own listener, where exporters ask by default.
// What realdocd shows goes on.
func TestAFullPoolIsSeen(t *testing.T) {
	h := openHost(t)
	defer h.traffic.Wait()
	defer close(h.stopped)
	h.visit(h.stopped, h.shop, places, time.Millisecond, "HTTP_X_SLOW", "1500")
	for name, labels := range map[string][]string{"realdocd_fpm_workers": {"pool", "www", "state", "running"}, "realdocd_pool_running": {"pool", "www"}} {
		if err := h.gw.WaitMetric(places, name, labels...); err != nil {
			t.Error(err)
		}
	}
	c, err := stack.Connect(h.fpm.Addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	c.Begin(false)
	c.Params("REQUEST_METHOD", "GET", "SCRIPT_NAME", stack.StatusPath, "SCRIPT_FILENAME", stack.StatusPath, "QUERY_STRING", "json")
	c.Stdin(nil)
	c.SetReadDeadline(time.Now().Add(250 * time.Millisecond)) // the scripts take six times as long
	if reply, err := c.Reply(); err == nil {
		t.Errorf("the pool's own listener says %d %s", reply.Status, reply.Body)
	}
}

// promtool finds nothing in what is scraped, nor in the rules.
func TestPromtoolFindsNothing(t *testing.T) {
	h := openHost(t)
	for range 3 {
		stack.Ask(h.gw.Addr, nil, stack.ParamsFor(h.shop.DocRoot(), "GET", "/page.php")...)
	}
	var text []byte
	stack.Until(t, "all is in the metrics", func() bool {
		answer, err := http.Get("http://" + string(h.metrics) + "/metrics")
		if err != nil {
			t.Fatal(err)
		}
		defer answer.Body.Close()
		var body bytes.Buffer
		body.ReadFrom(answer.Body)
		text = body.Bytes()
		return bytes.Contains(text, []byte("realdocd_fpm_workers{")) && bytes.Contains(text, []byte("realdocd_release_opcache_bytes{"))
	})
	check := exec.Command(stack.PathOf(t, "promtool"), "check", "metrics")
	check.Stdin = bytes.NewReader(text)
	if out, err := check.CombinedOutput(); err != nil || len(strings.TrimSpace(string(out))) > 0 {
		t.Errorf("promtool check metrics: %v\n%s", err, out)
	}
	if out, err := exec.Command(stack.PathOf(t, "promtool"), "check", "rules", "--lint-fatal", "../../etc/prometheus/rules.d/realdocd.yml").CombinedOutput(); err != nil {
		t.Errorf("promtool check rules: %v\n%s", err, out)
	}
}
