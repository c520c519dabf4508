package gateway

import (
	"errors"
	"net"
	"os"
	"sync"
	"testing"
	"time"

	"realdocd/fcgi"
)

// patience is how long a test waits for what must come.
const patience = 10 * time.Second

// fakeFPM takes whole requests and leaves the answers to the test.
type fakeFPM struct {
	t        testing.TB
	listener *net.UnixListener
	requests chan *fpmRequest

	mu    sync.Mutex
	conns []net.Conn // or those of requests that the test ignores would be collected, and so closed
}

// fpmRequest is a request that has reached FPM, on its connection.
type fpmRequest struct {
	net.Conn
	f     *fakeFPM
	t     testing.TB
	id    uint16
	keep  bool // FCGI_KEEP_CONN is set
	pairs []fcgi.Pair
	body  []byte
}

func listenFPM(t testing.TB, path string) *fakeFPM {
	t.Helper()
	listener, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	f := &fakeFPM{t: t, listener: listener, requests: make(chan *fpmRequest, 64)}
	t.Cleanup(func() { listener.Close() })
	go f.accept()
	return f
}

func (f *fakeFPM) accept() {
	for {
		conn, err := f.listener.Accept()
		if err != nil {
			return
		}
		f.mu.Lock()
		f.conns = append(f.conns, conn)
		f.mu.Unlock()
		go f.take(conn)
	}
}

// take reads one request. A connection that ends before its request does is dropped.
func (f *fakeFPM) take(conn net.Conn) {
	q := &fpmRequest{Conn: conn, f: f, t: f.t}
	var in fcgi.Reader
	var params fcgi.Collector
	for {
		rec, ok, err := in.Next()
		if err == nil && !ok {
			err = in.Fill(conn)
		}
		if err != nil {
			conn.Close()
			return
		}
		switch {
		case !ok:
		case rec.Type == fcgi.BeginRequest:
			begin, _ := fcgi.ParseBegin(rec.Content)
			q.id, q.keep = rec.ID, begin.KeepConn
		case q.id == 0: // FPM skips an empty STDIN record between two requests
		case rec.Type == fcgi.Params && len(rec.Content) > 0:
			params.Add(rec.Content)
		case rec.Type == fcgi.Params:
			q.pairs, _ = params.Pairs(nil)
		case rec.Type == fcgi.Stdin && len(rec.Content) > 0:
			q.body = append(q.body, rec.Content...)
		case rec.Type == fcgi.Stdin:
			f.requests <- q
			return
		}
	}
}

// next is the next request that reaches FPM.
func (f *fakeFPM) next() *fpmRequest {
	f.t.Helper()
	select {
	case q := <-f.requests:
		return q
	case <-time.After(patience):
		f.t.Fatalf("no request has reached FPM within %v", patience)
		return nil
	}
}

// value is the last one of that name, as PHP takes it.
func (q *fpmRequest) value(name string) (value string, has bool) {
	for _, p := range q.pairs {
		if string(p.Name) == name {
			value, has = string(p.Value), true
		}
	}
	return value, has
}

// say sends a part of the response.
func (q *fpmRequest) say(kind fcgi.Type, text string) error {
	_, err := q.Write(fcgi.AppendStream(nil, kind, q.id, []byte(text)))
	return err
}

// end sends a whole response and closes, as FPM does.
func (q *fpmRequest) end(text string) error {
	defer q.Close()
	if err := q.say(fcgi.Stdout, text); err != nil {
		return err
	}
	_, err := q.Write(fcgi.AppendEnd(nil, q.id, 0, fcgi.RequestComplete))
	return err
}

// endKept is end as FPM does it with FCGI_KEEP_CONN: it waits for the next request. behind is what comes
// after END_REQUEST.
func (q *fpmRequest) endKept(text, behind string) {
	q.t.Helper()
	out := fcgi.AppendStream(nil, fcgi.Stdout, q.id, []byte(text))
	out = append(fcgi.AppendEnd(out, q.id, 0, fcgi.RequestComplete), behind...)
	if _, err := q.Write(out); err != nil {
		q.t.Errorf("answer as FPM: %v", err)
	}
	go q.f.take(q.Conn)
}

// answer is end where the gateway must take the response.
func (q *fpmRequest) answer(text string) {
	q.t.Helper()
	if err := q.end(text); err != nil {
		q.t.Errorf("answer as FPM: %v", err)
	}
}

// waitGone returns when the gateway has closed the connection.
func (q *fpmRequest) waitGone() {
	q.t.Helper()
	q.SetReadDeadline(time.Now().Add(patience))
	if _, err := q.Read(make([]byte, 1)); errors.Is(err, os.ErrDeadlineExceeded) {
		q.t.Errorf("the connection to FPM is still open after %v", patience)
	}
	q.Close()
}
