package gateway

import (
	"bytes"
	"slices"
	"time"
)

// queueParam is what PHP gets of the time that the request has waited in the queue, in
// microseconds.
const queueParam = "REALDOC_QUEUE_US"

// A queueTime has the digits of that. They are part of the params before the request asks for
// a place, so that their number is fixed, and are filled in when it has one.
type queueTime struct {
	digits [10]byte
	at     int // in request.head; 0 if PHP does not get it
}

// addQueueTime adds the param, as the last of them, with no time yet.
func (rq *request) addQueueTime() {
	copy(rq.queued.digits[:], "0000000000")
	rq.conn.mu.Lock()
	rq.set(0, queueParam, rq.queued.digits[:])
	rq.conn.mu.Unlock()
}

// findQueueTime notes where its digits are in the encoded params.
func (rq *request) findQueueTime() {
	if name := bytes.LastIndex(rq.head, []byte(queueParam)); name >= 0 {
		rq.queued.at = name + len(queueParam)
	}
}

// tellQueueTime fills in how long the request has waited.
func (rq *request) tellQueueTime() {
	if rq.queued.at == 0 {
		return
	}
	us := rq.place.Entered.Sub(rq.place.Queued).Microseconds()
	digits := rq.head[rq.queued.at : rq.queued.at+len(rq.queued.digits)]
	for i := len(digits) - 1; i >= 0; i-- {
		digits[i] = byte('0' + us%10)
		us /= 10
	}
}

// appendServerTiming appends where the time went, for a browser
// (https://www.w3.org/TR/server-timing/): milliseconds in the queue, to the connection, and
// in PHP to the first byte.
func (rq *request) appendServerTiming(lines []byte) []byte {
	lines = slices.Grow(lines, 128)
	lines = append(lines, "Server-Timing: "...)
	for _, m := range [...]struct {
		name     string
		from, to time.Time
	}{
		{"queue", rq.place.Queued, rq.place.Entered}, {"connect", rq.place.Entered, rq.place.Connected}, {"php", rq.place.Connected, rq.firstByte},
	} {
		lines = append(append(lines, m.name...), ";dur="...)
		lines = appendMillis(lines, m.to.Sub(m.from))
		lines = append(lines, ", "...)
	}
	lines = append(lines, `release;desc="`...)
	for _, c := range []byte(headerValue(rq.visit.Name)) {
		if c == '"' || c == '\\' {
			lines = append(lines, '\\')
		}
		lines = append(lines, c)
	}
	return append(lines, "\"\r\n"...)
}
