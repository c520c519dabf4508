package gateway

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"slices"
	"strconv"
	"testing"
	"time"

	"realdocd/deploy"
	"realdocd/test/stack"
)

func TestMetrics_AreNoWayToTheProfiles(t *testing.T) {
	metrics := newBench(t).newServer().exporter()
	for _, path := range []string{"/debug/pprof/", "/debug/pprof/profile?seconds=1", "/debug/pprof/cmdline", "/v1/status"} {
		w := httptest.NewRecorder()
		metrics.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
		if w.Code != http.StatusNotFound {
			t.Errorf("%s: %d", path, w.Code)
		}
	}
}

// value is that of one line of the metrics; ok is whether there is one.
func (b *bench) value(series string) (v float64, ok bool) {
	b.t.Helper()
	w := httptest.NewRecorder()
	b.server.metricsHandler().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	m := regexp.MustCompile(`(?m)^` + regexp.QuoteMeta(series) + ` (\S+)$`).FindStringSubmatch(w.Body.String())
	if m == nil {
		return 0, false
	}
	v, err := strconv.ParseFloat(m[1], 64)
	b.must(err)
	return v, true
}

// wantValue waits until a line of the metrics has this value; a request is counted behind its response.
func (b *bench) wantValue(series string, want float64) {
	b.t.Helper()
	got, ok := 0., false
	if err := stack.Poll(func() error {
		if got, ok = b.value(series); !ok || got != want {
			return fmt.Errorf("%s is %v (%t), want %v", series, got, ok, want)
		}
		return nil
	}); err != nil {
		b.t.Error(err)
	}
}

// Of a flip one sees both releases: how many requests each has had, of which class, and how long they took.
func TestMetrics_TellReleasesApart(t *testing.T) {
	b := newBench(t).start()
	c := b.connect()
	for range 3 {
		b.visit(c, page)
	}
	b.flip("2")
	began := time.Now()
	b.visit(c, failedPage)
	one, two := b.release("shop", "1"), b.release("shop", "2")
	of := func(name, release, more string) string {
		return fmt.Sprintf(`%s{site="shop",release="%s"%s}`, name, release, more)
	}
	b.wantValue(of("realdocd_release_responses_total", one, `,class="2xx"`), 3)
	b.wantValue(of("realdocd_release_responses_total", two, `,class="5xx"`), 1)
	b.wantValue(of("realdocd_release_php_errors_total", one, ""), 0)
	b.wantValue(of("realdocd_release_php_errors_total", two, ""), 1)
	b.wantValue(of("realdocd_release_request_duration_seconds_count", one, ""), 3)
	b.wantValue(of("realdocd_release_php_duration_seconds_count", two, ""), 1)
	b.wantValue(of("realdocd_release_php_duration_seconds_bucket", two, `,le="+Inf"`), 1)
	if _, there := b.value(of("realdocd_site_live_timestamp_seconds", one, "")); there {
		t.Error("the release that is not live any more is live in the metrics")
	}
	at, there := b.value(of("realdocd_site_live_timestamp_seconds", two, ""))
	if live := time.UnixMilli(int64(at * 1000)); !there || live.Before(began.Add(-time.Second)) || live.After(time.Now()) {
		t.Errorf("it went live at %v, and the flip was at %v", live, began)
	}
	if last, _ := b.value(of("realdocd_release_last_seen_timestamp_seconds", one, "")); last < at-1 || last > at {
		t.Errorf("the release before was seen last at %v, and the flip was at %v", last, at)
	}
}

// The time of a flip is known to the next process, by the history.
func TestMetrics_KnowTheTimeOfAFlipBeforeTheirProcess(t *testing.T) {
	b := newBench(t)
	b.cfg.StateDir = b.dir + "/state"
	at := time.Now().Add(-42 * time.Hour).Truncate(time.Second)
	b.must(deploy.NewHistory(b.cfg.StateDir, "shop").Add(deploy.Event{Time: at, Link: b.link("shop"), Release: b.release("shop", "1"), By: "deploy"}))
	b.start()
	b.wantValue(`realdocd_site_live_timestamp_seconds{site="shop",release="`+b.release("shop", "1")+`"}`, float64(at.Unix()))
}

// A pattern may stand for thousands of docroots: only some have series of their own.
func TestMetrics_BoundTheDocrootsOfAPattern(t *testing.T) {
	b := newBench(t)
	b.cfg.Sites = []SiteConfig{{Name: "all", Docroot: b.dir + "/t/*", Pool: "www", RequestBuffering: true}}
	b.must(os.MkdirAll(b.dir+"/r/1", 0o755))
	b.must(os.MkdirAll(b.dir+"/t", 0o755))
	b.start()
	c := b.connect()
	for i := range maxDocroots + 5 {
		docroot := fmt.Sprintf("%s/t/%03d", b.dir, i)
		b.must(os.Symlink("../r/1", docroot))
		for range 2 {
			b.visit(c, page, "DOCUMENT_ROOT", docroot, "SCRIPT_FILENAME", docroot+"/index.php")
		}
	}
	of := func(docroot string) string {
		return `realdocd_docroot_requests_total{site="all",docroot="` + docroot + `",class="2xx"}`
	}
	b.wantValue(of("other"), 10)
	b.wantValue(of(b.dir+"/t/000"), 2)
	b.wantValue(of(fmt.Sprintf("%s/t/%03d", b.dir, maxDocroots-1)), 2)
	if _, there := b.value(of(fmt.Sprintf("%s/t/%03d", b.dir, maxDocroots))); there {
		t.Error("a docroot too many has a series of its own")
	}
	b.wantValue(`realdocd_docroot_request_duration_seconds_count{site="all",docroot="other"}`, 10)
	b.wantValue(`realdocd_requests_total{site="all",pool="www",class="2xx"}`, 2*(maxDocroots+5))
}

func TestMetrics_SayWhichConfigurationIsAtWork(t *testing.T) {
	b := newBench(t).start()
	first, _ := b.value("realdocd_config_hash")
	b.wantValue("realdocd_config_last_reload_successful", 1)
	b.server.ReloadFailed()
	b.wantValue("realdocd_config_last_reload_successful", 0)
	b.wantValue("realdocd_config_hash", first)
	b.must(b.server.Reload(b.cfg))
	b.wantValue("realdocd_config_last_reload_successful", 1)
	pinned := b.cfg
	pinned.Sites = slices.Clone(b.cfg.Sites)
	pinned.Sites[0].Pin, pinned.PinKeyFile = PinPage, b.dir+"/none"
	if err := b.server.Reload(pinned); err == nil {
		t.Error("a configuration without its keys is taken")
	}
	b.wantValue("realdocd_config_last_reload_successful", 0)
	b.must(b.server.Reload(b.cfg))
	b.wantValue("realdocd_config_hash", first)
	b.reload(func(c *Config) { c.Sites[0].ReadTimeout = new(time.Minute) })
	other, _ := b.value("realdocd_config_hash")
	if other == first || other == 0 {
		t.Errorf("with another configuration the hash is %v, as before", other)
	}
	// The same configuration, of another process, has the same one.
	cfg := b.cfg
	cfg.Sites = append([]SiteConfig(nil), b.cfg.Sites...)
	cfg.Sites[0].ReadTimeout = new(time.Minute)
	if again := hashOf(&cfg); again != other {
		t.Errorf("the hash is %v and %v", other, again)
	}
}

// A Prometheus that asks for it gets the histograms of a pool as native ones too.
func TestMetrics_AreNativeHistogramsToo(t *testing.T) {
	b := newBench(t).start()
	b.visit(b.connect(), page)
	b.wantValue(`realdocd_request_duration_seconds_count{pool="www"}`, 1)
	families, err := b.server.gather()
	b.must(err)
	for _, f := range families {
		if f.GetName() != "realdocd_request_duration_seconds" {
			continue
		}
		for _, m := range f.Metric {
			if h := m.Histogram; h.GetSampleCount() == 1 && (h.Schema == nil || len(h.PositiveSpan) == 0 || len(h.Bucket) == 0) {
				t.Errorf("the histogram is %v", h)
			}
		}
		return
	}
	t.Error("there is no such histogram")
}

func TestMetrics_HaveOneToScaleOn(t *testing.T) {
	b := newLimited(t, 2).start()
	b.wantValue(`realdocd_pool_saturation_ratio{pool="www"}`, 0)
	_, q := b.running(b.params()...)
	b.running(b.params()...)
	b.waiting(1, "shop")
	b.wantValue(`realdocd_pool_saturation_ratio{pool="www"}`, 1.5)
	over, err := b.server.Deploying("shop")
	b.must(err)
	b.wantValue("realdocd_deploys_running", 1)
	over()
	b.wantValue("realdocd_deploys_running", 0)
	q.Answer(page)
}

// A scrape waits for no FPM that hangs: neither at its status nor at its listener.
func TestMetrics_DoNotWaitForAnFPMThatHangs(t *testing.T) {
	b := newBench(t)
	b.hang()
	b.cfg.Pools[0].StatusServer, b.cfg.Pools[0].StatusPath = b.cfg.Pools[0].Servers[0], "/status"
	b.start()
	for range 20 {
		began := time.Now()
		b.value("realdocd_start_time_seconds")
		if took := time.Since(began); took > time.Second {
			t.Fatalf("a scrape took %v", took)
		}
	}
}
