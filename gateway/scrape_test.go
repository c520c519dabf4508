package gateway

import (
	"fmt"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"
	"golang.org/x/sys/unix"
)

// manySites has so many more sites, each with a release. That is one directory for all: to make thousands takes long.
func (b *bench) manySites(n int) {
	b.t.Helper()
	b.must(os.Mkdir(b.dir+"/many", 0o755))
	for i := range n {
		name := fmt.Sprintf("site-%05d", i)
		docroot := filepath.Join(b.dir, "many", name)
		b.must(os.Symlink("../shop/releases/1", docroot))
		b.cfg.Sites = append(b.cfg.Sites, SiteConfig{Name: name, Docroot: docroot, Pool: "www", RequestBuffering: true})
	}
}

// useAll counts a request in each site, as one that has ended.
func (b *bench) useAll() {
	b.t.Helper()
	now := time.Now()
	for _, st := range b.server.setup.Load().sites.all {
		v, err := st.releases.Enter(st.Docroot, now)
		b.must(err)
		rq := &request{conn: &webConn{}, site: st, pool: st.pool, visit: v, began: now}
		rq.reply.status, rq.reply.ended = 200, true
		b.server.metrics.count(rq, nil, now.Add(time.Millisecond))
		v.Leave(now, false)
	}
}

// cpu is the processor's time that the process has taken.
func cpu(t testing.TB) time.Duration {
	var u unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &u); err != nil {
		t.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// mostScrape is well above what was seen, which is 8 to 12: what grows with the square of the sites is far beyond it.
const mostScrape = 30

// A scrape of a host with 10,000 sites costs a few times what it costs to read its lines once, which whoever
// scrapes has to do in any case. Both are measured in turn, since other work makes a processor slower.
func TestScrape_OfTenThousandSites(t *testing.T) {
	b := newBench(t)
	b.logger = zerolog.New(io.Discard)
	b.manySites(10_000)
	b.start()
	b.useAll()
	h, times := b.server.metricsHandler(), math.Inf(1)
	var best time.Duration
	for range 9 {
		w := httptest.NewRecorder()
		w.Body.Grow(32 << 20)
		began := cpu(t)
		h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
		took := cpu(t) - began
		began = cpu(t)
		samples := readSamples(t, w.Body.String())
		if reading := cpu(t) - began; float64(took)/float64(reading) < times {
			times, best = float64(took)/float64(reading), took
		}
		if samples < 10_000 {
			t.Fatalf("%d samples", samples)
		}
	}
	t.Logf("%v, %.1f times what it takes to read them", best, times)
	if times > mostScrape {
		t.Errorf("a scrape of 10,000 sites takes %v, %.1f times what it takes to read it, and at most %v are wanted", best, times, mostScrape)
	}
}

// readSamples reads the value of each sample, and gives how many there are.
func readSamples(t *testing.T, text string) (n int) {
	for line := range strings.Lines(text) {
		if line[0] == '#' {
			continue
		}
		line = line[:len(line)-1]
		if _, err := strconv.ParseFloat(line[strings.LastIndexByte(line, ' ')+1:], 64); err != nil {
			t.Fatal(err)
		}
		n++
	}
	return n
}
