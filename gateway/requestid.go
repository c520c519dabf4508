package gateway

import (
	"encoding/binary"
	"encoding/hex"
	"math/rand/v2"

	"github.com/rs/zerolog"

	"realdocd/gateway/trace"
)

// maxRequestID bounds an id that the web server sends.
const maxRequestID = 128

// identify gives the request its id: REQUEST_ID as nginx's configuration sends
// it ($request_id), else UNIQUE_ID of Apache's mod_unique_id, else one of our
// own. What stands in an HTTP_* variable comes from the visitor and is not an id.
func (rq *request) identify() {
	for _, at := range [...]param{rq.cgi.requestID, rq.cgi.uniqueID} {
		if sent := rq.value(at); isRequestID(sent) {
			rq.requestID = sent
			return
		}
	}
	rq.requestID = appendRequestID(rq.ownID[:0])
}

// sendRequestID has PHP see the id by which the log knows the request. One that
// the web server sent goes on as it came.
func (rq *request) sendRequestID() {
	if at := rq.cgi.requestID; !isRequestID(rq.value(at)) {
		rq.set(at, "REQUEST_ID", rq.requestID)
	}
}

// isRequestID says whether an id can stand in a header, in a log and on a
// command line as it is.
func isRequestID(id []byte) bool {
	if len(id) == 0 || len(id) > maxRequestID {
		return false
	}
	for _, c := range id {
		if !inRequestID[c] {
			return false
		}
	}
	return true
}

// inRequestID are the bytes of an id: what base64 in all its kinds, UUIDs and
// ULIDs are made of, and what ids of several parts are joined by.
var inRequestID = func() (in [256]bool) {
	for _, c := range "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._:@+/=-" {
		in[c] = true
	}
	return in
}()

// ownIDLen is the length of an id that is made here, nginx's.
const ownIDLen = 32

// appendRequestID appends a new id of 128 random bits. The generators are the
// runtime's own, one a thread and seeded by the kernel: no lock, no system call,
// and two processes do not make the same ids.
func appendRequestID(dst []byte) []byte {
	var id [ownIDLen / 2]byte
	binary.BigEndian.PutUint64(id[:8], rand.Uint64())
	binary.BigEndian.PutUint64(id[8:], rand.Uint64())
	return hex.AppendEncode(dst, id[:])
}

// identity adds to a log event which request it is about, and which trace it
// belongs to.
func (rq *request) identity(e *zerolog.Event) *zerolog.Event {
	e.Bytes("request_id", rq.requestID)
	if rq.span.Sampled {
		e.Hex("trace_id", rq.span.Trace[:]).Hex("span_id", rq.span.Span[:])
	} else if of, span, ok := trace.ParseParent(rq.value(rq.cgi.traceparent)); ok {
		e.Bytes("trace_id", of).Bytes("span_id", span)
	}
	return e
}
