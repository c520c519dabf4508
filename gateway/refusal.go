package gateway

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"

	"realdocd/fcgi"
	"realdocd/gateway/fpm"
)

// A refusal is a request that realdocd answers itself. The error goes to the
// log; the visitor gets the status of the cause and no path of the server.
type refusal struct {
	cause *cause
	err   error
}

func (r *refusal) Error() string { return r.err.Error() }
func (r *refusal) Unwrap() error { return r.err }

func refuse(c *cause, format string, args ...any) *refusal {
	return &refusal{c, fmt.Errorf(format, args...)}
}

// causeOf names the cause of a request's failure. What nothing else has named
// is a failure of FPM.
func causeOf(err error) *cause {
	var refused *refusal
	var noPlace *fpm.Refusal
	switch {
	case errors.As(err, &refused):
		return refused.cause
	case errors.As(err, &noPlace):
		return causeOfReason[noPlace.Reason]
	case errors.Is(err, errClientGone):
		return causeClientGone
	case errors.Is(err, errCut):
		return causeShutdown
	}
	return causeFPMFailed
}

// causeOfReason has the causes of a request that got no place, or no connection.
var causeOfReason = map[fpm.Reason]*cause{
	fpm.QueueFull: causeQueueFull, fpm.QueueTimeout: causeQueueTimeout, fpm.Down: causeFPMDown, fpm.BacklogFull: causeBacklogFull,
	fpm.OwnLimit: causeOwnLimit,
}

// explainWait says of a request that got no place if it came from the web server's own
// machine, as from a page that asks its own site: such a page holds the place that its own
// request waits for.
func (rq *request) explainWait(err error) error {
	var noPlace *fpm.Refusal
	if !errors.As(err, &noPlace) || noPlace.Reason != fpm.QueueTimeout {
		return err
	}
	from, to := "", ""
	for _, p := range rq.pairs {
		switch string(p.Name) {
		case "REMOTE_ADDR":
			from = string(p.Value)
		case "SERVER_ADDR":
			to = string(p.Value)
		}
	}
	if from == "" || from != to && from != "127.0.0.1" && from != "::1" {
		return err
	}
	return fmt.Errorf("%w; it came from the web server's own machine (%s): a page that asks its own site waits for itself if its pool has no other place; "+
		"raise max_conns and pm.max_children, or give what it asks a pool of its own", err, from)
}

// retryAfter is the Retry-After header of a 503, in seconds.
const retryAfter = 1

// appendRefusal appends a complete FastCGI response with the cause's status. The
// visitor can tell the operator which request it was.
func (rq *request) appendRefusal(dst []byte, c *cause) []byte {
	var out []byte
	if c == causeMaintenance {
		out = rq.appendMaintenance(out)
	} else {
		out = rq.appendStatusPage(out, c)
	}
	dst = fcgi.AppendStream(dst, fcgi.Stdout, rq.id, out)
	dst = fcgi.AppendHeader(dst, fcgi.Stdout, rq.id, 0)
	return fcgi.AppendEnd(dst, rq.id, 0, fcgi.RequestComplete)
}

// appendStatusPage appends the answer of a CGI program that says the cause's status.
func (rq *request) appendStatusPage(out []byte, c *cause) []byte {
	text := strconv.Itoa(c.status) + " " + http.StatusText(c.status)
	out = append(out, "Status: "+text+"\r\nContent-Type: text/plain; charset=utf-8\r\nCache-Control: no-store\r\n"...)
	if c.status == http.StatusServiceUnavailable {
		out = appendHeader(out, "Retry-After", strconv.Itoa(retryAfter))
	}
	if rq.site != nil && rq.site.RequestIDHeader != "" {
		out = appendHeader(out, rq.site.RequestIDHeader, borrow(rq.requestID))
	}
	return append(out, "\r\n"+text+"\nrequest id "+string(rq.requestID)+"\n"...)
}
