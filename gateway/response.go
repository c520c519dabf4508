package gateway

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"realdocd/fcgi"
	"realdocd/gateway/sock"
)

// A response is what is known of the response so far.
type response struct {
	started bool   // STDOUT has gone to the web server
	status  int    // the visitor's, 0 while it is not known
	head    []byte // the header so far, if its first record does not have all of it
	bytes   int64  // of STDOUT
	ended   bool   // END_REQUEST has come, and been passed on
	lost    bool   // it has come, and the web server had left before it had all that it needs
	stderr  int64  // bytes of STDERR
	fatal   bool   // PHP has said that it had to end the script
	foreign int    // records that belong to no response, and were not passed on
	need    int64  // after so many bytes the web server has all; 0 is not known, -1 is all
}

// maxCGIHeader is how much of a header is looked at for the status, in bytes.
const maxCGIHeader = 16 << 10

var errNoOutput = errors.New("FPM has ended the request without any output: see its log for what became of the script")

// takeRecords takes the whole records that have come, as one run of bytes for the web
// server. Only what belongs to a response is in it. The last record of a request that has
// failed is not.
func (rq *request) takeRecords(conn *sock.Conn) ([]byte, error) {
	var batch []byte
	for !rq.reply.ended {
		rec, ok, err := conn.In.Next()
		if err == nil && ok {
			ok, err = rq.takeRecord(&rec)
			if err == nil && !ok {
				continue
			}
		}
		if err != nil || !ok {
			rq.fpmEnded = err != nil
			return batch, err
		}
		if rec.Type == fcgi.Stdout && !rq.reply.started && len(rec.Content) > 0 {
			rq.reply.started, rq.firstByte = true, time.Now()
			if headers := rq.addedHeaders(rec.Content); headers != nil {
				batch = append(fcgi.AppendStream(nil, fcgi.Stdout, rq.id, headers), batch...)
			}
		}
		switch {
		case batch == nil:
			batch = rec.Raw
		case cap(batch) > len(batch) && &batch[:len(batch)+1][len(batch)] == &rec.Raw[0]:
			batch = batch[:len(batch)+len(rec.Raw)] // it lies behind the batch already
		default:
			batch = append(batch, rec.Raw...)
		}
	}
	return batch, nil
}

// takeRecord looks at one record of FPM, and makes it one of the web server's request. It
// returns false for a record that is not to be passed on.
func (rq *request) takeRecord(rec *fcgi.Record) (passOn bool, err error) {
	switch rec.Type {
	case fcgi.Stdout, fcgi.Stderr, fcgi.EndRequest:
	default:
		rq.reply.foreign++
		return false, nil
	}
	if rec.ID != rq.fpmID {
		return false, fmt.Errorf("FPM sent %v of request %d on the connection of request %d", rec.Type, rec.ID, rq.fpmID)
	}
	switch rec.Type {
	case fcgi.Stdout:
		rq.takeStdout(rec.Content)
	case fcgi.Stderr:
		rq.logStderr(rec.Content)
		if rq.site != nil && rq.site.StderrToLog {
			return false, nil
		}
	case fcgi.EndRequest:
		if err := rq.reply.end(rec.Content); err != nil {
			return false, err
		}
	}
	if rec.ID != rq.id {
		rec.SetID(rq.id)
	}
	return true, nil
}

// takeStdout notes a part of STDOUT. It sees when the web server has all that it needs:
// nginx then closes the connection, before END_REQUEST has come.
func (rq *request) takeStdout(content []byte) {
	r := &rq.reply
	if head := r.take(content); head != nil {
		r.need = needOf(head, r.status, borrow(rq.value(rq.cgi.requestMethod)))
	}
	if r.need > 0 && r.bytes >= r.need && !rq.whole.Load() {
		rq.whole.Store(true)
	}
}

// take notes a part of STDOUT. It returns the header once it is whole.
func (r *response) take(content []byte) (head []byte) {
	if len(content) == 0 {
		return nil
	}
	first := r.bytes == 0
	r.bytes += int64(len(content))
	switch {
	case first:
		if end := headerEnd(content); end >= 0 {
			r.status = statusOf(content)
			return content[:end]
		}
		fallthrough
	case r.head != nil:
		r.head = append(r.head, content[:min(len(content), maxCGIHeader)]...)
		r.status = statusOf(r.head[:bytes.LastIndexByte(r.head, '\n')+1])
		if end := headerEnd(r.head); end >= 0 {
			head = r.head[:end]
		}
		if head != nil || len(r.head) >= maxCGIHeader {
			r.head = nil
		}
	}
	return head
}

// needOf is how many bytes of a response the web server needs; -1 if all up to the end.
func needOf(header []byte, status int, method string) int64 {
	need := int64(len(header))
	if method == http.MethodHead || status == http.StatusNoContent || status == http.StatusNotModified {
		return need
	}
	for line := range bytes.Lines(header) {
		name, value, _ := bytes.Cut(line, []byte(":"))
		switch {
		case bytes.EqualFold(name, []byte("Content-Length")):
			if n, err := strconv.ParseInt(string(bytes.TrimSpace(value)), 10, 64); err == nil && n >= 0 {
				return need + n
			}
		case bytes.EqualFold(name, []byte("X-Accel-Redirect")), bytes.EqualFold(name, []byte("X-Sendfile")):
			return need // the web server sends a file instead
		}
	}
	return -1
}

// end takes the content of END_REQUEST. Not every end is one of a response: FPM may refuse
// the request, or the script may have ended before it has said anything.
func (r *response) end(content []byte) error {
	_, status, err := fcgi.ParseEnd(content)
	switch {
	case err != nil:
		return err
	case status == fcgi.Overloaded:
		return refuse(causeBacklogFull, "FPM has ended the request with %v", status)
	case status != fcgi.RequestComplete:
		return fmt.Errorf("FPM has ended the request with %v", status)
	case r.bytes == 0:
		return errNoOutput
	}
	r.ended = true
	return nil
}

// headerEnd is where the body begins; -1 if the header is not whole.
func headerEnd(head []byte) int {
	for at := 0; ; {
		line := bytes.IndexByte(head[at:], '\n')
		if line < 0 {
			return -1
		}
		if line == 0 || line == 1 && head[at] == '\r' {
			return at + line + 1
		}
		at += line + 1
	}
}

// statusOf reads the status out of the start of a CGI response (RFC 3875,
// section 6.3): Status, or 302 for a Location, or 200.
func statusOf(head []byte) int {
	status := http.StatusOK
	for len(head) > 0 {
		line, rest, _ := bytes.Cut(head, []byte("\n"))
		head = rest
		name, value, ok := bytes.Cut(line, []byte(":"))
		if !ok {
			break
		}
		switch {
		case bytes.EqualFold(name, []byte("Status")):
			value = bytes.TrimSpace(value)
			if n, err := strconv.Atoi(string(value[:min(3, len(value))])); err == nil {
				return n
			}
		case bytes.EqualFold(name, []byte("Location")):
			status = http.StatusFound
		}
	}
	return status
}
