package fpm

import (
	"io"
	"net"
	"os"
	"testing"
	"time"

	"realdocd/gateway/sock"
	"realdocd/test/stack"
)

// A lateness is a pool of two places, both taken by requests with connections that may be
// kept, and a third request that waits.
type lateness struct {
	*testing.T
	l       *listener
	places  [2]Place
	workers [2]net.Conn // the other ends
	third   *Place
	entered chan error // of the third
}

func newLateness(t *testing.T, comesBack time.Duration) *lateness {
	ln, err := net.ListenUnix("unix", &net.UnixAddr{Name: t.TempDir() + "/s", Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	p := newTestPool(Config{
		Servers: []sock.Addr{sock.Addr(ln.Addr().String())}, MaxConns: 2, Queue: 10, Reuse: true,
		QueueTimeout: patience, ConnectTimeout: patience,
	})
	l := p.listeners[0]
	l.why, l.workers, l.comesBack, l.yielded = nil, 12, comesBack, time.Now().Add(time.Hour)
	l.keeps.Store(true)
	l.master, l.asked = int32(os.Getpid()), time.Now() // it is not asked what it is
	b := &lateness{T: t, l: l, third: &Place{}, entered: make(chan error, 1)}
	for i := range b.places {
		pl := &b.places[i]
		if err := p.Enter(pl, Want{By: &client{}, Reusable: true}); err != nil {
			t.Fatal(err)
		}
		conn, err := pl.Connect()
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(conn.End)
		if b.workers[i], err = ln.Accept(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { b.workers[i].Close() })
		request := pl.Mark(make([]byte, 16), 1)
		if _, err := conn.Write(request); err != nil {
			t.Fatal(err)
		}
	}
	go func() { b.entered <- p.Enter(b.third, Want{By: &client{}, Reusable: true}) }()
	stack.Until(t, "the third waits", func() bool { return p.Status().Waiting == 1 })
	return b
}

// reads has a worker read its request and the marker behind it.
func (b *lateness) reads(worker int) {
	b.Helper()
	if _, err := io.ReadFull(b.workers[worker], make([]byte, 16+8)); err != nil {
		b.Fatal(err)
	}
}

func (b *lateness) wantThird(kept *sock.Conn) {
	b.Helper()
	if err := stack.Receive(b.T, b.entered, "the place of the third"); err != nil {
		b.Fatal(err)
	}
	if b.third.kept != kept {
		b.Error("the place came with another connection")
	}
}

// The first request ends, but its worker is put aside; the second one's is back before.
func TestPool_GivesThePlaceWhoseWorkerIsBackFirst(t *testing.T) {
	b := newLateness(t, patience)
	first, second := b.places[0].conn, b.places[1].conn
	b.places[0].Leave(true)
	if st := b.l.pool.Status(); st.Running != 2 || st.Waiting != 1 {
		t.Errorf("%d run and %d wait, though no worker is back", st.Running, st.Waiting)
	}
	b.reads(1)
	b.places[1].Leave(true)
	b.wantThird(second)

	b.reads(0)
	b.l.takeBack()
	if st := b.l.pool.Status(); st.Running != 1 || b.l.kept[0] != first {
		t.Errorf("%d run, though the first worker is back", st.Running)
	}
}

// A script that goes on after its response does not keep its place from others.
func TestPool_GivesThePlaceOfALateConnectionAfterAWhile(t *testing.T) {
	b := newLateness(t, 5*time.Millisecond)
	b.places[0].Leave(true)
	b.wantThird(nil)
	if _, err := b.workers[0].Read(make([]byte, 64)); err != nil {
		t.Fatal(err)
	}
	if _, err := b.workers[0].Read(make([]byte, 1)); err != io.EOF {
		t.Errorf("the late connection is not closed: %v", err)
	}
}
