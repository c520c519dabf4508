package gateway

import (
	"slices"
	"strings"
	"testing"

	"realdocd/gateway/sock"
	"realdocd/test/stack"
)

// changed is the bench's configuration with a change that the running one does not see.
func (b *bench) changed(change func(*Config)) Config {
	c := b.cfg
	c.Listen, c.Pools, c.Sites = slices.Clone(c.Listen), slices.Clone(c.Pools), slices.Clone(c.Sites)
	change(&c)
	return c
}

func (b *bench) reload(change func(*Config)) {
	b.t.Helper()
	b.must(b.server.Reload(b.changed(change)))
}

func TestReload_AHigherLimitLetsWaitingRequestsIn(t *testing.T) {
	b := newLimited(t, 1).start()
	b.running(b.params()...)
	c := b.waiting(1, "shop")
	b.reload(func(c *Config) { c.Pools[0].MaxConns = 2 })
	b.fpm.Next().Answer(page)
	b.wantPage(c)
}

func TestReload_AFaultChangesNothing(t *testing.T) {
	b := newBench(t).start()
	for want, change := range map[string]func(*Config){
		"no such file or directory": func(c *Config) {
			c.Listen = []sock.Addr{sock.Addr(b.dir + "/new"), sock.Addr(b.dir + "/none/gw")}
			c.Pools[0].Servers = []sock.Addr{sock.Addr(b.dir + "/none")}
		},
		"open the control socket": func(c *Config) { c.Control = b.dir + "/none/control" },
	} {
		if err := b.server.Reload(b.changed(change)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Reload: %v, want %q", err, want)
		}
		b.served(b.connect(), "", b.params()...)
		if _, err := stack.Connect(stack.Addr(b.dir + "/new")); err == nil {
			t.Error("a socket of a configuration that was not taken is open")
		}
	}
}

func TestReload_ConnectionsStayAndSocketsMove(t *testing.T) {
	b := newBench(t).start()
	old := b.connect()
	b.served(old, "", b.params()...)
	b.reload(func(c *Config) { c.Listen = []sock.Addr{sock.Addr(b.dir + "/new")} })
	b.served(old, "", b.params()...)
	if _, err := stack.Connect(b.addr); err == nil {
		t.Errorf("still listens on %s", b.addr)
	}
	b.addr = stack.Addr(b.dir + "/new")
	b.served(b.connect(), "", b.params()...)
}

func TestReload_ASiteMovesToAnotherPoolAndRunningRequestsStay(t *testing.T) {
	b := newBench(t)
	green := stack.ListenFPM(t, stack.Addr(b.dir+"/green"))
	b.start()
	c, q := b.running(b.params()...)
	b.reload(func(c *Config) {
		pool := c.Pools[0]
		pool.Name, pool.Servers = "green", []sock.Addr{sock.Addr(b.dir + "/green")}
		c.Pools = append(c.Pools, pool)
		c.Sites[0].Pool = "green"
	})
	moved := b.connect()
	b.send(moved, "", b.params()...)
	green.Next().Answer(page)
	b.wantPage(moved)
	q.Answer(page)
	b.wantPage(c)
}

func TestReload_WhoWaitsInAPoolThatGoesIsServed(t *testing.T) {
	b := newBench(t).start()
	b.must(b.server.Pause("www"))
	c := b.waiting(1, "shop")
	b.reload(func(c *Config) {
		c.Pools[0].Name = "other"
		c.Sites[0].Pool, c.Sites[1].Pool = "other", "other"
	})
	b.fpm.Next().Answer(page)
	b.wantPage(c)
}

func TestReload_APauseOutlivesIt(t *testing.T) {
	b := newBench(t).start()
	b.must(b.server.Pause("www"))
	b.reload(func(c *Config) { c.Pools[0].Queue = 7 })
	if p := b.server.Status().Pools[0]; !p.Paused || p.Queue != 7 {
		t.Errorf("the pool is %+v", p)
	}
	b.must(b.server.Resume("www"))
}

func TestReload_KnowsTheReleasesThatItKnew(t *testing.T) {
	b := newBench(t).start()
	b.served(b.connect(), "", b.params()...)
	b.flip("2")
	b.served(b.connect(), "", b.params()...)
	b.reload(func(c *Config) { c.Sites[0].RealpathEvery = patience })
	resolved := stack.ParamsFor(b.release("shop", "1")+"/public", "GET", "/index.php")
	if got, _ := b.served(b.connect(), "", resolved...).Value("REALDOC_RELEASE"); got != "1" {
		t.Errorf("the request ran on release %q, want 1", got)
	}
	b.served(b.connect(), "", b.params()...)
	b.flip("1")
	if got, _ := b.served(b.connect(), "", b.params()...).Value("REALDOC_RELEASE"); got != "2" {
		t.Errorf("the request ran on release %q, want 2 for realpath_every", got)
	}
}

func TestReload_ServersThatStayAreKeptTrackOf(t *testing.T) {
	b := newBench(t).start()
	c, q := b.running(b.params()...)
	b.reload(func(c *Config) {
		c.Pools[0].Servers = []sock.Addr{sock.Addr(b.dir + "/none"), sock.Addr(b.dir + "/fpm")}
	})
	p := b.server.Status().Pools[0]
	if p.Running != 1 || p.Servers[1].Running != 1 || p.Servers[1].Opened != 1 {
		t.Errorf("the pool is %+v", p)
	}
	q.Answer(page)
	b.wantPage(c)
	for range 3 {
		b.served(c, "", b.params()...)
	}
	b.logged("FPM listener is down")
}
