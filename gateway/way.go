package gateway

import (
	"errors"
	"time"

	"realdocd/gateway/fpm"
	"realdocd/gateway/sock"
)

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
