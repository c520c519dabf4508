package gateway

import (
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"realdocd/deploy"
	"realdocd/fcgi"
	"realdocd/gateway/control"
	"realdocd/gateway/fpm"
	"realdocd/gateway/sock"
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

// handle is the way of a request. It answers it in every case, or leaves the
// connection visibly broken.
func (s *Server) handle(rq *request) {
	err := s.run(rq)
	if rq.runsOn(err) {
		s.abandon(rq)
		rq.ended = time.Now()
	} else {
		rq.leavePlace(err)
		rq.ended = time.Now()
		s.leaveRelease(rq, rq.ended, err)
		rq.observe(err, rq.ended)
	}
	if err != nil {
		rq.conn.errand.note(err)
		s.refusals.note(rq, err)
		rq.fail(err)
		rq.ended = time.Now()
	}
	if errors.Is(err, errCut) {
		s.noteCut(rq)
	}
	if rq.told {
		rq.site.metrics.told.Add(1)
		return
	}
	s.metrics.count(rq, err, rq.ended)
	s.logRequest(rq, err, rq.ended)
	s.endSpan(rq, err, rq.ended)
}

// run is each step of it. Only what comes behind tell runs in PHP-FPM.
func (s *Server) run(rq *request) error {
	if err := rq.readHeader(); err != nil {
		return err
	}
	rq.beginSpan()
	if err := rq.findSite(); err != nil {
		return err
	}
	if rq.tellsRelease() {
		return rq.tell()
	}
	if rq.site != nil {
		rq.site.seen.see(rq)
	}
	if err := rq.checkMaintenance(); err != nil {
		return err
	}
	if err := rq.checkFleet(); err != nil {
		return err
	}
	if err := rq.prepare(); err != nil {
		return err
	}
	if err := rq.takePlace(); err != nil {
		return err
	}
	return rq.runInFPM()
}

// readHeader reads the params, and gives the request its id in any case.
func (rq *request) readHeader() error {
	if rq.stalled {
		rq.identify()
		rq.unread = true
		return refuse(causeHeaderTimeout, "the web server did not send the whole header within header_timeout (%s)", rq.setup.cfg.HeaderTimeout)
	}
	err := rq.readParams()
	rq.identify()
	if err != nil {
		return err
	}
	return rq.checkRole()
}

// prepare makes the request ready to run. If its body is buffered, it gets its release
// once the body is whole: a slow upload is not inside a release, and runs on the one that
// is live when it can run.
func (rq *request) prepare() error {
	if !rq.streams() {
		if err := rq.readBody(); err != nil {
			return err
		}
	}
	if err := rq.enter(); err != nil {
		return err
	}
	if err := rq.rewrite(); err != nil {
		return err
	}
	rq.show()
	if rq.streams() {
		if err := rq.readBody(); err != nil {
			return err
		}
	}
	rq.persists = rq.body.ended && rq.mayPersist()
	rq.unsent.Store(rq.persists)
	return rq.appendHead()
}

// want is what the request asks of its pool. Only a request without a body, which goes out
// in one write, may go over a kept connection.
func (rq *request) want() fpm.Want {
	bodyless := rq.body.ended && rq.body.length == 0 && rq.contentLength <= 0
	want := fpm.Want{By: rq, Flow: rq.flow(), Limit: rq.placeLimit(), Reusable: bodyless && len(rq.head) < maxInline}
	if errand := rq.conn.errand; errand != nil {
		want.First, want.At = true, errand.server
	}
	return want
}

// takePlace waits in the queue of the pool until the request may run.
func (rq *request) takePlace() error {
	if err := rq.pool.Enter(&rq.place, rq.want()); err != nil {
		return rq.explainWait(err)
	}
	rq.tellQueueTime()
	if rq.conn.errand != nil {
		rq.conn.errand.placed.Store(true)
	}
	return nil
}

// runInFPM sends the request to FPM and relays the response. It goes over another connection
// if one that was kept has broken before FPM had anything of the request.
func (rq *request) runInFPM() error {
	for {
		conn, err := rq.place.Connect()
		if err != nil {
			return err
		}
		err = rq.relay(conn)
		if rq.place.Reused() && errors.Is(err, sock.ErrUnsent) {
			rq.place.Drop()
			continue
		}
		return err
	}
}

// leavePlace gives the place back, if the request has one. err is how the request ended.
// Nobody interrupts its connection any more: a web server that has left shows in Ended.
func (rq *request) leavePlace(err error) {
	rq.hide()
	if rq.place.Held() {
		rq.place.Leave(err == nil && rq.reply.ended && rq.conn.ended() == nil)
	}
}

// name says which request it is, for people.
func (rq *request) name() string {
	return string(cutMethod(rq.value(rq.cgi.requestMethod))) + " " + string(cut(rq.value(rq.cgi.requestURI)))
}
