package gateway

import (
	"os"
	"testing"

	"realdocd/test/stack"

	"realdocd/gateway/control"
	"realdocd/gateway/sock"
)

func TestARequestGoesToTheLeastBusyServer(t *testing.T) {
	b := newBench(t)
	second := stack.ListenFPM(t, stack.Addr(b.dir+"/second"))
	b.cfg.Pools[0].Servers = append(b.cfg.Pools[0].Servers, sock.Addr(b.dir+"/second"))
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
	b.cfg.Pools[0].Servers = []sock.Addr{sock.Addr(late), sock.Addr(b.dir + "/fpm")}
	b.start()
	c := b.connect()
	for range 4 {
		b.served(c, "", b.params()...)
	}
	if event := b.logged("FPM listener is down"); event.String("server") != late || event.String("pool") != "www" {
		t.Errorf("the log has %v", event)
	}
	if s := b.server.Status().Pools[0].Servers[0]; s.Up || s.Error == "" || s.Opened != 0 {
		t.Errorf("the server is %+v", s)
	}
	stack.ListenFPM(t, stack.Addr(late))
	b.logged("FPM listener is up again")
	b.poolNow("all up", func(p control.PoolStatus) bool { return p.Servers[0].Up && p.Servers[0].Error == "" })
}

func TestTheOnlyServerIsTriedForEachRequestThoughItIsDown(t *testing.T) {
	b := newBench(t)
	late := b.dir + "/late"
	b.cfg.Pools[0].Servers = []sock.Addr{sock.Addr(late)}
	b.start()
	c := b.connect()
	b.send(c, "", b.params()...)
	b.wantRefused(c, 502)
	b.must(os.Rename(b.dir+"/fpm", late))
	b.served(c, "", b.params()...)
}
