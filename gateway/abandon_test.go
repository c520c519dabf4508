package gateway

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"

	"realdocd/gateway/control"
	"realdocd/test/stack"
)

// reads reads from a connection until these texts have come.
func (b *bench) reads(c *stack.Client, texts ...string) {
	b.t.Helper()
	var got []byte
	for _, text := range texts {
		for !strings.Contains(string(got), text) {
			part := make([]byte, 4096)
			n, err := c.Conn.Read(part)
			b.must(err)
			got = append(got, part[:n]...)
		}
	}
}

// onlyConn is the connection of the only web server.
func (b *bench) onlyConn() *webConn {
	b.server.mu.Lock()
	defer b.server.mu.Unlock()
	for c := range b.server.conns {
		return c
	}
	b.t.Fatal("no connection is left")
	return nil
}

// wantMetric wants a line of /metrics.
func (b *bench) wantMetric(line string) {
	b.t.Helper()
	answer := httptest.NewRecorder()
	b.server.metricsHandler().ServeHTTP(answer, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	if !strings.Contains(answer.Body.String(), line+"\n") {
		b.t.Errorf("the metrics have no %s", line)
	}
}

// Of PHP-FPM's own clients, a request runs whether anybody waits for it or not.
func TestARequestWhoseClientHasLeftTheQueueRunsIfItMayChangeSomething(t *testing.T) {
	large := strings.Repeat("x", 300_000)
	for _, row := range []struct {
		name, method, uri, body string
		with                    func(*SiteConfig)
		runs                    bool
	}{
		{"a POST", "POST", "/wp-cron.php?x=1", "a=b", nil, true},
		{"a POST without a body", "POST", "/wp-cron.php", "", nil, true},
		{"a POST with a large body", "POST", "/wp-cron.php", large, nil, true},
		{"a DELETE", "DELETE", "/item", "", nil, true},
		{"a GET", "GET", "/index.php", "", nil, false},
		{"a HEAD", "HEAD", "/index.php", "", nil, false},
		{"a GET that the site names", "GET", "/cron/hourly?x=/y", "", func(c *SiteConfig) { c.AbandonedPaths = []string{"/cron/*"} }, true},
		{"a GET beside it", "GET", "/cron", "", func(c *SiteConfig) { c.AbandonedPaths = []string{"/cron/*"} }, false},
		{"a POST of a site that drops", "POST", "/a", "", func(c *SiteConfig) { c.DropAbandoned = true }, false},
		{"one that it names", "POST", "/b", "", func(c *SiteConfig) { c.DropAbandoned, c.AbandonedPaths = true, []string{"/b"} }, true},
	} {
		t.Run(row.name, func(t *testing.T) {
			b := newLimited(t, 1)
			if row.with != nil {
				row.with(&b.cfg.Sites[0])
			}
			b.start()
			first, q := b.running(b.params()...)
			c := b.connect()
			b.send(c, row.body, b.params("REQUEST_METHOD", row.method, "REQUEST_URI", row.uri, "CONTENT_LENGTH", strconv.Itoa(len(row.body)))...)
			b.poolNow("it waits", func(p control.PoolStatus) bool { return p.Waiting == 1 })
			c.Close()
			if !row.runs {
				b.logged(`"status":499`)
				b.poolNow("nobody waits", func(p control.PoolStatus) bool { return p.Waiting == 0 })
				b.wantMetric(`realdocd_dropped_total{method="` + row.method + `",pool="www",site="shop"} 1`)
				q.Answer(page)
				b.wantPage(first)
				return
			}
			b.poolNow("it waits on", func(p control.PoolStatus) bool { return p.Waiting == 1 })
			q.Answer(page)
			b.wantPage(first)
			abandoned := b.fpm.Next()
			if body, whole := abandoned.Body(); !whole || string(body) != row.body {
				t.Errorf("FPM got a body of %d bytes, whole %v", len(body), whole)
			}
			b.poolNow("its place is kept", func(p control.PoolStatus) bool { return p.Running == 1 && p.Abandoned == 1 })
			abandoned.Close()
			b.poolNow("its place is free", func(p control.PoolStatus) bool { return p.Running == 0 && p.Abandoned == 0 })
		})
	}
}

// FPM sees that a connection is closed when the script writes. Until then the worker is taken, and the
// script is inside its release.
func TestAnAbandonedRequestKeepsItsPlaceAndItsReleaseUntilItsScriptEnds(t *testing.T) {
	b := newLimited(t, 1).start()
	c, q := b.running(b.params("REQUEST_URI", "/slow", "REQUEST_ID", "the-slow-one")...)
	b.flip("2")
	c.Close()
	b.poolNow("abandoned", func(p control.PoolStatus) bool { return p.Running == 1 && p.Abandoned == 1 })
	behind := b.waiting(1, "blog")
	inside := b.shop()[0].Inside
	if len(inside) != 1 || inside[0].Kind != "abandoned" || inside[0].What != "GET /slow" || inside[0].RequestID != "the-slow-one" {
		t.Errorf("inside release 1 are %+v", inside)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 3*drainEvery)
	defer cancel()
	if left, err := b.drainShop(ctx, "1"); !errors.Is(err, context.DeadlineExceeded) || len(left) != 1 {
		t.Errorf("the release drained with %+v inside, %v", left, err)
	}
	if err := b.server.Drain(ctx, "www"); err == nil {
		t.Error("the pool drained with a script that runs")
	}
	q.Close()
	b.fpm.Next().Answer(page)
	b.wantPage(behind)
	b.logged("the script of an abandoned request has ended")
	if left, err := b.drainShop(t.Context(), "1"); err != nil {
		t.Errorf("the release does not drain: %+v, %v", left, err)
	}
}

func TestARestartWaitsForAnAbandonedRequestAndCutsItOffAtItsTime(t *testing.T) {
	for _, ends := range []bool{true, false} {
		b := newBench(t).start()
		c, q := b.running(b.params()...)
		c.Close()
		b.poolNow("abandoned", func(p control.PoolStatus) bool { return p.Abandoned == 1 })
		ctx, cancel := context.WithCancel(t.Context())
		cut := shutDown(b, ctx)
		select {
		case <-cut:
			t.Fatal("the daemon has stopped while a script runs")
		default:
		}
		if ends {
			q.Close()
		} else {
			cancel()
		}
		if got := <-cut; len(got) != 0 {
			t.Errorf("cut off %q, and nobody waited for it", got)
		}
		cancel()
	}
}

// FPM may end the response of a script that has read nothing of a large body, while the rest of the body
// waits to be sent. A web server that has left meanwhile has only a part of it, and the log says so.
func TestAWebServerThatLeavesWithinTheResponseToAnUploadDoesNotHaveIt(t *testing.T) {
	b := newBench(t)
	b.fpm.Early()
	b.start()
	body := strings.Repeat("x", 1_000_000) // more than the kernel holds
	c := b.connect()
	b.send(c, body, b.params("REQUEST_METHOD", "POST", "CONTENT_LENGTH", strconv.Itoa(len(body)))...)
	q := b.fpm.Next()
	b.must(q.Stdout(page))
	b.reads(c, "the page")
	c.Close()
	stack.Until(t, "the gateway knows", func() bool { return b.onlyConn().gone.Load() })
	b.must(q.Stdout("the end"))
	b.must(q.Send(stack.Record{Type: stack.EndRequest, ID: q.RequestID(), Content: make([]byte, 8)}))
	if event := b.logged(`"message":"request"`); event["status"] != 499.0 || event.String("error") == "" {
		t.Errorf("the log has %v", event)
	}
	b.poolNow("its place is free", func(p control.PoolStatus) bool { return p.Running == 0 && p.Abandoned == 0 })
}

// nginx closes a connection as soon as it has all that it needs, and END_REQUEST comes later.
func TestAResponseThatIsWholeForTheWebServerIsNotBrokenOff(t *testing.T) {
	for _, row := range []struct{ name, method, response, rest string }{
		{"HEAD", "HEAD", "Content-Type: text/plain\r\n\r\n", ""},
		{"HEAD with a length", "HEAD", "Content-Length: 100\r\n\r\n", ""},
		{"Content-Length", "GET", "Content-Length: 3\r\n\r\nabc", ""},
		{"Content-Length, in small writes", "GET", "content-length: 3\r\n", "X-A: b\r\n\r\nabc"},
		{"Range", "GET", "Status: 206\r\nContent-Range: bytes 0-2/9\r\nContent-Length: 3\r\n\r\nabc", ""},
		{"204", "POST", "Status: 204 No Content\r\n\r\n", ""},
		{"304", "GET", "Status: 304\nETag: \"a\"\n\n", ""},
		{"X-Accel-Redirect", "GET", "X-Accel-Redirect: /files/a\r\n\r\n", ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			b := newBench(t).start()
			c, q := b.running(b.params("REQUEST_METHOD", row.method)...)
			b.must(q.Stdout(row.response))
			if row.rest != "" {
				b.must(q.Stdout(row.rest))
			}
			b.reads(c, row.response, row.rest)
			c.Close()
			stack.Until(t, "the gateway knows", func() bool { return b.onlyConn().gone.Load() })
			b.must(q.Stdout(strings.Repeat("x", 200_000))) // the script goes on, and nothing fails
			if n := b.server.Status().Pools[0]; n.Abandoned != 0 || n.Running != 1 {
				t.Errorf("the pool is %+v", n)
			}
			q.Answer("")
			event := b.logged(`"message":"request"`)
			if event.String("level") != "info" || event.String("error") != "" || event["status"] == 499.0 {
				t.Errorf("the log has %v", event)
			}
			b.poolNow("rest", func(p control.PoolStatus) bool { return p.Running == 0 })
		})
	}
}

// A response that is not whole is broken off, and its script sees it.
// A request that is abandoned at the moment at which the time is over holds nobody up.
func TestARequestThatIsAbandonedTooLateIsCutOff(t *testing.T) {
	b := newBench(t).start()
	c, _ := b.running(b.params()...)
	s := b.server
	s.mu.Lock() // so that it is not among those that are cut off
	c.Close()
	stack.Until(t, "it is abandoned", func() bool { return s.setup.Load().pools["www"].Status().Abandoned == 1 })
	for _, next := range []phase{stopping, finishing, cutting} {
		s.life.must(next)
	}
	s.mu.Unlock()
	stack.Receive(t, s.empty, "the end")
}

func TestAResponseThatIsNotWholeIsAbandoned(t *testing.T) {
	for _, response := range []string{"Content-Length: 4\r\n\r\nabc", "Content-Type: text/plain\r\n\r\nabc", "Content-Type: text/html\r\n"} {
		b := newBench(t).start()
		c, q := b.running(b.params()...)
		b.must(q.Stdout(response))
		b.reads(c, response)
		c.Close()
		b.poolNow("abandoned", func(p control.PoolStatus) bool { return p.Abandoned == 1 })
		// It is counted a moment before our end is shut.
		stack.Until(t, "the script cannot write, since nobody reads", func() bool { return q.Stdout("x") != nil })
		b.logged(`"status":499`)
		q.Close()
	}
}
