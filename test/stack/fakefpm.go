package stack

import (
	"bufio"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"time"
)

// FakeFPM stands where PHP-FPM would and leaves every move to the test: it takes connections, reads each
// request up to the end of its params, and hands it over.
type FakeFPM struct {
	Addr     Addr
	Requests chan *FakeRequest

	listener net.Listener
}

// FakeRequest is one connection with one request on it.
type FakeRequest struct {
	net.Conn
	Params map[string]string

	r *bufio.Reader
}

// StartFakeFPM listens on a unix socket until the stack is closed.
func (s *Stack) StartFakeFPM() (*FakeFPM, error) {
	dir, _, err := s.room("fake")
	if err != nil {
		return nil, err
	}
	addr := Addr(filepath.Join(dir, "sock"))
	listener, err := net.Listen("unix", string(addr))
	if err != nil {
		return nil, err
	}
	f := &FakeFPM{Addr: addr, Requests: make(chan *FakeRequest, 64), listener: listener}
	go f.serve()
	s.atClose(f.Close)
	return f, os.Chmod(string(addr), 0o666)
}

// Close stops listening: from now on a connect is refused.
func (f *FakeFPM) Close() error {
	f.listener.Close() // a second time is no failure
	return nil
}

func (f *FakeFPM) serve() {
	for {
		conn, err := f.listener.Accept()
		if err != nil {
			return
		}
		go f.take(conn)
	}
}

// take reads the params. A connection that ends before is dropped: it never was a request.
func (f *FakeFPM) take(conn net.Conn) {
	conn.SetDeadline(time.Now().Add(10 * time.Second))
	q := &FakeRequest{Conn: conn, r: bufio.NewReader(conn)}
	var params []byte
	for {
		record, err := ReadRecord(q.r)
		if err != nil {
			conn.Close()
			return
		}
		if record.Type == ParamsType && len(record.Content) == 0 {
			break
		}
		if record.Type == ParamsType {
			params = append(params, record.Content...)
		}
	}
	var err error
	if q.Params, err = parsePairs(params); err != nil {
		conn.Close()
		return
	}
	f.Requests <- q
}

// Next is the next request that arrives.
func (f *FakeFPM) Next(timeout time.Duration) (*FakeRequest, error) {
	select {
	case q := <-f.Requests:
		return q, nil
	case <-time.After(timeout):
		return nil, fmt.Errorf("no request reached FPM within %v", timeout)
	}
}

// Body reads STDIN to its end. ended is false when the connection ended first.
func (q *FakeRequest) Body() (body []byte, ended bool) {
	for {
		record, err := ReadRecord(q.r)
		if err != nil {
			return body, false
		}
		if record.Type == StdinType && len(record.Content) == 0 {
			return body, true
		}
		if record.Type == StdinType {
			body = append(body, record.Content...)
		}
	}
}

// Stdout sends a part of the response.
func (q *FakeRequest) Stdout(text string) error { return stream(q, StdoutType, 1, []byte(text)) }

// Stderr sends a part of the script's errors.
func (q *FakeRequest) Stderr(text string) error { return stream(q, StderrType, 1, []byte(text)) }

// End sends END_REQUEST and closes, as FPM does without FCGI_KEEP_CONN.
func (q *FakeRequest) End() error {
	if _, err := (Record{EndRequest, 1, make([]byte, 8)}).WriteTo(q); err != nil {
		return err
	}
	return q.Close()
}

// Gone returns the moment at which the other side has closed.
func (q *FakeRequest) Gone() (time.Time, error) {
	for {
		if _, err := ReadRecord(q.r); err != nil {
			if timeout, is := err.(net.Error); is && timeout.Timeout() {
				return time.Time{}, err
			}
			return time.Now(), nil
		}
	}
}
