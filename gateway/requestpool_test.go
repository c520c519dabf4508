package gateway

import (
	"testing"
	"time"

	"realdocd/fcgi"
)

// Requests are used again: one that was unusual must not make all that come later large.
func TestARequestKeepsNoMemoryOfAnUnusualOne(t *testing.T) {
	b := newBench(t).start()
	for _, row := range []struct {
		pairs, head int
		keeps       bool
	}{{100, 8 << 10, true}, {fcgi.MaxPairs, fcgi.MaxParams, false}} {
		rq := newRequest(&webConn{s: b.server}, 1, time.Now())
		rq.pairs, rq.head, rq.text = make([]fcgi.Pair, row.pairs), make([]byte, row.head), make([]byte, row.head)
		rq.free()
		if kept := cap(rq.pairs) > 0; kept != row.keeps {
			t.Errorf("the room for %d pairs is kept: %v", row.pairs, kept)
		}
		if kept := cap(rq.head) > 0 || cap(rq.text) > 0; kept != row.keeps {
			t.Errorf("the room for a head of %d bytes is kept: %v", row.head, kept)
		}
	}
}
