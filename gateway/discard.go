package gateway

import (
	"errors"
	"io"
	"time"

	"realdocd/fcgi"
)

const (
	// maxDiscard is how much of a request is read that nobody wants, in bytes: the rest
	// of a body whose request is refused, of params that are too long, records of no
	// request. It lets the next request on a connection be found. What is longer ends
	// the connection.
	maxDiscard = 8 << 20
	// lingerFor is how long a connection that we end is read on, so that the web server
	// finds the answer and not a broken connection.
	lingerFor = 2 * time.Second
)

var errJunk = errors.New("the web server has sent too much that belongs to no request")

// leastJunk is what the shortest record counts, since some of them are answered.
const leastJunk = 64

// After each restAfter bytes of it the connection rests. A flood never waits for anything,
// and Go looks at the network only every 10 ms while there is always something to do: all
// others would wait for that long.
const (
	restAfter = 8 << 10
	restFor   = 4 * time.Millisecond
)

// countJunk counts a record that came on the connection and belongs to no request, by its
// length in bytes. The count begins anew with each request that is answered.
func (c *webConn) countJunk(n int) error {
	before := c.junk
	if c.junk += max(n, leastJunk); c.junk > maxDiscard {
		return errJunk
	}
	if before/restAfter < c.junk/restAfter {
		time.Sleep(restFor)
	}
	return nil
}

// discardBody reads what is left of a body that nobody wants, so that the next
// request on the connection is found. It gives up after maxDiscard.
func (rq *request) discardBody() {
	for read := 0; !rq.body.ended && !rq.aborted && !rq.unread && !rq.broken && read < maxDiscard; {
		rec, err := rq.conn.bodyRecord()
		if err != nil {
			rq.broken = true
			return
		}
		read += len(rec.Raw)
		rq.discard(rec)
	}
}

// discard is ownStdin for a body whose length does not matter any more.
func (rq *request) discard(rec fcgi.Record) {
	if rec.ID == rq.id && rec.Type == fcgi.Stdin {
		rq.body.ended = len(rec.Content) == 0
		return
	}
	if _, err := rq.ownStdin(rec); err != nil && !rq.aborted {
		rq.broken = true
	}
}

// linger ends our side of the connection, and reads on until the web server ends its side,
// for lingerFor and maxDiscard at most.
func (c *webConn) linger() {
	if c.web.CloseWrite() != nil {
		return
	}
	c.web.In.Discard()
	c.endReads(time.Now().Add(lingerFor))
	if c.s.life.now() >= cutting {
		return
	}
	waste := make([]byte, 16<<10)
	for left := maxDiscard; left > 0; {
		n, err := c.web.FileConn.(io.Reader).Read(waste)
		if err != nil {
			return
		}
		left -= n
	}
}
