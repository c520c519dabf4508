package fleet

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	agreed "realdocd/deploy/fleet"
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

	stop context.CancelFunc
	all  sync.WaitGroup

	mu    sync.Mutex // guards the following
	seen  history
	views []view        // of each host, now
	rush  moment        // until then hosts are asked as often as can be
	begin chan struct{} // closed when the next rush begins
}

// watch begins to ask and to probe. Release 1 is what there is before the first commit.
func (y *yard) watch(p pace) *watch {
	ctx, stop := context.WithCancel(context.Background())
	w := &watch{y: y, pace: p, stop: stop, views: make([]view, len(y.hosts)), begin: make(chan struct{})}
	w.seen.hosts, w.seen.from = len(y.hosts), y.now()
	w.seen.commits = []commit{{seq: 0, release: "1"}}
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

// history is what was seen up to now.
func (w *watch) history() *history {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.copyLocked()
}

func (w *watch) copyLocked() *history {
	h := w.seen
	h.answers, h.probes, h.attempts = slices.Clone(h.answers), slices.Clone(h.probes), slices.Clone(h.attempts)
	h.commits, h.downs, h.gone = slices.Clone(h.commits), slices.Clone(h.downs), slices.Clone(h.gone)
	h.to = w.y.now()
	return &h
}

// turn is the history up to now, and begins a new one, which goes on with what hosts were seen at last.
func (w *watch) turn() *history {
	w.mu.Lock()
	defer w.mu.Unlock()
	h := w.copyLocked()
	w.seen.from = h.to
	w.seen.answers, w.seen.probes = lastOf(h.answers, h.hosts, func(a answer) int { return a.host }), lastOf(h.probes, h.hosts, func(p probe) int { return p.host })
	return h
}

// lastOf are the last two of each host.
func lastOf[V any](all []V, hosts int, of func(V) int) (last []V) {
	left := make([]int, hosts)
	for _, v := range slices.Backward(all) {
		if left[of(v)]++; left[of(v)] <= 2 {
			last = append(last, v)
		}
	}
	slices.Reverse(last)
	return last
}

// note changes what was seen.
func (w *watch) note(change func(seen *history)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	change(&w.seen)
}

// attempt notes that a flip to a release begins.
func (w *watch) attempt(release string) {
	at := w.y.now()
	w.note(func(seen *history) { seen.attempts = append(seen.attempts, attempt{release, at}) })
}

// commit notes that the store has a commit: it was not there before the last attempt to flip to its release.
func (w *watch) commit(c agreed.Commit) {
	at := w.y.now()
	w.note(func(seen *history) {
		next := commit{seq: c.Seq, release: c.Release, known: at}
		for _, a := range seen.attempts {
			if a.release == c.Release {
				next.begin = a.begin
			}
		}
		seen.commits = append(seen.commits, next)
	})
}

// inStep says whether all hosts are ready and answer with a release, as far as is known now.
func (w *watch) inStep(release string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return !slices.ContainsFunc(w.views, func(v view) bool { return !v.ready || v.release != release })
}

// behind names the hosts that are not ready, or answer with something else.
func (w *watch) behind(release string) (names []string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for i, v := range w.views {
		if !v.ready || v.release != release {
			names = append(names, fmt.Sprintf("%s (ready: %v, answers with %q)", w.y.hosts[i].name, v.ready, v.release))
		}
	}
	return names
}

// rushFor has all hosts asked as often as can be, from now on for so long.
func (w *watch) rushFor(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.rush = w.y.now() + d
	close(w.begin)
	w.begin = make(chan struct{})
}

// next waits until a host is to be asked again.
func (w *watch) next(ctx context.Context, asked moment) {
	w.mu.Lock()
	rushed, begin, every := w.y.now() < w.rush, w.begin, w.pace.ask
	w.mu.Unlock()
	if rushed {
		every = w.pace.rush
	}
	select {
	case <-time.After(every - (w.y.now() - asked)):
	case <-begin: // not all of them in the same moment
		pause(ctx, rand.N(w.pace.rush+1))
	case <-ctx.Done():
	}
}

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
		w.note(func(seen *history) {
			seen.answers = append(seen.answers, a)
			w.views[h.no].release = a.release
		})
		w.next(ctx, a.begin)
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
	prober := h.prober()
	defer prober.CloseIdleConnections()
	for ctx.Err() == nil {
		p := probe{host: h.no, begin: w.y.now()}
		p.ready = asksReady(prober)
		p.end = w.y.now()
		w.note(func(seen *history) {
			seen.probes = append(seen.probes, p)
			w.views[h.no].ready = p.ready
		})
		pause(ctx, w.pace.probe-(p.end-p.begin))
	}
}

// prober asks a host's realdocd.
func (h *host) prober() *http.Client {
	dial := func(context.Context, string, string) (net.Conn, error) { return h.gw.Control.Dial() }
	return &http.Client{Transport: &http.Transport{DialContext: dial}, Timeout: patience}
}

func asksReady(prober *http.Client) bool {
	resp, err := prober.Get("http://realdocd/readyz")
	if err != nil {
		return false
	}
	defer resp.Body.Close()
	io.Copy(io.Discard, resp.Body)
	return resp.StatusCode == http.StatusOK
}

// ready says whether the host says that it is.
func (h *host) ready() bool {
	prober := h.prober()
	defer prober.CloseIdleConnections()
	return asksReady(prober)
}

func pause(ctx context.Context, d time.Duration) {
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
}
