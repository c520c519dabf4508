package gateway

import (
	"fmt"
	"io"
	"os"
	"sync/atomic"

	"realdocd/fcgi"
	"realdocd/gateway/spare"
)

// maxBodyInMemory is the largest body that is held in memory until FPM takes
// it; beyond, it goes to a file, or is streamed.
const maxBodyInMemory = 64 << 10

// A body is what came as STDIN, kept as the records it came in.
type body struct {
	mem    []byte
	spool  *os.File // what did not fit mem, after it; already removed from its directory
	length int64    // bytes of content so far

	reserved, written int64 // of the Server's spool
	ended             bool  // the empty STDIN record has come

	whole atomic.Bool // sendRequest has come to the end of the body
	torn  bool        // sendRequest has sent a part of a record
}

// readBody reads STDIN to its end, or, for a body that is streamed, until
// there is too much for memory. The length is held against CONTENT_LENGTH.
func (rq *request) readBody() error {
	b := &rq.body
	if err := rq.reserveBody(); err != nil {
		return err
	}
	rq.conn.waited = false
	defer func() { rq.waited = rq.conn.waited }()
	for !b.ended {
		rec, err := rq.conn.bodyRecord()
		if err != nil {
			return rq.bodyError(err)
		}
		if err := rq.takeStdin(rec); err != nil {
			return err
		}
		if rq.streams() && (len(b.mem) >= maxBodyInMemory || b.spool != nil) {
			return nil
		}
	}
	return rq.checkLength()
}

// bodyError is why the rest of a body has not come.
func (rq *request) bodyError(err error) error {
	if rq.conn.lateFor() == aBody {
		rq.unread = true
		return refuse(causeBodyTimeout, "the web server was silent for body_timeout (%s) after %d bytes of the body", rq.setup.cfg.BodyTimeout, rq.body.length)
	}
	rq.broken = true
	return refuse(causeClientGone, "read request body, %d bytes so far: %w", rq.body.length, noEOF(err))
}

// streams says whether a body that is too large for memory goes to FPM as it
// comes. It cannot if the length is not known, since FPM must be told it
// first.
func (rq *request) streams() bool {
	return rq.contentLength >= 0 && rq.site != nil && !rq.site.RequestBuffering
}

// takeStdin keeps one record of the body.
func (rq *request) takeStdin(rec fcgi.Record) error {
	own, err := rq.ownStdin(rec)
	if !own || err != nil {
		return err
	}
	inMemory := len(rq.body.mem)+len(rec.Raw) <= maxBodyInMemory+fcgi.MaxRecord
	return rq.keep(rec.Raw, inMemory && rq.takeMemory(len(rec.Raw)))
}

// ownStdin counts one record that came while the body was awaited; own is
// whether it carries a part of it.
func (rq *request) ownStdin(rec fcgi.Record) (own bool, err error) {
	b := &rq.body
	switch {
	case rec.ID == 0:
		if err := rq.conn.manage(rec); err != nil {
			return false, refuse(causeClientGone, "answer a management record: %w", err)
		}
	case rec.Type == fcgi.BeginRequest && rec.ID != rq.id:
		if err := rq.conn.refuseSecond(rec.ID); err != nil {
			return false, refuse(causeClientGone, "refuse a second request: %w", err)
		}
	case rec.ID != rq.id:
		return false, rq.conn.countJunk(len(rec.Raw))
	case rec.Type == fcgi.AbortRequest:
		rq.aborted = true
		return false, refuse(causeClientGone, "the web server aborted the request after %d bytes of its body", b.length)
	case rec.Type == fcgi.Stdin && len(rec.Content) == 0:
		b.ended = true
	case rec.Type == fcgi.Stdin:
		b.length += int64(len(rec.Content))
		if rq.contentLength >= 0 && b.length > rq.contentLength {
			return false, refuse(causeBadRequest, "request body has %d bytes or more, CONTENT_LENGTH says %d", b.length, rq.contentLength)
		}
		return true, rq.checkMaxBody(b.length)
	default:
		return false, rq.conn.countJunk(len(rec.Raw))
	}
	return false, nil
}

// checkMaxBody holds a body's length, or what has come of it, against max_body.
func (rq *request) checkMaxBody(length int64) error {
	if most := rq.setup.cfg.MaxBody; most > 0 && length > most {
		return refuse(causeBodyTooLarge, "request body has %d bytes or more, max_body is %d", length, most)
	}
	return nil
}

// checkLength holds the whole body against CONTENT_LENGTH. FPM waits for ever
// for the rest of a short one, and would read the rest of a long one as its
// next request.
func (rq *request) checkLength() error {
	if rq.contentLength < 0 || rq.body.length == rq.contentLength {
		return nil
	}
	// Subrequests (nginx's auth_request and mirror, Apache's SSI) come with the length
	// of the main request and with nothing, properly ended: a body of length 0.
	if rq.body.length == 0 {
		rq.contentLength, rq.unknownLength = -1, true
		return nil
	}
	return refuse(causeBadRequest, "request body has %d bytes, CONTENT_LENGTH says %d",
		rq.body.length, rq.contentLength)
}

// keep holds on to one record: in memory, or if it does not fit in a file.
func (rq *request) keep(raw []byte, fits bool) error {
	b := &rq.body
	if b.spool == nil && fits {
		b.mem = append(b.mem, raw...)
		return nil
	}
	if b.written+int64(len(raw)) > b.reserved {
		if err := rq.reserve(max(spoolStep, int64(len(raw)))); err != nil {
			return err
		}
	}
	var err error
	spare.During(func() { err = b.toSpool(raw, rq.setup.cfg.spoolDir()) })
	if err != nil {
		return spoolError(err)
	}
	b.written += int64(len(raw))
	rq.conn.s.spool.wrote(int64(len(raw)))
	return nil
}

// reserveBody takes room for a body whose length is known, before any of it is read.
func (rq *request) reserveBody() error {
	if rq.contentLength <= maxBodyInMemory || rq.streams() {
		return nil
	}
	heads := rq.contentLength/(4<<10)*fcgi.HeaderLen + fcgi.MaxRecord // of records of 4 KiB, and the last one
	return rq.reserve(rq.contentLength + heads)
}

func (rq *request) reserve(n int64) error {
	cfg := &rq.setup.cfg
	if err := rq.conn.s.spool.reserve(n, cfg.MaxSpool, cfg.spoolDir()); err != nil {
		return err
	}
	rq.body.reserved += n
	return nil
}

func (b *body) toSpool(raw []byte, dir string) error {
	if b.spool == nil {
		f, err := os.CreateTemp(dir, "realdocd-body-")
		if err != nil {
			return err
		}
		b.spool = f
		if err := os.Remove(f.Name()); err != nil {
			return err
		}
	}
	_, err := b.spool.Write(raw)
	return err
}

// sendSpool writes the spooled part of the body to w.
func (b *body) sendSpool(w io.Writer) error {
	if b.spool == nil {
		return nil
	}
	if _, err := b.spool.Seek(0, io.SeekStart); err != nil {
		return fmt.Errorf("read the spooled body: %w", err)
	}
	if _, err := io.CopyBuffer(struct{ io.Writer }{w}, spoolReader{b.spool}, make([]byte, 64<<10)); err != nil {
		return fmt.Errorf("send the spooled body: %w", err)
	}
	return nil
}

// A spoolReader reads a file on a disk that may be slow.
type spoolReader struct{ file *os.File }

func (r spoolReader) Read(b []byte) (n int, err error) {
	spare.During(func() { n, err = r.file.Read(b) })
	return n, err
}

// free closes the file and keeps no large buffer.
func (b *body) free() {
	if b.spool != nil {
		spare.During(func() { b.spool.Close() })
	}
	mem := b.mem[:0]
	if cap(mem) > 16<<10 {
		mem = nil
	}
	b.mem = mem
}
