package fleet

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// pace is how those who watch go about it.
type pace struct {
	ask   time.Duration // one host is asked for a page that often
	rush  time.Duration // and that often while a rush is on
	probe time.Duration // and that often whether it is ready
}

// A watch asks all hosts all the time, and writes down what it sees.
type watch struct {
	y    *yard
	pace pace
	rush atomic.Int64 // until this moment

	stop context.CancelFunc
	all  sync.WaitGroup

	mu   sync.Mutex // guards the following
	seen history
}

// watch begins to ask and to probe.
func (y *yard) watch(p pace) *watch {
	ctx, stop := context.WithCancel(context.Background())
	w := &watch{y: y, pace: p, stop: stop}
	w.seen.hosts, w.seen.from = len(y.hosts), y.now()
	for _, h := range y.hosts {
		w.all.Go(func() { w.visits(ctx, h) })
		w.all.Go(func() { w.probes(ctx, h) })
	}
	y.t.Cleanup(w.end)
	return w
}

// end has all who watch go home.
func (w *watch) end() {
	w.stop()
	w.all.Wait()
}

// history is what was seen so far, with nothing missing from before now.
func (w *watch) history() *history {
	w.mu.Lock()
	defer w.mu.Unlock()
	h := w.seen
	h.answers, h.probes = append([]answer(nil), h.answers...), append([]probe(nil), h.probes...)
	h.commits, h.downs, h.gone = append([]commit(nil), h.commits...), append([]span(nil), h.downs...), append([]span(nil), h.gone...)
	h.to = w.y.now()
	return &h
}

// note changes what was seen.
func (w *watch) note(change func(seen *history)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	change(&w.seen)
}

// rushUntil has all hosts asked as often as can be, for so long.
func (w *watch) rushFor(d time.Duration) { w.rush.Store(int64(w.y.now() + d)) }

// patience is how long a client and a load balancer wait for an answer.
const patience = 10 * time.Second

// visits are those of one client, over a connection that it keeps while it can.
func (w *watch) visits(ctx context.Context, h *host) {
	client := &http.Client{Transport: &http.Transport{DialContext: w.y.hub.Dial}, Timeout: patience}
	defer client.CloseIdleConnections()
	for ctx.Err() == nil {
		a := answer{host: h.no, begin: w.y.now()}
		a.ask(client, h.url())
		a.end = w.y.now()
		w.note(func(seen *history) { seen.answers = append(seen.answers, a) })
		every := w.pace.ask
		if int64(a.end) < w.rush.Load() {
			every = w.pace.rush
		}
		pause(ctx, every-(a.end-a.begin))
	}
}

func (a *answer) ask(client *http.Client, url string) {
	resp, err := client.Get(url)
	if err != nil {
		a.err = err.Error()
		return
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		a.err = err.Error()
		return
	}
	a.status, a.retryAfter = resp.StatusCode, resp.Header.Get("Retry-After") != ""
	words := strings.Fields(string(body))
	if a.status != http.StatusOK || len(words) != 3 {
		a.err = fmt.Sprintf("%.100q", body)
		if a.status == http.StatusOK {
			a.status = 0
		}
		return
	}
	a.release = words[0]
	for _, word := range words {
		if word != a.release {
			a.torn = word
		}
	}
}

// probes are those of a load balancer.
func (w *watch) probes(ctx context.Context, h *host) {
	dial := func(context.Context, string, string) (net.Conn, error) { return h.gw.Control.Dial() }
	client := &http.Client{Transport: &http.Transport{DialContext: dial}, Timeout: patience}
	defer client.CloseIdleConnections()
	for ctx.Err() == nil {
		p := probe{host: h.no, begin: w.y.now()}
		resp, err := client.Get("http://realdocd/readyz")
		if err == nil {
			io.Copy(io.Discard, resp.Body)
			resp.Body.Close()
			p.ready = resp.StatusCode == http.StatusOK
		}
		p.end = w.y.now()
		w.note(func(seen *history) { seen.probes = append(seen.probes, p) })
		pause(ctx, w.pace.probe-(p.end-p.begin))
	}
}

func pause(ctx context.Context, d time.Duration) {
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
}
