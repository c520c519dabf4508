package gateway

import (
	"sync"
	"sync/atomic"
	"time"

	"realdocd/deploy"
	"realdocd/fcgi"
	"realdocd/gateway/control"
	"realdocd/gateway/fpm"
	"realdocd/gateway/trace"
)

// A request is everything known of one request. It is reused for another when
// it has ended.
type request struct {
	conn  *webConn
	setup *setup // the configuration that it runs under
	id    uint16 // of the web server
	fpmID uint16 // in the records of head, and in FPM's answer

	params        fcgi.Collector
	pairs         []fcgi.Pair
	tooLong       error // why the params are not whole: there were too many
	memory        int64 // what the request has of Server.memory
	cgi           cgi
	requestID     []byte // its name in logs; never empty
	ownID         [ownIDLen]byte
	span          trace.Context // of its trace; not sampled, unless it is to be told of
	ownTrace      [trace.HeaderLen]byte
	queued        queueTime
	contentLength int64 // -1 if the web server did not say
	unknownLength bool  // it has said that it does not know
	body          body

	site    *site
	tenant  *tenant // that the docroot is, if the site's is a pattern; else nil
	docroot string  // the site's, to which the web server's leads
	pool    *fpm.Pool
	visit   deploy.Visit
	pins    pinning
	// arrival says where its docroot belongs, if that is written in another way than
	// the site's; else nil.
	arrival *arrival
	// maintenance is what it was refused for; else nil. spared is the one that it sees the
	// site in by a preview's link; else nil.
	maintenance, spared *control.Maintenance
	head                []byte // BEGIN_REQUEST and PARAMS for FPM
	text                []byte // values made by rewriting

	place fpm.Place // the right to run in FPM, with the connection to it
	reply response

	asked  bool        // FPM, about the slow request; under conn.mu
	worker *fpm.Worker // what it said; under conn.mu while the request waits

	persists bool        // it runs also if the web server leaves before FPM has it
	unsent   atomic.Bool // it persists, and FPM does not have all of it
	whole    atomic.Bool // the web server needs no more of the response
	sent     bool        // FPM may have a part of it
	fpmEnded bool        // FPM has ended the connection, or said what cannot be

	began     time.Time
	firstByte time.Time // of the response
	ended     time.Time // once all that the web server gets has gone out

	authorizes bool // it has the role of an authorizer
	told       bool // the web server has been told the release, which is all it wanted

	waited  bool // for a part of the body
	stood   bool // until it was known where its site stands in the fleet
	broken  bool // the connection to the web server cannot be used again
	unread  bool // the web server still sends a body that nobody will read
	aborted bool // by ABORT_REQUEST
	stalled bool // the web server was silent for too long before the params were whole
}

var requests = sync.Pool{New: func() any { return new(request) }}

func newRequest(c *webConn, id uint16, now time.Time) *request {
	rq := requests.Get().(*request)
	rq.conn, rq.setup, rq.id, rq.began = c, c.s.setup.Load(), id, now
	return rq
}

// free gives the request back. Nothing of it may be used afterwards. What is not named
// here is the zero value for the next request: only buffers stay.
func (rq *request) free() {
	rq.conn.s.memory.give(rq.memory)
	rq.params.Reset()
	rq.body.free()
	if rq.body.reserved > 0 {
		rq.conn.s.spool.release(rq.body.reserved, rq.body.written)
	}
	clear(rq.pairs)
	if cap(rq.pairs) > 512 {
		rq.pairs = nil
	}
	if cap(rq.head) > 64<<10 {
		rq.head, rq.text = nil, nil
	}
	*rq = request{
		params: rq.params, pairs: rq.pairs[:0], body: body{mem: rq.body.mem},
		head: rq.head[:0], text: rq.text[:0],
	}
	requests.Put(rq)
}

// collect takes a part of the params. What comes behind too much is thrown away.
func (rq *request) collect(content []byte) {
	if rq.tooLong != nil {
		return
	}
	if !rq.takeMemory(paramsCost * len(content)) {
		rq.tooLong = refuse(causeMemory, "the params of the request do not fit: %w", errMemory)
	} else if err := rq.params.Add(content); err != nil {
		rq.tooLong = refuse(causeParamsTooLong, "%w", err)
	}
}

// name says which request it is, for people.
func (rq *request) name() string {
	return string(cutMethod(rq.value(rq.cgi.requestMethod))) + " " + string(cut(rq.value(rq.cgi.requestURI)))
}
