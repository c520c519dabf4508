package robust

import (
	"bufio"
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"realdocd/test/manual"
	"realdocd/test/stack"
)

// An end is when a soak may end: after so long, or after so many requests; sooner if somebody
// interrupts it, who is told what was seen until then.
type end struct {
	lasts       time.Duration
	requests    int64
	interrupted <-chan struct{}
}

// soakEnd is SOAK, such as 10m or 1000000, or a few seconds.
func soakEnd(t *testing.T) end {
	t.Helper()
	text := os.Getenv("SOAK")
	if text == "" {
		return end{lasts: 6 * time.Second}
	}
	if n, err := strconv.ParseInt(text, 10, 64); err == nil {
		return end{requests: n}
	}
	d, err := time.ParseDuration(text)
	if err != nil {
		t.Fatalf("SOAK=%q is neither a duration such as 10m nor a number of requests", text)
	}
	return end{lasts: d}
}

// soakSeed is SEED, or a new one.
func soakSeed(t *testing.T) uint64 {
	t.Helper()
	if text := os.Getenv("SEED"); text != "" {
		seed, err := strconv.ParseUint(text, 10, 64)
		if err != nil {
			t.Fatalf("SEED=%q is not a number", text)
		}
		return seed
	}
	return rand.Uint64N(1_000_000)
}

// TestSoak has everything happen at once, in an order that a seed gives. At the end each
// request is explained: by its response, and by realdocd's log.
func TestSoak(t *testing.T) {
	stack.Need(t, "nginx", "rsync")
	seed, ends := soakSeed(t), soakEnd(t)
	t.Logf("SEED=%d, for %v or %d requests", seed, ends.lasts, ends.requests)
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	defer signal.Stop(signals)
	interrupted := make(chan struct{})
	ends.interrupted = interrupted
	go func() { // until the process ends
		t.Logf("it ends early: %v", <-signals)
		close(interrupted)
	}()
	c := &chaos{rand: rand.New(rand.NewPCG(seed, 0)), did: map[string]int{}}
	y := openYard(t, stack.FPMConfig{MaxChildren: 6, Status: true, FreshPaths: true}, func(y *yard) {
		y.config.Sites["shop"]["include_path"] = y.site.IncludePath()
		pool := y.config.Pools["www"]
		pool["max_conns"], pool["queue_timeout"], pool["status"] = 6, "5s", string(y.fpm.Status)
		y.config.Top["max_body"] = "1MiB"
		c.deployed = []*deployed{
			y.deployedSite("slotted", stack.Keys{"slots": []string{y.Dir + "/slotted/A", y.Dir + "/slotted/B"}}),
			y.deployedSite("fresh", stack.Keys{"releases": "DIR/releases", "keep": 2}),
		}
	})
	c.open(y)
	clients := y.soakers(seed, c, 8, 3)
	var asked []ask
	soak(clients, end{lasts: 1500 * time.Millisecond}, nil, &asked) // it warms up
	before := y.holds()
	began := time.Now()
	var took time.Duration
	tell := sync.OnceValue(func() map[string]int {
		tally := y.explain(asked)
		t.Logf("%d requests in %v, %.0f/s: %v; %v", len(asked), took.Round(time.Second), float64(len(asked))/took.Seconds(), tally, c.did)
		return tally
	})
	defer tell() // also if something fails before
	defer func() { took = cmp.Or(took, time.Since(began)) }()
	soak(clients, ends, c, &asked)
	took = time.Since(began)
	c.settles()
	y.comesBack(before)
	tally := tell()
	if c.did["flip"] == 0 || tally["answered"] == 0 || tally["through nginx"] == 0 {
		t.Errorf("nothing was shown: %v, %v", tally, c.did)
	}
	if manual.Writes() && os.Getenv("SOAK") != "" {
		writeSoak(t, seed, len(asked), took, tally, c.did)
	}
}

// writeSoak has the manual say what the run has seen.
func writeSoak(t *testing.T, seed uint64, n int, took time.Duration, tally, did map[string]int) {
	t.Helper()
	var faults []string
	for _, kind := range slices.Sorted(maps.Keys(did)) {
		faults = append(faults, fmt.Sprintf("%s: %d", kind, did[kind]))
	}
	compare(t, "soak", []manual.Item{
		{Name: "the run", Says: []string{fmt.Sprintf("SEED=%d, %d requests in %v, %d of them through nginx", seed, n, took.Round(time.Second), tally["through nginx"])}},
		{Name: "what was done meanwhile", Says: []string{strings.Join(faults, ", ")}},
		{Name: "sent", Says: []string{fmt.Sprintf("%d = %d answered + %d refused with a complete response + %d broken, visibly + %d whose client has left + %d dropped by nginx when it was reloaded, as it does with PHP-FPM alone too",
			n, tally["answered"], tally["refused"], tally["broken"], tally["left"], tally["dropped"])}},
		{Name: "torn", Says: []string{fmt.Sprint(tally["torn"])}},
		{Name: "not explained by the log", Says: []string{fmt.Sprint(tally["unexplained"])}},
	}, 0)
}

// A holding is what a realdocd holds when nobody asks.
type holding struct {
	rss        int64
	files      int
	goroutines float64
}

func (y *yard) holds() (h holding) {
	y.t.Helper()
	usage, err := y.gw.Usage()
	y.must(err)
	h.rss = usage.RSS
	h.files, err = y.gw.OpenFiles()
	y.must(err)
	h.goroutines, err = y.gw.Metric("go_goroutines")
	y.must(err)
	return h
}

// comesBack waits until realdocd holds what it held before, and nobody is inside anything.
func (y *yard) comesBack(before holding) {
	y.t.Helper()
	stack.Until(y.t, "all places are free, and nobody is inside a release", func() bool {
		for _, name := range []string{"realdocd_pool_running", "realdocd_pool_waiting", "realdocd_release_running"} {
			if n, err := y.gw.Sum(name); err != nil || n != 0 {
				return false
			}
		}
		return true
	})
	var after holding
	stack.Until(y.t, "descriptors and goroutines are back", func() bool {
		after = y.holds()
		return after.files <= before.files+8 && after.goroutines <= before.goroutines+8
	})
	if after.rss > before.rss+24<<20 {
		y.t.Errorf("memory has grown from %d MiB to %d MiB", before.rss>>20, after.rss>>20)
	}
	y.t.Logf("before: %+v; after: %+v", before, after)
}

// explain holds what clients saw against realdocd's log: a client has what the log says, and each failure has a cause.
func (y *yard) explain(asked []ask) map[string]int {
	y.t.Helper()
	events, web := y.events(), y.nginxLogs()
	tally := map[string]int{"torn": 0, "unexplained": 0}
	begun := 0 // of those that nginx has dropped
	for _, a := range asked {
		if web.dropped(a) {
			a.saw = "dropped"
			if _, logged := events[a.id]; logged {
				begun++
			}
		}
		tally[a.saw]++
		if a.nginx {
			tally["through nginx"]++
		}
		if a.torn != "" {
			tally["torn"]++
			y.t.Errorf("%s is torn: %s", a.id, a.torn)
		}
		e, logged := events[a.id]
		if why := a.unexplained(e, logged); why != "" {
			tally["unexplained"]++
			if tally["unexplained"] <= 10 {
				y.t.Errorf("%s (%s): %s; the client saw %s, status %d, %s; the log has %+v", a.id, a.kind, why, a.saw, a.status, a.why, e)
			}
		}
	}
	if begun > web.left {
		y.t.Errorf("nginx has dropped %d requests that it had begun, and says so of %d connections", begun, web.left)
	}
	return tally
}

// unexplained is why what a client saw does not fit the log; "" if it does.
func (a ask) unexplained(e event, logged bool) string {
	byNginx := a.nginx && (a.status == 502 || a.status == 504) && e.Error != "" // what it makes of a response that breaks
	switch {
	case a.saw == "left", a.saw == "dropped":
	case !logged:
		return "it is not logged"
	case byNginx:
	case a.saw == "answered" && e.Status != a.status:
		return "the log has another status"
	case a.saw == "refused" && (e.Status != a.status || e.Cause == ""):
		return "the log has no cause"
	case a.saw == "refused" && a.expect == 0 && !slices.Contains(allowedCauses, e.Cause):
		return "nobody has done what would explain it"
	case a.expect != 0 && a.status != a.expect && !slices.Contains(allowedCauses, e.Cause):
		return "it was to be refused otherwise"
	case a.saw == "broken" && e.Error == "":
		return "the log does not say why"
	case a.saw != "answered" && a.saw != "refused" && a.saw != "broken":
		return "it was lost"
	}
	return ""
}

// allowedCauses are of what chaos does: PHP-FPM is killed, reloaded, started again.
var allowedCauses = []string{"fpm_failed", "fpm_down", "backlog_full", "queue_full", "queue_timeout", "fpm_timeout"}

// nginxLogs are what nginx has to say at the end.
type nginxLogs struct {
	answered map[string]bool // requests, by id, whatever the answer
	left     int             // connections of which it says that it has left them open
}

// dropped says whether nginx has begun to answer a request, or not even that, and has forgotten it. A worker
// that has to end once its requests have ended may end before, when it is reloaded: the request is not in its
// log, and it says in the other one that it has left a socket open (1.22.1, with PHP-FPM behind it too). Or it
// closes a connection just when a request comes on it, of which then nobody knows.
func (l *nginxLogs) dropped(a ask) bool {
	return a.nginx && a.saw != "answered" && a.saw != "refused" && !l.answered[a.id]
}

// nginxLogs reads them.
func (y *yard) nginxLogs() *nginxLogs {
	y.t.Helper()
	l := &nginxLogs{answered: map[string]bool{}}
	text, err := os.ReadFile(filepath.Join(y.Dir, "nginx", "told"))
	y.must(err)
	for line := range strings.Lines(string(text)) {
		id, _, _ := strings.Cut(line, " ")
		l.answered[id] = true
	}
	text, err = os.ReadFile(filepath.Join(y.Dir, "nginx", "log"))
	y.must(err)
	l.left = strings.Count(string(text), " open socket #")
	return l
}

// An event is what the log says of a request.
type event struct {
	Message string
	ID      string `json:"request_id"`
	Status  int
	Cause   string
	Error   string
}

// events are those of requests in realdocd's log, by the id of the request.
func (y *yard) events() map[string]event {
	y.t.Helper()
	events := map[string]event{}
	files, err := filepath.Glob(filepath.Join(y.Dir, "realdocd*", "log"))
	y.must(err)
	for _, file := range files {
		f, err := os.Open(file)
		y.must(err)
		lines := bufio.NewScanner(f)
		lines.Buffer(nil, 1<<20)
		for lines.Scan() {
			var e event
			if json.Unmarshal(lines.Bytes(), &e) == nil && e.Message == "request" {
				e.Message = ""
				events[e.ID] = e
			}
		}
		f.Close()
	}
	return events
}
