package gateway

import (
	"errors"
	"net/http"
	"sync"
	"time"

	"realdocd/deploy"
	"realdocd/fcgi"
)

// statusClientGone is nginx's status for a client that left before the
// response began. It only goes to the log.
const statusClientGone = 499

// A request is everything known of one request. It is reused for another when
// it has ended.
type request struct {
	conn *webConn
	id   uint16

	params        fcgi.Collector
	pairs         []fcgi.Pair
	tooLong       error // the params were above the limit
	cgi           cgi
	contentLength int64 // -1 where the web server did not say
	body          body

	site  *site
	pool  *pool
	visit deploy.Visit
	head  []byte // BEGIN_REQUEST and PARAMS for FPM
	text  []byte // values made by rewriting
	reply response

	began, connecting, connected, firstByte time.Time

	broken  bool // the connection to the web server cannot be used again
	unread  bool // the web server still sends a body that nobody will read
	aborted bool // by ABORT_REQUEST
}

var requests = sync.Pool{New: func() any { return new(request) }}

func newRequest(c *webConn, id uint16, now time.Time) *request {
	rq := requests.Get().(*request)
	rq.conn, rq.id, rq.began = c, id, now
	return rq
}

// free gives the request back. Nothing of it may be used afterwards.
func (rq *request) free() {
	rq.params.Reset()
	rq.body.free()
	clear(rq.pairs)
	rq.pairs = rq.pairs[:0]
	if cap(rq.head) > 64<<10 {
		rq.head, rq.text = nil, nil
	}
	rq.head, rq.text = rq.head[:0], rq.text[:0]
	rq.conn, rq.site, rq.pool, rq.tooLong = nil, nil, nil, nil
	rq.cgi, rq.visit, rq.reply = cgi{}, deploy.Visit{}, response{}
	rq.connecting, rq.connected, rq.firstByte = time.Time{}, time.Time{}, time.Time{}
	rq.broken, rq.unread, rq.aborted = false, false, false
	requests.Put(rq)
}

func (rq *request) collect(content []byte) {
	if rq.tooLong == nil {
		rq.tooLong = rq.params.Add(content)
	}
}

// handle is the way of a request. It answers it in every case, or leaves the
// connection visibly broken.
func (s *Server) handle(rq *request) {
	err := s.run(rq)
	if rq.visit.Release != nil {
		rq.visit.Leave()
	}
	if err != nil {
		rq.fail(err)
	}
	if errors.Is(err, errCut) {
		s.noteCut(rq.name())
	}
	s.logRequest(rq, err)
}

func (s *Server) run(rq *request) error {
	if err := rq.readParams(); err != nil {
		return err
	}
	if err := s.findSite(rq); err != nil {
		return err
	}
	if err := rq.rewrite(); err != nil {
		return err
	}
	if err := rq.readBody(); err != nil {
		return err
	}
	if err := rq.appendHead(); err != nil {
		return err
	}
	fpm, err := rq.connect()
	if err != nil {
		return err
	}
	defer rq.conn.closeFPM(fpm)
	return rq.relay(fpm)
}

// fail answers a request that could not be served: with a complete response
// while nothing has gone out, and otherwise by breaking the connection, so
// that the web server can tell that the response is not whole.
func (rq *request) fail(err error) {
	if rq.conn.gone.Load() || rq.reply.started {
		rq.breakOff()
		return
	}
	var refused *refusal
	if !errors.As(err, &refused) {
		refused = &refusal{status: http.StatusBadGateway, cause: err}
		if errors.Is(err, errCut) {
			refused.status = http.StatusServiceUnavailable
		}
	}
	rq.reply.status = refused.status
	if rq.broken {
		return
	}
	if rq.discardBody(); rq.broken {
		return
	}
	out := refused.appendTo(rq.head[:0], rq.id)
	if rq.aborted {
		out = fcgi.AppendEnd(rq.head[:0], rq.id, 0, fcgi.RequestComplete)
	}
	rq.head = out
	if err := rq.conn.write(out); err != nil {
		rq.broken = true
		return
	}
	rq.reply.ended = true
}

// breakOff ends a response that is not whole so that the web server notices.
// nginx takes a connection that closes between two records for the end of a
// response without Content-Length; a record of no FastCGI version it does not.
func (rq *request) breakOff() {
	rq.broken = true
	if rq.reply.started && !rq.reply.ended {
		var noRecord [fcgi.HeaderLen]byte
		rq.conn.write(noRecord[:])
	}
}

// name says which request it is, for people.
func (rq *request) name() string {
	return string(rq.value(rq.cgi.requestMethod)) + " " + string(rq.value(rq.cgi.requestURI))
}
