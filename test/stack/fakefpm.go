package stack

import (
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// FakeFPM takes the place of PHP-FPM and leaves every answer to the test: it takes connections, reads one
// request from each, and hands it over. It answers GET_VALUES as PHP-FPM does: it multiplexes nothing.
type FakeFPM struct {
	Addr     Addr
	Requests chan *FakeRequest

	t        TB
	listener *net.UnixListener
	early    bool // a request is handed over when its params have come, and not its body

	mu    sync.Mutex
	conns []net.Conn // guarded by mu: those of requests that the test ignores would be collected, and so closed
}

// ListenFPM listens on a unix socket until the test ends. Requests are handed over whole.
func ListenFPM(t TB, addr Addr) *FakeFPM {
	t.Helper()
	return listenFPM(t, addr, false)
}

// FakeFPM is one in the scratch directory. It hands a request over at the end of its params, and the test
// reads the body.
func (s *Stack) FakeFPM() *FakeFPM {
	s.t.Helper()
	dir, _ := s.room("fake")
	return listenFPM(s.t, Addr(filepath.Join(dir, "sock")), true)
}

// listenFPM is ListenFPM. Early, a request is handed over at the end of its params, and the test reads the
// body by [FakeRequest.Body].
func listenFPM(t TB, addr Addr, early bool) *FakeFPM {
	t.Helper()
	listener, err := net.ListenUnix("unix", &net.UnixAddr{Name: string(addr), Net: "unix"})
	if err == nil {
		err = os.Chmod(string(addr), 0o666)
	}
	if err != nil {
		t.Fatalf("listen as FPM: %v", err)
	}
	f := &FakeFPM{Addr: addr, Requests: make(chan *FakeRequest, 64), t: t, listener: listener, early: early}
	t.Cleanup(f.Close)
	go f.accept()
	return f
}

// Early has requests handed over at the end of their params, before the gateway connects.
func (f *FakeFPM) Early() { f.early = true }

// Close stops listening and removes the socket: whoever connects finds no file.
func (f *FakeFPM) Close() { f.listener.Close() }

// Refuse stops listening and leaves the socket: whoever connects is refused.
func (f *FakeFPM) Refuse() {
	f.listener.SetUnlinkOnClose(false)
	f.listener.Close()
}

// Next is the next request that arrives. The test fails if none comes within [Patience].
func (f *FakeFPM) Next() *FakeRequest {
	f.t.Helper()
	return Receive(f.t, f.Requests, "a request that reaches FPM")
}

func (f *FakeFPM) accept() {
	for {
		conn, err := f.listener.Accept()
		if err != nil {
			return
		}
		go f.Take(conn)
	}
}

// Take reads a request from a connection and hands it over. A connection that ends before is dropped, since
// it never was a request.
func (f *FakeFPM) Take(conn net.Conn) {
	f.mu.Lock()
	f.conns = append(f.conns, conn)
	f.mu.Unlock()
	f.take(conn, conn)
}

// take returns false if the connection has ended.
func (f *FakeFPM) take(conn net.Conn, in io.Reader) bool {
	q := &FakeRequest{Conn: conn, fpm: f, in: in}
	err := q.readParams()
	if err == nil && !f.early {
		if _, whole := q.Body(); !whole {
			err = errors.New("the body is cut short")
		}
	}
	if err != nil {
		conn.Close()
		return false
	}
	conn.SetDeadline(time.Now().Add(Patience))
	f.Requests <- q
	return true
}
