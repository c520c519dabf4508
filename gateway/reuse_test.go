package gateway

import (
	"net"
	"testing"
	"time"

	"realdocd/fcgi"
	"realdocd/gateway/control"
	"realdocd/gateway/fpm"
	"realdocd/test/stack"
)

// newKeeping is a bench whose FPM is fit for its connections to be kept.
func newKeeping(t testing.TB) *bench {
	t.Helper()
	b := newBench(t)
	b.cfg.Pools[0].Reuse = true
	b.facts = fpm.Answer{Version: "8.2.36", Workers: 12}
	return b
}

// startKeeping runs it, and returns when the first connection has shown which FPM it is.
func (b *bench) startKeeping() *bench {
	b.t.Helper()
	b.start()
	b.served(b.connect(), "", b.params()...)
	b.poolNow("keep connections", func(p control.PoolStatus) bool { return p.Servers[0].Reuse == "on" && p.Running == 0 })
	return b
}

// servedAndKept sends a request that FPM answers without closing, and returns FPM's end.
func (b *bench) servedAndKept(c *stack.Client, behind string) *stack.FakeRequest {
	b.t.Helper()
	b.send(c, "", b.params()...)
	q := b.fpm.Next()
	if !q.Keep {
		b.t.Error("FCGI_KEEP_CONN is not set")
	}
	q.AnswerKept(page, behind)
	b.wantPage(c)
	return q
}

func TestAKeptConnectionIsUsedAgain(t *testing.T) {
	b := newKeeping(t).startKeeping()
	c := b.connect()
	first := b.servedAndKept(c, "")
	second := b.servedAndKept(c, "")
	if first.Conn != second.Conn {
		t.Error("the second request came over another connection")
	}
	b.poolNow("one reused", func(p control.PoolStatus) bool {
		s := p.Servers[0]
		return s.Reused == 1 && s.Opened == 2 && s.Kept == 1
	})
}

func TestAnIdleKeptConnectionIsClosed(t *testing.T) {
	b := newKeeping(t)
	b.idle = 50 * time.Millisecond
	q := b.startKeeping().servedAndKept(b.connect(), "")
	q.Gone()
	b.poolNow("none kept", func(p control.PoolStatus) bool { return p.Servers[0].Kept == 0 })
}

// What would be unsafe is not kept: FPM sees the end of the connection, and the next request comes over another.
func TestAConnectionIsNotKept(t *testing.T) {
	stray := string(fcgi.AppendStream(nil, fcgi.Stdout, 1, []byte("stray")))
	for _, row := range []struct {
		name   string
		setup  func(*bench)
		body   string
		params []string
		behind string // END_REQUEST
	}{
		{name: "after a request with a body", body: "body", params: []string{"CONTENT_LENGTH", "4"}},
		{name: "after a body of unknown length", body: "body"},
		{name: "with a record behind END_REQUEST", behind: stray},
		{name: "with half a record behind END_REQUEST", behind: stray[:5]},
		{name: "where FPM may smuggle requests", setup: func(b *bench) { b.facts.Version = "8.2.35" }},
		{name: "where FPM is of an unknown version", setup: func(b *bench) { b.facts.Version = "" }},
		{name: "where FPM has one worker", setup: func(b *bench) { b.facts.Workers = 1 }},
		{name: "where FPM's workers cannot be counted", setup: func(b *bench) { b.facts.Workers = 0 }},
		{name: "where that is off", setup: func(b *bench) { b.cfg.Pools[0].Reuse = false }},
	} {
		t.Run(row.name, func(t *testing.T) {
			b := newKeeping(t)
			if row.setup != nil {
				row.setup(b)
			}
			b.start()
			b.served(b.connect(), "", b.params()...)
			if row.setup == nil {
				b.poolNow("keep connections", func(p control.PoolStatus) bool { return p.Servers[0].Reuse == "on" && p.Running == 0 })
			}
			c := b.connect()
			if row.behind != "" {
				b.servedAndKept(c, row.behind)
			} else {
				b.send(c, row.body, b.params(row.params...)...)
				q := b.fpm.Next()
				q.AnswerKept(page, "")
				b.wantPage(c)
				q.Gone()
			}
			b.served(c, "", b.params()...)
			if reused := b.server.Status().Pools[0].Servers[0].Reused; reused != 0 {
				t.Errorf("%d requests went over a kept connection", reused)
			}
		})
	}
}

func TestWhatComesBehindTheEndLaterIsSeenBeforeTheNextRequest(t *testing.T) {
	for name, late := range map[string]func(net.Conn) error{
		"a stray byte": func(c net.Conn) error { _, err := c.Write([]byte{1}); return err },
		"the end":      func(c net.Conn) error { return c.(*net.UnixConn).CloseWrite() },
	} {
		t.Run(name, func(t *testing.T) {
			b := newKeeping(t).startKeeping()
			c := b.connect()
			q := b.servedAndKept(c, "")
			b.poolNow("one kept", func(p control.PoolStatus) bool { return p.Servers[0].Kept == 1 })
			b.must(late(q.Conn))
			if next := b.served(c, "", b.params()...); next.Conn == q.Conn {
				t.Error("the next request came over the same connection")
			}
		})
	}
}

func TestFewerConnectionsAreKeptThanFPMHasWorkers(t *testing.T) {
	b := newKeeping(t)
	b.facts.Workers = 3
	b.startKeeping()
	var clients []*stack.Client
	var running []*stack.FakeRequest
	for range 3 {
		c, q := b.running(b.params()...)
		clients, running = append(clients, c), append(running, q)
	}
	for i, q := range running {
		q.AnswerKept(page, "")
		b.wantPage(clients[i])
	}
	b.poolNow("two kept", func(p control.PoolStatus) bool { return p.Running == 0 && p.Servers[0].Kept == 2 })
	// A request with a body gets a new connection, for which there must be a worker.
	for range 2 {
		c := b.connect()
		b.send(c, "body", b.params("CONTENT_LENGTH", "4")...)
		running = append(running, b.fpm.Next())
	}
	b.poolNow("one kept", func(p control.PoolStatus) bool { return p.Running == 2 && p.Servers[0].Kept == 1 })
}

func TestAPauseClosesKeptConnections(t *testing.T) {
	b := newKeeping(t).startKeeping()
	q := b.servedAndKept(b.connect(), "")
	b.must(b.server.Pause("www"))
	b.must(b.server.Drain(t.Context(), "www"))
	if kept := b.server.Status().Pools[0].Servers[0].Kept; kept != 0 {
		t.Errorf("%d connections are kept", kept)
	}
	q.Gone()
}

// A visitor who left has interrupted the connection, and its response is not to be read by another.
func TestTheConnectionOfAVisitorWhoLeftIsNotKept(t *testing.T) {
	b := newKeeping(t).startKeeping()
	before := b.server.Status().Pools[0].Servers[0].Kept
	c, q := b.running(b.params()...)
	c.Close()
	q.Gone()
	after := b.poolNow("rest", func(p control.PoolStatus) bool { return p.Running == 0 })
	if kept := after.Servers[0].Kept; kept > before {
		t.Errorf("%d connections are kept, before it were %d", kept, before)
	}
	b.served(b.connect(), "", b.params()...)
}

func TestWhyConnectionsAreNotKeptIsInTheLogOnce(t *testing.T) {
	b := newKeeping(t)
	b.facts.Version = "8.1.29"
	b.start()
	b.served(b.connect(), "", b.params()...)
	event := b.logged("connections to FPM are not kept")
	if event.String("pool") != "www" || event.String("level") != "warn" || event.String("server") != string(b.cfg.Pools[0].Servers[0]) {
		t.Errorf("the log has %v", event)
	}
	b.poolNow("say why", func(p control.PoolStatus) bool { return p.Servers[0].Reuse == fpm.SmugglingFault("8.1.29").Error() })
}
