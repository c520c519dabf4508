package stack

import (
	"bufio"
	"bytes"
	"errors"
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

// FakeRequest is one connection with one request on it. All input and output on it fails after [Patience].
type FakeRequest struct {
	net.Conn
	Pairs []string // the params as they came: name, value, name, value …
	Keep  bool     // FCGI_KEEP_CONN is set

	fpm   *FakeFPM
	in    *bufio.Reader
	id    uint16
	body  []byte
	whole bool          // the body has come to its end
	ended chan struct{} // after AnswerKept: closed if the connection ends without another request
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
	f.take(conn, bufio.NewReader(conn))
}

// take returns false if the connection has ended.
func (f *FakeFPM) take(conn net.Conn, in *bufio.Reader) bool {
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

// readParams reads up to the empty PARAMS record. What comes before BEGIN_REQUEST belongs to no request:
// questions, and the empty STDIN records that PHP-FPM skips between two requests.
func (q *FakeRequest) readParams() error {
	var params []byte
	for {
		record, err := ReadRecord(q.in)
		switch {
		case err != nil:
			return err
		case record.Type == GetValues:
			if _, err := (Record{GetValuesResult, 0, Pairs("FCGI_MPXS_CONNS", "0")}).WriteTo(q); err != nil {
				return err
			}
		case record.Type == BeginRequest && len(record.Content) == 8:
			q.id, q.Keep = record.ID, record.Content[2]&1 != 0
		case q.id != 0 && record.Type == ParamsType && len(record.Content) > 0:
			params = append(params, record.Content...)
		case q.id != 0 && record.Type == ParamsType:
			q.Pairs, err = parsePairs(params)
			return err
		}
	}
}

// Value is a param as PHP takes it: of two with one name, the last.
func (q *FakeRequest) Value(name string) (value string, has bool) {
	for i := 0; i < len(q.Pairs); i += 2 {
		if q.Pairs[i] == name {
			value, has = q.Pairs[i+1], true
		}
	}
	return value, has
}

// Body is the body up to its end. whole is false if the connection ended first.
func (q *FakeRequest) Body() (body []byte, whole bool) {
	for !q.whole {
		record, err := ReadRecord(q.in)
		switch {
		case err != nil:
			return q.body, false
		case record.Type == StdinType && len(record.Content) == 0:
			q.whole = true
		case record.Type == StdinType:
			q.body = append(q.body, record.Content...)
		}
	}
	return q.body, true
}

// Stdout sends a part of the response. The error is for a test whose other side may have left.
func (q *FakeRequest) Stdout(text string) error { return stream(q, StdoutType, q.id, []byte(text)) }

// Stderr sends a part of the script's errors.
func (q *FakeRequest) Stderr(text string) error { return stream(q, StderrType, q.id, []byte(text)) }

// End sends the rest of the response and END_REQUEST, and closes, as PHP-FPM does without FCGI_KEEP_CONN.
func (q *FakeRequest) End(text string) error {
	defer q.Close()
	return q.end(text, "")
}

// end sends both, and what comes behind them, in one write.
func (q *FakeRequest) end(text, behind string) error {
	var out bytes.Buffer
	stream(&out, StdoutType, q.id, []byte(text))
	Record{EndRequest, q.id, make([]byte, 8)}.WriteTo(&out)
	out.WriteString(behind)
	_, err := out.WriteTo(q)
	return err
}

// Answer is [FakeRequest.End] if the other side must take the response.
func (q *FakeRequest) Answer(text string) {
	q.fpm.t.Helper()
	if err := q.End(text); err != nil {
		q.fpm.t.Errorf("answer as FPM: %v", err)
	}
}

// AnswerKept is [FakeRequest.Answer] as PHP-FPM does it with FCGI_KEEP_CONN: it goes on to wait for the next
// request. behind is what comes after END_REQUEST.
func (q *FakeRequest) AnswerKept(text, behind string) {
	q.fpm.t.Helper()
	if err := q.end(text, behind); err != nil {
		q.fpm.t.Errorf("answer as FPM: %v", err)
	}
	q.SetDeadline(time.Time{})
	ended := make(chan struct{})
	q.ended = ended
	go func() { // it alone reads from the connection now, until the next request or the end
		if !q.fpm.take(q.Conn, q.in) {
			close(ended)
		}
	}()
}

// Gone returns the moment at which the other side has closed. The test fails if it does not.
func (q *FakeRequest) Gone() time.Time {
	q.fpm.t.Helper()
	defer q.Close()
	if q.ended != nil {
		Receive(q.fpm.t, q.ended, "the end of a kept connection to FPM")
		return time.Now()
	}
	for {
		if _, err := ReadRecord(q.in); errors.Is(err, os.ErrDeadlineExceeded) {
			q.fpm.t.Errorf("the connection to FPM is still open after %v", Patience)
			return time.Now()
		} else if err != nil {
			return time.Now()
		}
	}
}
