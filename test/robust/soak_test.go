package robust

import (
	"bufio"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"realdocd/test/stack"
)

// soakFor is how long TestSoak lasts: SOAK, or a few seconds.
func soakFor(t *testing.T) time.Duration {
	t.Helper()
	text := os.Getenv("SOAK")
	if text == "" {
		return 4 * time.Second
	}
	d, err := time.ParseDuration(text)
	if err != nil {
		t.Fatalf("SOAK=%q is not a duration such as 10m", text)
	}
	return d
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
	seed, lasts := soakSeed(t), soakFor(t)
	t.Logf("SEED=%d SOAK=%v", seed, lasts)
	y := openYard(t, stack.FPMConfig{MaxChildren: 6, Status: true, FreshPaths: true}, func(y *yard) {
		y.config.Sites["shop"]["include_path"] = y.site.IncludePath()
		y.config.Pools["www"]["max_conns"], y.config.Pools["www"]["queue_timeout"] = 6, "5s"
		y.config.Top["max_body"] = "1MiB"
	})
	clients := make([]*soaker, 8)
	quiet := y.soak(clients, seed, 1500*time.Millisecond, nil) // it warms up
	before := y.holds()
	chaos := &chaos{y: y, rand: rand.New(rand.NewPCG(seed, 0)), did: map[string]int{}}
	began := time.Now()
	asked := y.soak(clients, seed+1, lasts, chaos)
	took := time.Since(began)
	y.comesBack(before)
	tally := y.explain(append(quiet, asked...))
	t.Logf("%d requests in %v, %.0f/s: %v; %v", len(asked), took.Round(time.Second), float64(len(asked))/took.Seconds(), tally, chaos.did)
	if chaos.did["flip"] == 0 || tally["answered"] == 0 {
		t.Errorf("nothing was shown: %v, %v", tally, chaos.did)
	}
	if os.Getenv("SOAK") != "" {
		writeSoak(t, seed, len(quiet)+len(asked), took, tally, chaos.did)
	}
}

// writeSoak has the manual say what the run has seen.
func writeSoak(t *testing.T, seed uint64, n int, took time.Duration, tally, did map[string]int) {
	t.Helper()
	var faults []string
	for _, kind := range slices.Sorted(maps.Keys(did)) {
		faults = append(faults, fmt.Sprintf("%s: %d", kind, did[kind]))
	}
	compare(t, "soak", []row{
		{"the run", []string{fmt.Sprintf("SEED=%d, %d requests in %v", seed, n, took.Round(time.Second))}},
		{"what was done meanwhile", []string{strings.Join(faults, ", ")}},
		{"sent", []string{fmt.Sprintf("%d = %d answered + %d refused with a complete response + %d broken, visibly + %d whose client has left",
			n, tally["answered"], tally["refused"], tally["broken"], tally["left"])}},
		{"torn", []string{fmt.Sprint(tally["torn"])}},
		{"not explained by the log", []string{fmt.Sprint(tally["unexplained"])}},
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
	y.must(y.gw.WaitMetric(0, "realdocd_pool_running", "pool", "www"))
	y.must(y.gw.WaitMetric(0, "realdocd_pool_waiting", "pool", "www"))
	for _, release := range []string{"1", "2"} {
		if n, err := y.gw.Metric("realdocd_release_running", "site", "shop", "release", release); err == nil && n != 0 {
			y.t.Errorf("%v are inside release %s", n, release)
		}
	}
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
	events := y.events()
	tally := map[string]int{"torn": 0, "unexplained": 0}
	wrong := func(a ask, why string, e stack.Event) {
		tally["unexplained"]++
		if tally["unexplained"] <= 10 {
			y.t.Errorf("%s (%s): %s; the client saw %s, status %d; the log has %v", a.id, a.kind, why, a.saw, a.status, e)
		}
	}
	for _, a := range asked {
		tally[a.saw]++
		if a.torn != "" {
			tally["torn"]++
			y.t.Errorf("%s is torn: %s", a.id, a.torn)
		}
		e, logged := events[a.id]
		switch status, cause := e.String("status"), e.String("cause"); {
		case !logged && a.saw != "left":
			wrong(a, "it is not logged", e)
		case a.saw == "answered" && status != fmt.Sprint(a.status):
			wrong(a, "the log has another status", e)
		case a.saw == "refused" && (status != fmt.Sprint(a.status) || cause == ""):
			wrong(a, "the log has no cause", e)
		case a.saw == "refused" && a.expect == 0 && !slices.Contains(allowedCauses, cause):
			wrong(a, "nobody has done what would explain it", e)
		case a.expect != 0 && a.saw != "left" && a.status != a.expect && !slices.Contains(allowedCauses, cause):
			wrong(a, "it was to be refused otherwise", e)
		case a.saw == "broken" && e.String("error") == "":
			wrong(a, "the log does not say why", e)
		}
	}
	return tally
}

// allowedCauses are of what chaos does: PHP-FPM is killed, reloaded, started again.
var allowedCauses = []string{"fpm_failed", "fpm_down", "backlog_full", "queue_full", "queue_timeout", "fpm_timeout"}

// events are those of requests in realdocd's log, by the id of the request.
func (y *yard) events() map[string]stack.Event {
	y.t.Helper()
	events := map[string]stack.Event{}
	files, err := filepath.Glob(filepath.Join(y.Dir, "realdocd*", "log"))
	y.must(err)
	for _, file := range files {
		f, err := os.Open(file)
		y.must(err)
		lines := bufio.NewScanner(f)
		lines.Buffer(nil, 1<<20)
		for lines.Scan() {
			if e := stack.ParseEvent(lines.Text()); e.String("message") == "request" {
				events[e.String("request_id")] = e
			}
		}
		f.Close()
	}
	return events
}

// chaos is what happens beside the traffic.
type chaos struct {
	y    *yard
	rand *rand.Rand
	did  map[string]int
	n    int
}

// step does one thing.
func (c *chaos) step() {
	y := c.y
	kind := "flip"
	switch n := c.rand.IntN(100); {
	case n < 70:
		c.n++
		y.Flip(y.site, y.site.Releases[c.n%2])
	case n < 76:
		kind = "reload"
		y.Reload(y.gw, y.config)
	case n < 81:
		kind = "upgrade"
		before := y.Upgrade(y.gw)
		stack.Receive(y.t, before.Done(), "the end of the process before")
	case n < 86:
		kind = "pause"
		y.Command(y.gw, 0, "pause", "www")
		time.Sleep(time.Duration(c.rand.IntN(100)) * time.Millisecond)
		y.Command(y.gw, 0, "resume", "www")
	case n < 92:
		kind = "worker killed"
		if workers := y.fpm.Workers(); len(workers) > 0 {
			syscall.Kill(workers[c.rand.IntN(len(workers))], syscall.SIGKILL)
		}
	case n < 95:
		kind = "PHP-FPM reloaded"
		y.must(y.fpm.Reload())
	case n < 97:
		kind = "PHP-FPM restarted"
		y.Restart(y.fpm)
	default:
		kind = "flood"
		c.flood()
	}
	c.did[kind]++
}

// flood has a peer send what is nothing but a burden.
func (c *chaos) flood() {
	for range 20 {
		conn, err := c.y.gw.Addr.Dial()
		if err != nil {
			continue
		}
		conn.SetDeadline(time.Now().Add(time.Second))
		junk := make([]byte, 1+c.rand.IntN(20000))
		for i := range junk {
			junk[i] = byte(c.rand.Uint32())
		}
		if c.rand.IntN(2) == 0 {
			copy(junk, "\x01\x01\x00\x01\x00\x08\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x01\x04\x00\x01\xff\xff\x00\x00")
		}
		conn.Write(junk)
		conn.Close()
	}
}
