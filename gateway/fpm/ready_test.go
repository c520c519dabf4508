package fpm

import (
	"net"
	"testing"
	"time"

	"realdocd/gateway/sock"
)

// Connections whose workers are busy are tried once each: the third one is ready.
func TestListener_TriesEachKeptConnectionOnce(t *testing.T) {
	ln, err := net.ListenUnix("unix", &net.UnixAddr{Name: t.TempDir() + "/s", Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	p := newTestPool(Config{Servers: []sock.Addr{sock.Addr(ln.Addr().String())}, Reuse: true})
	l := p.listeners[0]
	l.why, l.reaping, l.workers = nil, true, 12
	for range 3 {
		conn, err := l.dial(time.Time{})
		if err != nil {
			t.Fatal(err)
		}
		defer conn.End()
		l.keepLocked(conn)
	}
	ready := l.kept[2]
	for _, busy := range l.kept[:2] {
		busy.Write(appendMarker(nil, 1)) // nobody reads it
	}
	if got := l.readyOne(l.takeKeptLocked()); got != ready {
		t.Error("the connection that is ready was not taken")
	}
}
