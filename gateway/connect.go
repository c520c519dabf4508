package gateway

import (
	"errors"
	"fmt"
	"time"
)

// connect connects to the request's server, over a kept connection where one
// is ready, and to another server at once where it does not take the connection,
// since nothing has been sent then.
func (rq *request) connect() (*sock, error) {
	p := rq.pool
	if now := time.Now(); rq.dequeued.IsZero() {
		rq.queued, rq.dequeued = now, now
	}
	deadline := rq.dequeued.Add(p.cfg().ConnectTimeout)
	var tried []*server
	var errs error
	for pause := time.Millisecond; ; {
		fpm, err := rq.reach(deadline)
		if err == nil {
			rq.connected = time.Now()
			rq.fpm = fpm
			rq.waitFor(fpm)
			return fpm, nil
		}
		errs = errors.Join(errs, fmt.Errorf("connect to FPM at %s: %w", rq.server.addr, err))
		if err := rq.conn.ended(); err != nil {
			return nil, err
		}
		if tried = append(tried, rq.server); p.reassign(rq, tried) {
			continue
		}
		if !errors.Is(errs, errBacklogFull) {
			return nil, refuse(causeFPMDown, "%w", errs)
		}
		if time.Now().Add(pause).After(deadline) {
			return nil, refuse(causeBacklogFull, "%w", errs)
		}
		time.Sleep(pause)
		pause = min(2*pause, 50*time.Millisecond)
		tried, errs = nil, nil
		p.reassign(rq, nil)
	}
}

// reassign is assign for a request whose server did not take the connection.
func (p *pool) reassign(rq *request, tried []*server) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.assign(rq, tried)
}

// reach gives a connection to the request's server.
func (rq *request) reach(deadline time.Time) (*sock, error) {
	s := rq.server
	if fpm := s.readyOne(rq.kept); fpm != nil {
		s.reused.Add(1)
		rq.kept, rq.reused = nil, true
		return fpm, nil
	}
	rq.kept, rq.reused = nil, false
	s.makeRoom()
	fpm, err := s.dial(deadline)
	if err != nil {
		s.failed(err)
		return nil, err
	}
	s.opened.Add(1)
	s.answered()
	s.meet(fpm)
	return fpm, nil
}

// mayReuse says whether the request may go over a kept connection and leave
// its own to be kept: in one write, and without a body.
func (rq *request) mayReuse() bool { return rq.bodyless() && len(rq.head) < maxInline }

// bodyless says whether the request has no body at all.
func (rq *request) bodyless() bool {
	return rq.body.ended && rq.body.length == 0 && rq.contentLength <= 0
}

// dropConn closes the request's connection to FPM.
func (rq *request) dropConn() {
	rq.waitNoMore()
	rq.fpm.close()
	rq.fpm = nil
}

// leavePlace closes the request's connection to FPM, or has it kept, and gives
// the place back. err is how the request ended.
func (rq *request) leavePlace(err error) {
	rq.hide()
	fpm := rq.fpm
	rq.fpm = nil
	if fpm != nil && (err != nil || !rq.mayBeKept(fpm)) {
		fpm.close() // before the place is another's, so that the worker is free
		fpm = nil
	}
	if rq.kept != nil {
		rq.kept.close() // it had one with its place, and was over before
		rq.kept = nil
	}
	if rq.placed {
		rq.pool.leave(rq, fpm)
	}
}

// mayBeKept says whether all went so that the connection can be kept. Nobody
// interrupts it any more: a web server that has left would show.
func (rq *request) mayBeKept(fpm *sock) bool {
	return rq.marked && rq.reply.ended && fpm.in.Buffered() == 0 && rq.conn.ended() == nil
}
