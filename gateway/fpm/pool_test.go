package fpm

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"realdocd/gateway/sock"
)

// patience is how long a test waits for what must come.
const patience = 10 * time.Second

// A client is a request that waits for what the pool says, until it leaves.
type client struct {
	waits Interruptible
	ended error
}

func (c *client) WaitFor(i Interruptible) { c.waits = i }
func (c *client) Ended() error            { return c.ended }

func newTestPool(c Config) *Pool {
	c.Name = "www"
	return New(c, zerolog.Nop())
}

func TestPool_ChoosesAListenerThatIsDownOnlyIfNoOtherIsLeft(t *testing.T) {
	p := newTestPool(Config{Servers: []sock.Addr{"/a", "/b"}})
	a, b := p.listeners[0], p.listeners[1]
	a.down.Store(&outage{})
	b.running = 5
	for range 3 {
		if got := p.chooseLocked(nil); got != b {
			t.Errorf("chose %s, which is down", got.addr)
		}
	}
	if got := p.chooseLocked([]*listener{b}); got != a {
		t.Error("did not choose the only one that is left")
	}
	if got := p.chooseLocked([]*listener{a, b}); got != nil {
		t.Errorf("chose %s, which was tried", got.addr)
	}
}

func TestPool_TriesAListenerNoMoreThatTheConfigurationDropped(t *testing.T) {
	p := newTestPool(Config{Servers: []sock.Addr{"/late", "/fpm"}, ConnectTimeout: time.Second})
	gone := p.listeners[0]
	gone.failed(errors.New("connection refused"))
	if gone.ctx.Err() != nil {
		t.Fatal("it is not tried while the configuration has it")
	}
	p.Configure(Config{Servers: []sock.Addr{"/fpm"}})
	if gone.ctx.Err() == nil {
		t.Error("it goes on being tried")
	}
}

func TestListener_TakesTheOldestConnectionAndClosesTheOldestThatWereNotNeeded(t *testing.T) {
	p := newTestPool(Config{Servers: []sock.Addr{"/s"}, Reuse: true})
	l := p.listeners[0]
	l.why, l.reaping, l.workers = nil, true, 12
	kept := []*sock.Conn{{}, {}, {}, {}}
	for _, conn := range kept {
		l.keepLocked(conn)
	}
	l.low = len(l.kept)
	taken := l.takeKeptLocked()
	l.keepLocked(taken)
	if l.low != 3 || taken != kept[0] || !slices.Equal(l.kept, []*sock.Conn{kept[1], kept[2], kept[3], kept[0]}) {
		t.Errorf("%d were idle all the time", l.low)
	}
}

func TestPlace_ClosesAKeptConnectionThatItDidNotUse(t *testing.T) {
	ours, theirs := socketPair(t)
	p := newTestPool(Config{Servers: []sock.Addr{"/s"}, Reuse: true})
	p.listeners[0].kept = []*sock.Conn{ours}
	var pl Place
	if err := p.Enter(&pl, Want{By: &client{}, Reusable: true}); err != nil {
		t.Fatal(err)
	}
	pl.Leave(false)
	if n, err := theirs.Read(make([]byte, 1)); n > 0 || err != io.EOF {
		t.Errorf("FPM reads %d bytes, %v; want the end", n, err)
	}
}

// The worker of a connection has just answered, and reads again in a moment. Where it is the only one that is
// not busy, a new connection would wait for it too.
func TestPlace_WaitsForTheWorkerOfItsConnectionIfNoOtherIsFree(t *testing.T) {
	for _, row := range []struct {
		name    string
		workers int
		waits   bool
	}{{"all workers are taken", 2, true}, {"one is free", 4, false}} {
		ours, theirs := socketPair(t)
		p := newTestPool(Config{Servers: []sock.Addr{"/none"}, Reuse: true, ConnectTimeout: time.Second})
		l := p.listeners[0]
		l.why, l.reaping, l.yielded = nil, true, time.Now()
		l.workers, l.running, l.kept = row.workers, 1, []*sock.Conn{ours}
		if _, err := ours.Write([]byte("marker")); err != nil {
			t.Fatal(err)
		}
		var pl Place
		if err := p.Enter(&pl, Want{By: &client{}, Reusable: true}); err != nil {
			t.Fatal(err)
		}
		l.comesBack = patience // a busy machine may take longer
		if row.waits {
			go theirs.Read(make([]byte, 6))
		}
		got := l.readyOne(pl.kept)
		if waited := got == ours; waited != row.waits {
			t.Errorf("%s: waited for the worker: %v", row.name, waited)
		}
		if !row.waits && !slices.Equal(l.kept, []*sock.Conn{ours}) {
			t.Errorf("%s: the connection is not kept for later", row.name)
		}
	}
}

// socketPair is a connection to FPM and FPM's end of it.
func socketPair(t *testing.T) (*sock.Conn, net.Conn) {
	t.Helper()
	listener, err := net.ListenUnix("unix", &net.UnixAddr{Name: t.TempDir() + "/s", Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	conn, err := sock.NewDialer(sock.Addr(listener.Addr().String())).Dial(time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	peer, err := listener.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.End(); peer.Close() })
	return conn, peer
}

// A place that two requests believe to have would be a fault that nobody notices.
func TestPlace_PanicsOnMisuse(t *testing.T) {
	entered := func() *Place {
		p := newTestPool(Config{Servers: []sock.Addr{"/s"}})
		pl := &Place{}
		if err := p.Enter(pl, Want{By: &client{}}); err != nil {
			t.Fatal(err)
		}
		return pl
	}
	left := func() *Place {
		pl := entered()
		pl.Leave(false)
		return pl
	}
	for name, row := range map[string]struct {
		misuse func()
		want   string
	}{
		"connected before it was entered": {func() { (&Place{}).Connect() }, "Connect of a place that is not held"},
		"left before it was entered":      {func() { (&Place{}).Leave(true) }, "Leave of a place that is not held"},
		"left twice":                      {func() { left().Leave(true) }, "Leave of a place that is not held"},
		"entered twice":                   {func() { pl := entered(); pl.pool.Enter(pl, Want{By: &client{}}) }, "Enter with a place that was used"},
		"entered again":                   {func() { pl := left(); pl.pool.Enter(pl, Want{By: &client{}}) }, "Enter with a place that was used"},
		"marked after it was left":        {func() { left().Mark(nil, 1) }, "Mark of a place that is not held"},
	} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				if got, _ := recover().(string); !strings.Contains(got, row.want) {
					t.Errorf("panicked with %q, want %q", got, row.want)
				}
			}()
			row.misuse()
		})
	}
}

func TestListener_LogsOnceWhyConnectionsAreNotKept(t *testing.T) {
	fpm, err := net.Listen("unix", t.TempDir()+"/s")
	if err != nil {
		t.Fatal(err)
	}
	defer fpm.Close()
	var log bytes.Buffer
	p := New(Config{Name: "www", Servers: []sock.Addr{sock.Addr(fpm.Addr().String())}, Reuse: true}, zerolog.New(&log))
	p.AskFPM = func(context.Context, sock.Addr, string, Question) (Answer, error) {
		return Answer{Version: "8.1.29", Workers: 12}, nil
	}
	l := p.listeners[0]
	for range 2 {
		l.learn(nil)
	}
	if all := log.String(); strings.Count(all, "connections to FPM are not kept") != 1 {
		t.Errorf("the log does not have it once:\n%s", all)
	}
}
