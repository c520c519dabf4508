package stack

import (
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"time"
)

// FakeRequest is one connection with one request on it. All input and output on it fails after [Patience].
type FakeRequest struct {
	net.Conn
	Pairs []string // the params as they came: name, value, name, value …
	Keep  bool     // FCGI_KEEP_CONN is set

	fpm   *FakeFPM
	in    io.Reader // unbuffered, as of PHP-FPM: what it leaves unread tells something
	id    uint16
	body  []byte
	whole bool          // the body has come to its end
	ended chan struct{} // after AnswerKept: closed if the connection ends without another request
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

// Send sends any record, of whichever type and request, as it is.
func (q *FakeRequest) Send(r Record) error {
	_, err := r.WriteTo(q)
	return err
}

// RequestID is the request's id on the connection.
func (q *FakeRequest) RequestID() uint16 { return q.id }

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
	if q.Keep && q.whole {
		ReadRecord(q.in) // the marker behind the request: it is read when the answer has come, as by a worker that is fast
	}
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
