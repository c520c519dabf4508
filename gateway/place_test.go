package gateway

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"realdocd/gateway/control"
	"realdocd/test/stack"
)

// poolNow waits until the pool is in a state; there is no event for that.
func (b *bench) poolNow(what string, is func(control.PoolStatus) bool) control.PoolStatus {
	b.t.Helper()
	var now control.PoolStatus
	b.must(stack.Poll(func() error {
		if now = b.server.Status().Pools[0]; !is(now) {
			return fmt.Errorf("the pool has not come to %s: %+v", what, now)
		}
		return nil
	}))
	return now
}

// waiting sends a request of a site that waits for a place, as the n-th.
func (b *bench) waiting(n int, site string) *stack.Client {
	b.t.Helper()
	c := b.connect()
	b.send(c, "", stack.ParamsFor(b.docroot(site), "GET", "/"+site+".php")...)
	b.poolNow(fmt.Sprintf("%d waiting", n), func(p control.PoolStatus) bool { return p.Waiting == n })
	return c
}

func (b *bench) wantPage(c *stack.Client) {
	b.t.Helper()
	if reply := b.reply(c); reply.Status != 200 || !reply.Ended || string(reply.Body) != "the page" {
		b.t.Errorf("want the page, got status %d, complete %v: %q", reply.Status, reply.Ended, reply.Body)
	}
}

// newLimited is a bench whose pool has places for so many requests.
func newLimited(t testing.TB, places int) *bench {
	t.Helper()
	b := newBench(t)
	b.cfg.Pools[0].MaxConns = places
	return b
}

func TestRequestsWaitForAPlaceInTheOrderTheyCame(t *testing.T) {
	b := newLimited(t, 1).start()
	c, q := b.running(b.params()...)
	clients := []*stack.Client{c}
	for n := 1; n <= 3; n++ {
		c := b.connect()
		b.send(c, "", b.params("REQUEST_URI", fmt.Sprint(n))...)
		b.poolNow("one more waiting", func(p control.PoolStatus) bool { return p.Waiting == n && p.Running == 1 })
		clients = append(clients, c)
	}
	for n, c := range clients {
		q.Answer(page)
		b.wantPage(c)
		if n < 3 {
			q = b.fpm.Next()
			if uri, _ := q.Value("REQUEST_URI"); uri != fmt.Sprint(n+1) {
				t.Errorf("request %s came where it was the turn of %d", uri, n+1)
			}
		}
	}
	b.poolNow("rest", func(p control.PoolStatus) bool { return p.Waiting == 0 && p.Running == 0 && p.Requests == 4 })
}

func TestABusySiteDoesNotStarveAnother(t *testing.T) {
	for name, sites := range map[string]func(*bench) []SiteConfig{
		"two sites":             func(b *bench) []SiteConfig { return b.cfg.Sites },
		"two links of one site": func(b *bench) []SiteConfig { return []SiteConfig{{Name: "all", Docroot: b.docroot("*"), Pool: "www"}} },
	} {
		t.Run(name, func(t *testing.T) {
			b := newLimited(t, 2)
			b.cfg.Sites = sites(b)
			b.start()
			_, first := b.running(b.params()...)
			_, second := b.running(b.params()...)
			for n := 1; n <= 3; n++ {
				b.waiting(n, "shop")
			}
			b.waiting(4, "blog")
			first.Answer(page)
			if uri, _ := b.fpm.Next().Value("REQUEST_URI"); uri != "/blog.php" {
				t.Errorf("%s got the place, want the site that has none", uri)
			}
			second.Answer(page)
			if uri, _ := b.fpm.Next().Value("REQUEST_URI"); uri != "/shop.php" {
				t.Errorf("%s got the place, want the site that waits", uri)
			}
		})
	}
}

func TestAFullQueueRefusesAtOnce(t *testing.T) {
	for _, queue := range []int{0, 2} {
		b := newLimited(t, 1)
		b.cfg.Pools[0].Queue = queue
		b.start()
		b.running(b.params()...)
		for n := range queue {
			b.waiting(n+1, "shop")
		}
		c := b.connect()
		b.send(c, "", b.params()...)
		reply := b.wantRefused(c, 503)
		if reply.Header.Get("Retry-After") == "" {
			t.Errorf("queue = %d: no Retry-After", queue)
		}
		if event := b.logged(fmt.Sprintf("and %d wait, of at most %d (queue)", queue, queue)); event.String("cause") != "queue_full" {
			t.Errorf("the log has %v", event)
		}
		b.poolNow("one refused", func(p control.PoolStatus) bool { return p.Refused == 1 })
	}
}

func TestAFullQueueOfOneSiteMakesRoomForAnother(t *testing.T) {
	b := newLimited(t, 1)
	b.cfg.Pools[0].Queue = 2
	b.start()
	_, q := b.running(b.params()...)
	b.waiting(1, "shop")
	newest := b.waiting(2, "shop")
	blog := b.connect()
	b.send(blog, "", stack.ParamsFor(b.docroot("blog"), "GET", "/blog.php")...)
	b.wantRefused(newest, 503)
	q.Answer(page)
	b.fpm.Next().Answer(page)
	b.fpm.Next().Answer(page)
	b.wantPage(blog)
}

func TestAWaitEndsWithQueueTimeout(t *testing.T) {
	b := newLimited(t, 1)
	b.cfg.Pools[0].QueueTimeout = shortTimeout
	b.start()
	_, q := b.running(b.params()...)
	began := time.Now()
	c := b.waiting(1, "shop")
	b.wantRefused(c, 503)
	b.wantTimeout(began)
	event := b.logged("waited for queue_timeout (400ms)")
	if waited, _ := event["queue"].(float64); event.String("cause") != "queue_timeout" || waited < 400 || waited > 800 {
		t.Errorf("the log has %v", event)
	}
	q.Answer(page)
	b.served(c, "", b.params()...)
}

func TestAWaitingRequestWhoseClientLeavesNeverReachesFPM(t *testing.T) {
	b := newLimited(t, 1).start()
	c, q := b.running(b.params()...)
	b.waiting(1, "shop").Close()
	b.poolNow("nobody waiting", func(p control.PoolStatus) bool { return p.Waiting == 0 })
	stays := b.waiting(1, "blog")
	q.Answer(page)
	b.wantPage(c)
	next := b.fpm.Next()
	if uri, _ := next.Value("REQUEST_URI"); uri != "/blog.php" {
		t.Errorf("FPM got %s", uri)
	}
	next.Answer(page)
	b.wantPage(stays)
	if event := b.logged(`"status":499`); event.String("level") != "info" {
		t.Errorf("the log has %v", event)
	}
	b.poolNow("rest", func(p control.PoolStatus) bool { return p.Running == 0 && p.Refused == 0 })
}

func TestShutdownCutsOffWhoWaits(t *testing.T) {
	b := newLimited(t, 1).start()
	_, q := b.running(b.params()...)
	c := b.waiting(1, "shop")
	ctx, cancel := context.WithCancel(t.Context())
	cut := shutDown(b, ctx)
	cancel()
	b.wantRefused(c, 503)
	q.Gone()
	if got := <-cut; len(got) != 2 {
		t.Errorf("cut off %q, want both", got)
	}
}

func TestAStalledUploadHoldsNoPlace(t *testing.T) {
	b := newLimited(t, 1).start()
	stalled := b.connect()
	b.must(stalled.Begin(true))
	b.must(stalled.Params(b.params("REQUEST_METHOD", "POST", "CONTENT_LENGTH", "100000")...))
	b.must(stalled.Stdin(make([]byte, 50_000)))
	b.served(b.connect(), "", b.params()...)
	b.must(stalled.Stdin(make([]byte, 50_000)))
	b.must(stalled.Stdin(nil))
	b.fpm.Next().Answer(page)
	b.wantPage(stalled)
}

func TestAPausedPoolHasNewRequestsWaitAndLetsRunningOnesEnd(t *testing.T) {
	b := newBench(t).start()
	before, q := b.running(b.params()...)
	b.must(b.server.Pause("www"))
	drained := make(chan error, 1)
	go func() { drained <- b.server.Drain(t.Context(), "www") }()
	during := b.waiting(1, "shop")
	select {
	case err := <-drained:
		t.Fatalf("drained (%v) while a request runs", err)
	default:
	}
	q.Answer(page)
	b.wantPage(before)
	if err := <-drained; err != nil {
		t.Errorf("Drain: %v", err)
	}
	b.poolNow("pause", func(p control.PoolStatus) bool {
		return p.Paused && p.Running == 0 && p.Waiting == 1 && p.LongestWait > 0
	})
	b.must(b.server.Resume("www"))
	b.fpm.Next().Answer(page)
	b.wantPage(during)
}

func TestADrainEndsWithItsTime(t *testing.T) {
	b := newBench(t).start()
	b.running(b.params()...)
	b.must(b.server.Pause("www"))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	left := (*control.DrainError)(nil)
	if err := b.server.Drain(ctx, "www"); !errors.As(err, &left) || left.Running != 1 || !left.Paused {
		t.Errorf("Drain: %v", err)
	}
	for _, err := range []error{b.server.Pause("none"), b.server.Resume("none"), b.server.Drain(t.Context(), "none")} {
		if !errors.Is(err, control.ErrNoPool) {
			t.Errorf("a pool that is not there: %v", err)
		}
	}
}

func TestASiteHasNoMorePlacesThanItsOwnLimit(t *testing.T) {
	for _, places := range []int{0, 3} {
		b := newLimited(t, places)
		b.cfg.Sites[0].MaxConns = 1
		b.cfg.Sites[0].Name = "streams"
		b.start()
		c, q := b.running(b.params()...)
		waits := b.waiting(1, "shop")
		_, other := b.running(stack.ParamsFor(b.docroot("blog"), "GET", "/blog.php")...)
		if uri, _ := other.Value("REQUEST_URI"); uri != "/blog.php" {
			t.Errorf("FPM got %s", uri)
		}
		q.Answer(page)
		b.wantPage(c)
		b.fpm.Next().Answer(page)
		b.wantPage(waits)
	}
}

func TestASiteMayHaveItsOwnTimeouts(t *testing.T) {
	for what, with := range map[string]func(*SiteConfig){
		"silent for read_timeout (400ms)":         func(c *SiteConfig) { c.ReadTimeout = new(shortTimeout) },
		"longer than request_timeout (400ms)":     func(c *SiteConfig) { c.RequestTimeout = new(shortTimeout) },
		"longer than request_timeout (400ms), no": func(c *SiteConfig) { c.ReadTimeout, c.RequestTimeout = new(time.Duration), new(shortTimeout) },
	} {
		b := newBench(t)
		with(&b.cfg.Sites[0])
		b.start()
		c, _ := b.running(b.params()...)
		b.wantRefused(c, 504)
		said, _, _ := strings.Cut(what, ", no")
		b.logged(said)
	}
}

func TestStderrGoesToTheLogAloneIfTheSiteSaysSo(t *testing.T) {
	long := strings.Repeat("y", maxStderr+100)
	for _, log := range []bool{false, true} {
		b := newBench(t)
		b.cfg.Sites[0].StderrToLog = log
		b.start()
		c, q := b.running(b.params()...)
		b.must(q.Stderr("PHP Warning: x"))
		b.must(q.Stdout("Content-Type: text/plain\r\n\r\nthe "))
		b.must(q.Stderr(long))
		q.Answer("page")
		reply := b.reply(c)
		if string(reply.Body) != "the page" || !reply.Ended || (len(reply.Stderr) == 0) != log {
			t.Errorf("stderr to the log alone %v: %d bytes of it, and %q", log, len(reply.Stderr), reply.Body)
		}
		b.logged("PHP Warning: x")
		b.logged("yyy... [cut: 4196 bytes in all]")
	}
}
