package gateway

import (
	"os"
	"testing"

	"realdocd/test/stack"

	"github.com/rs/zerolog"

	"realdocd/gateway/control"
)

func TestARequestGoesToTheLeastBusyServer(t *testing.T) {
	b := newBench(t)
	second := stack.ListenFPM(t, stack.Addr(b.dir+"/second"))
	b.cfg.Pools[0].Servers = append(b.cfg.Pools[0].Servers, b.dir+"/second")
	b.start()
	var first, other []*stack.FakeRequest
	take := func() {
		t.Helper()
		c := b.connect()
		b.send(c, "", b.params()...)
		select {
		case q := <-b.fpm.Requests:
			first = append(first, q)
		case q := <-second.Requests:
			other = append(other, q)
		}
	}
	for range 4 {
		take()
	}
	if len(first) != 2 || len(other) != 2 {
		t.Fatalf("%d requests in one server and %d in the other", len(first), len(other))
	}
	for _, q := range other {
		q.Answer(page)
	}
	b.poolNow("one server free", func(p control.PoolStatus) bool { return p.Running == 2 })
	take()
	take()
	if len(first) != 2 {
		t.Errorf("%d requests went to the server that was busy", len(first)-2)
	}
}

func TestAServerThatIsDownIsPassedOverUntilItAnswers(t *testing.T) {
	b := newBench(t)
	late := b.dir + "/late"
	b.cfg.Pools[0].Servers = []string{late, b.dir + "/fpm"}
	b.start()
	c := b.connect()
	for range 4 {
		b.served(c, "", b.params()...)
	}
	if event := b.logged("FPM listener ejected"); event.String("server") != late || event.String("pool") != "www" {
		t.Errorf("the log has %v", event)
	}
	if s := b.server.Status().Pools[0].Servers[0]; s.Up || s.Error == "" || s.Opened != 0 {
		t.Errorf("the server is %+v", s)
	}
	stack.ListenFPM(t, stack.Addr(late))
	b.logged("FPM listener restored")
	b.poolNow("all up", func(p control.PoolStatus) bool { return p.Servers[0].Up && p.Servers[0].Error == "" })
}

func TestAServerThatIsOutIsChosenOnlyWhereNoOtherIsLeft(t *testing.T) {
	p := newPool(PoolConfig{Servers: []string{"/a", "/b"}}, zerolog.Nop())
	a, b := p.servers[0], p.servers[1]
	a.out.Store(&outage{})
	b.running = 5
	for range 3 {
		if got := p.choose(nil); got != b {
			t.Errorf("chose %s, which is out", got.addr)
		}
	}
	if got := p.choose([]*server{b}); got != a {
		t.Error("did not choose the only one that is left")
	}
	if got := p.choose([]*server{a, b}); got != nil {
		t.Errorf("chose %s, which was tried", got.addr)
	}
}

func TestTheOnlyServerIsTriedForEachRequestThoughItIsDown(t *testing.T) {
	b := newBench(t)
	late := b.dir + "/late"
	b.cfg.Pools[0].Servers = []string{late}
	b.start()
	c := b.connect()
	b.send(c, "", b.params()...)
	b.wantRefused(c, 502)
	b.must(os.Rename(b.dir+"/fpm", late))
	b.served(c, "", b.params()...)
}

func TestAServerThatIsGoneIsTriedNoMore(t *testing.T) {
	b := newBench(t)
	late := b.dir + "/late"
	b.cfg.Pools[0].Servers = []string{late, b.dir + "/fpm"}
	b.start()
	c := b.connect()
	b.served(c, "", b.params()...)
	b.served(c, "", b.params()...)
	b.logged("FPM listener ejected")
	gone := b.server.setup.Load().pools["www"].servers[0]
	b.reload(func(c *Config) { c.Pools[0].Servers = []string{b.dir + "/fpm"} })
	if gone.ctx.Err() == nil {
		t.Error("it goes on being tried")
	}
}
