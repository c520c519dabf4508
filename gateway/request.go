package gateway

import (
	"errors"
	"net/http"
	"os"
	"sync"
	"sync/atomic"
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
	fpm   atomic.Pointer[sock] // for interrupt
	head  []byte               // BEGIN_REQUEST and PARAMS for FPM
	text  []byte               // values made by rewriting
	reply response

	began, connecting, connected, firstByte time.Time

	broken  bool // the connection to the web server cannot be used again
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
	keep := request{params: rq.params, pairs: rq.pairs[:0], body: rq.body, head: rq.head[:0], text: rq.text[:0]}
	if cap(keep.head) > 64<<10 {
		keep.head, keep.text = nil, nil
	}
	rq.reset(&keep)
	requests.Put(rq)
}

func (rq *request) reset(to *request) {
	rq.conn, rq.id = nil, 0
	rq.params, rq.pairs, rq.tooLong, rq.cgi, rq.contentLength = to.params, to.pairs, nil, cgi{}, 0
	rq.body, rq.head, rq.text = to.body, to.head, to.text
	rq.site, rq.pool, rq.visit, rq.reply = nil, nil, deploy.Visit{}, response{}
	rq.fpm.Store(nil)
	rq.connecting, rq.connected, rq.firstByte = time.Time{}, time.Time{}, time.Time{}
	rq.broken, rq.aborted = false, false
}

func (rq *request) collect(content []byte) {
	if rq.tooLong == nil {
		rq.tooLong = rq.params.Add(content)
	}
}

// interrupt ends the wait for FPM. Any goroutine may call it.
func (rq *request) interrupt() {
	if fpm := rq.fpm.Load(); fpm != nil {
		fpm.interrupt()
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
	defer fpm.close()
	return rq.relay(fpm)
}

// fail answers a request that could not be served: with a complete response
// while nothing has gone out, and otherwise by breaking the connection, so
// that the web server can tell that the response is not whole.
func (rq *request) fail(err error) {
	if rq.conn.gone.Load() || rq.reply.started {
		rq.broken = true
		return
	}
	var refused *refusal
	if !errors.As(err, &refused) {
		refused = &refusal{status: http.StatusBadGateway, cause: err}
		if errors.Is(err, os.ErrDeadlineExceeded) {
			refused.status = http.StatusGatewayTimeout
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
	if err := rq.conn.write(out); err != nil {
		rq.broken = true
	}
	rq.head = out
}
