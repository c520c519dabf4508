package observe

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"realdocd/test/stack"
)

const (
	scrapeEvery = "500ms"
	window      = "4s" // that rates and increases look back, instead of the minutes of the rules
)

// A prometheus is one that scrapes a realdocd, and judges by the rules of etc/ in fast motion.
type prometheus struct {
	t     *testing.T
	url   string
	began time.Time
}

// startPrometheus starts it on the rules, which wait for nothing, and look back for window.
func startPrometheus(t *testing.T, s *stack.Stack, target stack.Addr) *prometheus {
	t.Helper()
	rules, err := os.ReadFile("../../etc/prometheus/rules.d/realdocd.yml")
	if err != nil {
		t.Fatal(err)
	}
	text := regexp.MustCompile(`\[5m\]`).ReplaceAllString(string(rules), "["+window+"]")
	text = regexp.MustCompile(`(?m)^( +)for: .*$`).ReplaceAllString(text, "${1}for: 0s")
	if text == string(rules) {
		t.Fatal("the rules were not rewritten")
	}
	dir := s.Dir + "/prometheus-files"
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	write := func(name, text string) string {
		if err := os.WriteFile(dir+"/"+name, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		return dir + "/" + name
	}
	config := write("prometheus.yml", fmt.Sprintf(`
global: {scrape_interval: %s, evaluation_interval: %[1]s}
rule_files: [%s]
scrape_configs:
  - job_name: realdocd
    static_configs: [{targets: [%q]}]
`, scrapeEvery, write("rules.yml", text), string(target)))
	addr := s.FreeAddr()
	s.Program("prometheus", addr, stack.PathOf(t, "prometheus"), "--config.file="+config, "--storage.tsdb.path="+dir+"/data",
		"--web.listen-address="+string(addr), "--log.level=warn")
	return &prometheus{t, "http://" + string(addr), time.Now()}
}

// get asks its API.
func (p *prometheus) get(path string, query url.Values, data any) error {
	answer, err := http.Get(p.url + path + "?" + query.Encode())
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		return err
	}
	var said struct {
		Status, Error string
		Data          json.RawMessage
	}
	if err := json.Unmarshal(text, &said); err != nil || said.Status != "success" {
		return fmt.Errorf("%s: %s%s", path, said.Error, answer.Status)
	}
	return json.Unmarshal(said.Data, data)
}

// firing are the names of the alerts that fire now.
func (p *prometheus) firing() (names []string, err error) {
	var data struct {
		Alerts []struct {
			Labels map[string]string
			State  string
		}
	}
	if err := p.get("/api/v1/alerts", nil, &data); err != nil {
		return nil, err
	}
	for _, a := range data.Alerts {
		if name := a.Labels["alertname"]; a.State == "firing" && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names, nil
}

// settles is how long no other alert may fire, once those do that should.
const settles = 2 * time.Second

// wantFiring waits until just these alerts fire, and that no other one follows.
func (p *prometheus) wantFiring(when string, want ...string) {
	p.t.Helper()
	if err := stack.Poll(func() error {
		time.Sleep(50 * time.Millisecond) // Prometheus tells nobody
		got, err := p.firing()
		if err == nil && !slices.Equal(got, want) {
			err = fmt.Errorf("%s, %q fire, want %q", when, got, want)
		}
		return err
	}); err != nil {
		p.t.Error(err)
		return
	}
	for ends := time.Now().Add(settles); len(want) > 0 && time.Now().Before(ends); time.Sleep(100 * time.Millisecond) {
		got, err := p.firing()
		for _, name := range got {
			if !slices.Contains(want, name) {
				err = fmt.Errorf("%s, %s fires too", when, name)
			}
		}
		if err != nil {
			p.t.Error(err)
			return
		}
	}
}

// has says how many series with a number a query gives, over all of the time since the start; and how many
// values they have that differ.
func (p *prometheus) has(query string) (series, values int, err error) {
	now := time.Now()
	var data struct {
		Result []struct{ Values [][2]any }
	}
	err = p.get("/api/v1/query_range", url.Values{
		"query": {query}, "start": {fmt.Sprint(p.began.Unix())}, "end": {fmt.Sprint(now.Unix())}, "step": {"1"},
	}, &data)
	differ := map[string]bool{}
	for _, r := range data.Result {
		numbers := 0
		for _, v := range r.Values {
			if text, _ := v[1].(string); text != "NaN" {
				if _, err := strconv.ParseFloat(text, 64); err == nil {
					numbers++
					differ[text] = true
				}
			}
		}
		if numbers > 0 {
			series++
		}
	}
	return series, len(differ), err
}

// A dashboard is Grafana's, as far as its queries go.
type dashboard struct {
	Panels []struct {
		Title   string
		Targets []struct{ Expr string }
	}
	Templating struct {
		List []struct{ Name, Type, Query string }
	}
	Annotations struct{ List []struct{ Name, Expr string } }
}

func readDashboard(t *testing.T) (d dashboard) {
	t.Helper()
	text, err := os.ReadFile("../../etc/grafana/realdocd.json")
	if err == nil {
		err = json.Unmarshal(text, &d)
	}
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// filled is a query with the dashboard's variables filled in, as Grafana does for "All".
func filled(query string) string {
	return strings.NewReplacer("$__rate_interval", window, "$instance", ".*", "$pool", ".*", "$site", ".*").Replace(query)
}
