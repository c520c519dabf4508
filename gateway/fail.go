package gateway

import "realdocd/fcgi"

// fail answers a request that could not be served: with a complete response
// while nothing has gone out, and otherwise by breaking the connection, so
// that the web server can tell that the response is not whole.
func (rq *request) fail(err error) {
	cause := causeOf(err)
	if cause == causeClientStalled {
		rq.broken = true // it does not read what breakOff would say
		return
	}
	if rq.conn.gone.Load() || rq.reply.started {
		rq.breakOff()
		return
	}
	rq.reply.status = cause.status
	if rq.broken {
		return
	}
	out := rq.appendRefusal(rq.head[:0], cause)
	if rq.aborted {
		out = fcgi.AppendEnd(rq.head[:0], rq.id, 0, fcgi.RequestComplete)
	}
	rq.head = out
	if err := rq.conn.web.Send(out); err != nil {
		rq.broken = true
		return
	}
	rq.reply.ended = true
	rq.discardBody() // behind the answer, which a web server may read before it has sent all
	rq.unread = rq.unread || !rq.body.ended && !rq.aborted
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
