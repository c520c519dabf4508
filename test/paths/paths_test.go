package paths

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"realdocd/test/manual"
	"realdocd/test/stack"
)

// flipPeriod is how often each layout's link is flipped.
const flipPeriod = 5 * time.Millisecond

// runFor is how long each layout runs.
func runFor(t *testing.T) time.Duration {
	if text := os.Getenv("PATHS_FOR"); text != "" {
		d, err := time.ParseDuration(text)
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	return 1500 * time.Millisecond
}

// An observation is what the page of a request has seen.
type observation struct {
	Named map[string]string
	Parts []string
	Name  string
}

// An answer is what came of one request.
type answer struct {
	status int
	seen   observation
	err    error
}

// fronts are the web servers of one layout, and how to ask each.
type fronts struct {
	s          *stack.Stack
	keep       int // connections that nginx keeps: with PHP-FPM alone each would hold a worker
	nginx      stack.NginxConfig
	nginxRuns  *stack.Nginx
	apache     stack.ApacheConfig
	apacheRuns *stack.Apache
	caddy      stack.CaddyConfig
	caddyRuns  *stack.Caddy
	asks       []func() answer // in the order in which they were added
}

// add adds a URL, which is known when the web servers run.
func (f *fronts) add(url func() string) {
	client := &http.Client{Timeout: 20 * time.Second}
	f.asks = append(f.asks, func() (a answer) {
		resp, err := client.Get(url())
		if err != nil {
			return answer{err: err}
		}
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		return read(resp.StatusCode, body, err)
	})
}

// addAsk adds a request that goes to a FastCGI server without a web server.
func (f *fronts) addAsk(backend stack.Addr, params []string) {
	f.asks = append(f.asks, func() answer {
		reply, err := stack.Ask(backend, nil, params...)
		if err != nil {
			return answer{err: err}
		}
		return read(reply.Status, reply.Body, nil)
	})
}

func read(status int, body []byte, err error) (a answer) {
	a.status, a.err = status, err
	if err == nil && status == http.StatusOK {
		if a.err = json.Unmarshal(body, &a.seen); a.err != nil {
			a.err = fmt.Errorf("%w in %.300q", a.err, body)
		}
	}
	return a
}

func (f *fronts) start() {
	f.nginx.Workers = 2
	f.nginxRuns = f.s.Nginx(f.nginx)
	f.apacheRuns = f.s.Apache(f.apache)
	f.caddyRuns = f.s.Caddy(f.caddy)
}

// A result is what one spelling has come to in one layout.
type result struct {
	mu       sync.Mutex
	total    int
	statuses map[int]int
	whole    map[string]int // by the release
	torn     string         // the first that was not whole, "" for none
	tornN    int
	err      error
}

// note takes one answer. unpinned allows what leads through the link, as PHP-FPM alone has it.
func (r *result) note(p *place, sp spelling, a answer, pinned bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.total++
	if a.err != nil {
		r.err = a.err
		return
	}
	r.statuses[a.status]++
	if a.status != http.StatusOK {
		return
	}
	seen := map[string][]string{}
	for what, path := range a.seen.Named {
		release := p.releaseOf(path)
		if release != "" && (pinned || release != "the link") {
			seen[release] = append(seen[release], what)
		}
	}
	for _, part := range a.seen.Parts {
		seen[part] = append(seen[part], "included files")
	}
	if len(seen) == 1 {
		r.whole[slices.Collect(maps.Keys(seen))[0]]++
		return
	}
	if r.tornN++; r.torn == "" {
		r.torn = fmt.Sprintf("%v; %v", seen, a.seen)
	}
}

// wantPinned fails the test unless every request was whole, on the release that it should run on, or was refused as
// the table says.
func (r *result) wantPinned(t *testing.T, sp spelling, l layout) {
	if r.err != nil {
		t.Errorf("%s: %v", sp.name, r.err)
	}
	want := http.StatusOK
	if status := sp.refused[l.name]; status != 0 {
		want = status
	}
	if r.statuses[want] != r.total || r.total == 0 {
		t.Errorf("%s: of %d requests the statuses were %v, want %d", sp.name, r.total, r.statuses, want)
	}
	if r.tornN > 0 {
		t.Errorf("%s: %d of %d were torn: %s", sp.name, r.tornN, r.total, r.torn)
	}
	if want != http.StatusOK {
		return
	}
	turns := []string{"1", "2"}
	if sp.named != 0 {
		turns = []string{fmt.Sprint(sp.named)}
	}
	for release := range r.whole {
		if !slices.Contains(turns, release) {
			t.Errorf("%s: ran on release %s, want %v: %v", sp.name, release, turns, r.whole)
		}
	}
	for _, release := range turns {
		if r.whole[release] == 0 {
			t.Errorf("%s: release %s had no turn: %v", sp.name, release, r.whole)
		}
	}
}

// The matrix.
func TestEverySpellingInEveryLayoutRunsOnOneRelease(t *testing.T) {
	s := stack.For(t, "nginx", "apache2", "caddy", "php-fpm")
	behind := s.FPM(stack.FPMConfig{MaxChildren: 12})
	alone := s.FPM(stack.FPMConfig{MaxChildren: 12, FreshPaths: true, TCP: true})
	table := newTable()
	for i, l := range layouts {
		t.Run(l.name, func(t *testing.T) {
			s := s.In(t)
			p := lay(t, filepath.Join(s.Dir, fmt.Sprintf("site%d", i)), l)
			gw := s.Gateway(gatewayFor(behind, p))
			for _, run := range []struct {
				backend stack.Addr
				pinned  bool
			}{{gw.TCP, true}, {alone.Addr, false}} {
				results := runLayout(t, s, p, run.backend, run.pinned)
				for j, sp := range spellings {
					if run.pinned {
						results[j].wantPinned(t, sp, l)
					}
					table.note(sp, l, results[j], run.pinned)
				}
			}
		})
	}
	if t.Failed() && manual.Writes() {
		return // what a run saw that failed does not become what the manual says
	}
	t.Run("realdocd-paths(7)", func(t *testing.T) { table.compare(t) })
}

func gatewayFor(fpm *stack.FPM, p *place) stack.GatewayConfig {
	c := stack.GatewayFor(fpm)
	c.TCP = true // for Apache's ProxyPass, which takes no path with a space behind a unix socket's
	c.Log = stack.Keys{"access": false}
	c.Sites["site"] = stack.Keys{
		"docroot":     p.at(p.docroot),
		"extra_roots": []string{p.beside("/tools"), p.at("pma")},
	}
	for key, value := range p.keys {
		if list, ok := value.([]string); ok {
			var here []string
			for _, path := range list {
				here = append(here, strings.ReplaceAll(path, "ROOT", p.root))
			}
			value = here
		}
		c.Sites["site"][key] = value
	}
	return c
}

// runLayout asks in every spelling at once, while the link flips.
func runLayout(t *testing.T, s *stack.Stack, p *place, backend stack.Addr, pinned bool) []*result {
	f := &fronts{s: s}
	if pinned {
		f.keep = 4
	}
	results := make([]*result, len(spellings))
	for i, sp := range spellings {
		sp.write(f, p, backend)
		results[i] = &result{statuses: map[int]int{}, whole: map[string]int{}}
	}
	f.start()
	// A path of a release that nobody has seen live names, to realdocd, no release of the site. One flip back and
	// forth within a request would be enough for that, before the first look at the second release.
	for _, release := range []int{1, 0} {
		if err := p.flip(release); err != nil {
			t.Fatal(err)
		}
		if a := f.asks[0](); a.err != nil || a.status != http.StatusOK {
			t.Fatalf("the first request on release %d: %d, %v", release+1, a.status, a.err)
		}
	}
	stop, flips := make(chan struct{}), make(chan int)
	go func() { flips <- p.flipEvery(t, flipPeriod, stop) }()
	until := time.Now().Add(runFor(t))
	var asking sync.WaitGroup
	for i, sp := range spellings {
		asking.Go(func() {
			for n := 0; n < 20 || time.Now().Before(until); n++ {
				results[i].note(p, sp, f.asks[i](), pinned)
			}
		})
	}
	asking.Wait()
	close(stop)
	total, torn := 0, 0
	for _, r := range results {
		total, torn = total+r.total, torn+r.tornN
	}
	t.Logf("pinned %v: %d requests in %d spellings, %d flips, %d torn", pinned, total, len(spellings), <-flips, torn)
	return results
}
