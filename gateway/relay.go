package gateway

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"syscall"
	"time"

	"realdocd/fcgi"
	"realdocd/gateway/sock"
)

// maxInline is the largest request that is written before the response is read.
// It fits the buffers of a new connection, so that the write cannot wait for
// an FPM that itself waits for us to read.
const maxInline = 16 << 10

var (
	errClientGone = errors.New("the web server closed the connection before the response was whole")
	errCut        = errors.New("realdocd was stopped and the request did not end within shutdown_timeout")
	errNoEnd      = errors.New("FPM closed the connection without END_REQUEST: see its log for what ended the worker")
)

// relay sends the request to FPM and its response to the web server.
func (rq *request) relay(conn *sock.Conn) error {
	if err := rq.extend(conn, rq.place.Connected); err != nil {
		return err
	}
	if id := rq.place.RequestID(rq.id); id != rq.fpmID {
		fcgi.SetID(rq.head, id)
		rq.fpmID = id
	}
	if rq.body.ended && rq.body.spool == nil && len(rq.head)+len(rq.body.mem) <= maxInline {
		return rq.exchange(conn)
	}
	rq.body.whole.Store(rq.body.ended)
	rq.sent = true
	sent := make(chan error, 1)
	go func() {
		err := rq.sendRequest(conn)
		if rq.unsent.Swap(false) && rq.conn.gone.Load() {
			conn.Interrupt() // FPM has all of it, and nobody waits for the response
		}
		sent <- err
		if err != nil {
			conn.Interrupt()
		}
	}()
	err := conn.Fill()
	if err != nil {
		err = rq.responseError(err)
	} else {
		err = rq.relayResponse(conn)
	}
	if sendErr := rq.endUpload(conn, sent); err != nil && sendErr != nil {
		return sendErr
	}
	return err
}

// exchange sends a small request in one write, and relays the response. One that persists
// is sent though the web server has left.
func (rq *request) exchange(conn *sock.Conn) error {
	out := rq.appendBody(rq.head)
	rq.unsent.Store(false) // from now on it is FPM's, and a web server that leaves ends the wait
	err := rq.Ended()
	if err == nil {
		err = conn.Exchange(out)
	}
	switch {
	case err == nil:
		rq.sent = true
		return rq.relayResponse(conn)
	case rq.persists && rq.conn.gone.Load() && (errors.Is(err, errClientGone) || errors.Is(err, sock.ErrUnsent)):
		return rq.sendAnyway(conn, out)
	case errors.Is(err, sock.ErrUnsent):
		rq.unsent.Store(rq.persists)
		return rq.responseError(err)
	}
	rq.sent = true
	return rq.responseError(err)
}

// sendAnyway sends a request of a web server that has left.
func (rq *request) sendAnyway(conn *sock.Conn, out []byte) error {
	conn.SetWriteDeadline(time.Time{})
	n, err := conn.Write(out)
	if n == 0 && err != nil {
		rq.unsent.Store(true)
		return fmt.Errorf("%w: %w", sock.ErrUnsent, err)
	}
	rq.sent = true
	if err != nil {
		return rq.responseError(err)
	}
	return errClientGone
}

// appendBody makes the small request whole, and prepares it for a connection that may be
// kept.
func (rq *request) appendBody(head []byte) []byte {
	out := append(head, rq.body.mem...)
	out = fcgi.AppendHeader(out, fcgi.Stdin, rq.fpmID, 0)
	return rq.place.Mark(out, rq.fpmID)
}

// endUpload ends sendRequest, if it runs still, and gives the error that it met
// by itself.
func (rq *request) endUpload(conn *sock.Conn, sent chan error) error {
	select {
	case err := <-sent:
		rq.unread = !rq.body.ended
		return err
	default:
	}
	conn.Interrupt()
	if !rq.body.whole.Load() {
		rq.unread = true
		rq.conn.late.CompareAndSwap(int64(nothing), int64(anyMore))
		rq.conn.endReads(past)
	}
	<-sent
	return nil
}

// sendRequest sends a large request to FPM beside relayResponse: what is held,
// and then, of a body that is streamed, what still comes. The empty record that
// ends the body goes out only behind a whole body; PHP would run on a cut one.
// An error is one of the body; that FPM does not take it, the response tells.
func (rq *request) sendRequest(conn *sock.Conn) error {
	b := &rq.body
	b.torn = true // until a whole record has been sent
	if _, err := conn.Write(rq.head); err != nil {
		return nil
	}
	if _, err := conn.Write(b.mem); err != nil {
		return nil
	}
	if err := b.sendSpool(patientWriter{rq, conn}); err != nil {
		return nil
	}
	b.torn = false
	for !b.ended {
		rec, err := rq.conn.bodyRecord()
		if err != nil && rq.conn.lateFor() == aBody {
			return rq.bodyError(err)
		}
		if err != nil {
			return refuse(causeClientGone, "read request body, %d bytes so far: %w", b.length, noEOF(err))
		}
		own, err := rq.ownStdin(rec)
		if err == nil && (b.length > rq.contentLength || b.ended) {
			err = rq.checkLength()
		}
		if err != nil {
			return err
		}
		if !own {
			continue
		}
		if _, err := (patientWriter{rq, conn}).Write(rec.Raw); err != nil {
			b.torn = true
			return nil
		}
	}
	b.whole.Store(true)
	conn.Write(fcgi.AppendHeader(nil, fcgi.Stdin, rq.id, 0))
	return nil
}

// A patientWriter writes to FPM; while FPM takes the body it is not silent.
type patientWriter struct {
	rq   *request
	conn *sock.Conn
}

func (w patientWriter) Write(b []byte) (int, error) {
	if err := w.rq.extend(w.conn, time.Now()); err != nil {
		return 0, err
	}
	return w.conn.Write(b)
}

// extend gives FPM another read_timeout from now on, within request_timeout. It fails when
// the request was interrupted, which an extension must not undo.
func (rq *request) extend(conn *sock.Conn, now time.Time) error {
	var deadline time.Time
	if silence := rq.readTimeout(); silence > 0 {
		deadline = now.Add(silence)
	}
	if limit := rq.requestTimeout(); limit > 0 {
		if last := rq.place.Connected.Add(limit); deadline.IsZero() || last.Before(deadline) {
			deadline = last
		}
	}
	if !deadline.IsZero() || rq.place.Reused() {
		conn.SetReadDeadline(deadline)
	}
	return rq.Ended()
}

// relayResponse passes FPM's records on, whole and unparsed, up to END_REQUEST.
// Some have come already. A web server that leaves once it has what it needs leaves the
// rest to be read here: the script is not cut, and the status is FPM's. So does one that
// leaves while FPM does not have all of the request, but it has not got the response.
func (rq *request) relayResponse(conn *sock.Conn) error {
	var unsent error
	for {
		batch, err := rq.takeRecords(conn)
		if len(batch) > 0 && !rq.broken {
			if err := rq.conn.web.Send(batch); err != nil {
				rq.broken, unsent = true, rq.sendError(err)
				if !rq.goesOn() {
					return unsent
				}
			}
		}
		if err != nil {
			return err
		}
		if rq.reply.ended {
			rq.reply.lost = unsent != nil && !rq.whole.Load()
			if rq.reply.lost {
				return unsent
			}
			return nil
		}
		if err := rq.extend(conn, time.Now()); err != nil {
			return err
		}
		if err := conn.Fill(); err != nil {
			return rq.responseError(err)
		}
	}
}

// addedHeaders are the site's release_header and request_id_header, and what there is to say
// of pins, as lines of a CGI response; nil for none. head is the beginning of FPM's.
func (rq *request) addedHeaders(head []byte) (lines []byte) {
	if rq.site == nil {
		return nil
	}
	if name := rq.site.ReleaseHeader; name != "" {
		lines = appendHeader(lines, name, headerValue(rq.visit.Name))
	}
	if name := rq.site.RequestIDHeader; name != "" {
		lines = appendHeader(lines, name, borrow(rq.requestID))
	}
	if rq.site.ServerTiming {
		lines = rq.appendServerTiming(lines)
	}
	if rq.pins.put || rq.pins.by != noCarrier || rq.pins.drawn != nil {
		lines = rq.appendPinHeaders(lines, head)
	}
	return lines
}

func appendHeader(dst []byte, name, value string) []byte {
	return append(append(append(append(dst, name...), ": "...), value...), "\r\n"...)
}

// headerValue makes a file name safe for a response header.
func headerValue(name string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return '?'
		}
		return r
	}, name)
}

// readTimeout is the longest silence of FPM, and requestTimeout bounds the request; 0 is
// no bound.
func (rq *request) readTimeout() time.Duration {
	if rq.site != nil && rq.site.ReadTimeout != nil {
		return *rq.site.ReadTimeout
	}
	return rq.pool.Config().ReadTimeout
}

func (rq *request) requestTimeout() time.Duration {
	if rq.site != nil && rq.site.RequestTimeout != nil {
		return *rq.site.RequestTimeout
	}
	return rq.pool.Config().RequestTimeout
}

// sendError says why the web server did not take the response.
func (rq *request) sendError(err error) error {
	if !errors.Is(err, os.ErrDeadlineExceeded) || rq.Ended() != nil {
		return fmt.Errorf("%w: %w", errClientGone, err)
	}
	if rq.outOfTime() {
		return refuse(causeClientStalled, "the web server did not read the response within request_timeout (%s)", rq.requestTimeout())
	}
	return refuse(causeClientStalled, "the web server read nothing of the response for read_timeout (%s)", rq.readTimeout())
}

// responseError says why FPM's response ended too early.
func (rq *request) responseError(err error) error {
	if ended := rq.Ended(); ended != nil {
		return ended
	}
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded) && rq.outOfTime():
		return refuse(causeFPMTimeout, "FPM took longer than request_timeout (%s)", rq.requestTimeout())
	case errors.Is(err, os.ErrDeadlineExceeded):
		return refuse(causeFPMTimeout, "FPM was silent for read_timeout (%s) of realdocd, whatever the web server's is: raise it for the site or the pool if scripts may be silent for longer", rq.readTimeout())
	case errors.Is(err, io.EOF), errors.Is(err, syscall.ECONNRESET): // the latter, if it has not read all of the request
		rq.fpmEnded = true
		if n := rq.place.BrokenOff(); n > 1 {
			return fmt.Errorf("%w; it is one of %d that this listener broke off within a second, as PHP-FPM does when it is reloaded or restarted: "+
				"wait for them with realdocd pause %s --drain, or set process_control_timeout", errNoEnd, n, rq.pool.Name)
		}
		return errNoEnd
	}
	rq.fpmEnded = true
	return fmt.Errorf("read response of FPM: %w", err)
}

func (rq *request) outOfTime() bool {
	limit := rq.requestTimeout()
	return limit > 0 && time.Since(rq.place.Connected) >= limit
}
