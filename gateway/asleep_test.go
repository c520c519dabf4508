package gateway

import (
	"io"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"realdocd/test/stack"
)

// asleep is a connection that has had a request, and that no goroutine serves any more.
func (b *bench) asleep() *stack.Client {
	b.t.Helper()
	c := b.connect()
	b.served(c, "", b.params()...)
	b.fallsAsleep()
	return c
}

func (b *bench) fallsAsleep() {
	b.t.Helper()
	stack.Until(b.t, "all connections are asleep", func() bool {
		return b.server.awake.Load() == 0 && b.server.OwnStatus().Connections > 0
	})
}

func TestAConnectionThatIsAsleepServesTheNextRequest(t *testing.T) {
	b := newBench(t).start()
	c := b.asleep()
	for range 3 {
		b.served(c, "", b.params()...)
	}
	b.fallsAsleep()
	b.served(c, "", b.params()...)
}

func TestAConnectionFallsAsleepBetweenItsRequestsAndNotWithinOne(t *testing.T) {
	b := newBench(t).start()
	c, q := b.running(b.params()...)
	time.Sleep(2*sleepsAfter + slowestStallLook)
	if n := b.server.awake.Load(); n != 1 {
		t.Fatalf("%d connections are awake, want the one whose request runs", n)
	}
	q.Answer(page)
	b.wantPage(c)
}

func TestAConnectionThatIsAsleepEndsWithItsWebServer(t *testing.T) {
	b := newBench(t).start()
	b.asleep().Close()
	stack.Until(t, "the connection is gone", func() bool { return b.server.OwnStatus().Connections == 0 })
}

func TestAConnectionThatIsAsleepEndsWithTheServer(t *testing.T) {
	b := newBench(t).start()
	c := b.asleep()
	wantCut(b, shutDown(b, t.Context()))
	if _, err := c.Read(make([]byte, 1)); err != io.EOF {
		t.Errorf("the connection ends with %v", err)
	}
}

func TestAConnectionThatIsAsleepEndsAfterItsIdleTimeout(t *testing.T) {
	b := newBench(t)
	b.cfg.IdleTimeout = 3 * sleepsAfter
	b.start()
	c := b.asleep()
	if _, err := c.Read(make([]byte, 1)); err != io.EOF {
		t.Errorf("the connection ends with %v", err)
	}
}

func TestAConnectionThatIsAsleepIsLeftForTheNextProcess(t *testing.T) {
	b := newBench(t).start()
	c := b.asleep()
	kept := make(chan int, 1)
	b.server.KeepConns(func(conn syscall.Conn) error {
		raw, err := conn.SyscallConn()
		if err != nil {
			return err
		}
		return raw.Control(func(fd uintptr) {
			copied, err := unix.Dup(int(fd))
			b.must(err)
			kept <- copied
		})
	})
	// Not by shutDown: a connection of its own, with which that tries, could be left too.
	if cut := b.server.Shutdown(t.Context()); len(cut) > 0 {
		t.Errorf("cut off %v", cut)
	}
	conn := adopt(b, stack.Receive(t, kept, "the connection"))
	defer conn.Close()
	if _, err := c.Write([]byte{1}); err != nil {
		t.Fatal(err)
	}
	if n, err := conn.Read(make([]byte, 1)); n != 1 {
		t.Errorf("the connection is not the one that was kept: %v", err)
	}
}

// A web server that opens hundreds of connections keeps them, and most of them wait.
func TestConnectionsBeginAsleepWhereManyAreAwake(t *testing.T) {
	b := newBench(t).start()
	var all []*stack.Client
	for range crowded + 50 {
		all = append(all, b.connect())
	}
	stack.Until(t, "all are there", func() bool { return b.server.OwnStatus().Connections == len(all) })
	if n := b.server.awake.Load(); n > crowded+1 {
		t.Errorf("%d connections are awake", n)
	}
	b.served(all[len(all)-1], "", b.params()...)
}

func TestAConnectionThatIsAsleepHoldsNoBuffer(t *testing.T) {
	b := newBench(t).start()
	b.server.awake.Add(crowded) // so that it sleeps at once, with the buffer of its request
	defer b.server.awake.Add(-crowded)
	b.served(b.connect(), "", b.params()...)
	stack.Until(t, "the connection is asleep", func() bool { return b.server.awake.Load() == crowded })
	b.server.mu.Lock()
	defer b.server.mu.Unlock()
	for c := range b.server.conns {
		c.mu.Lock()
		defer c.mu.Unlock()
		if n := c.web.In.Held(); n > 0 {
			t.Errorf("it holds %d bytes", n)
		}
	}
}
