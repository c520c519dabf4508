package gateway

import (
	"fmt"
	"net/http"
	"strconv"

	"realdocd/fcgi"
)

// A refusal is a request that realdocd answers itself. The cause goes to the
// log; the visitor gets the status and no path of the server.
type refusal struct {
	status int
	// retryAfter is the Retry-After header in seconds; 0 sends none.
	retryAfter int
	cause      error
}

func (r *refusal) Error() string { return r.cause.Error() }
func (r *refusal) Unwrap() error { return r.cause }

func refuse(status int, format string, args ...any) *refusal {
	r := &refusal{status: status, cause: fmt.Errorf(format, args...)}
	if status == http.StatusServiceUnavailable {
		r.retryAfter = 1
	}
	return r
}

// appendTo appends the refusal as a complete FastCGI response.
func (r *refusal) appendTo(dst []byte, id uint16) []byte {
	text := strconv.Itoa(r.status) + " " + http.StatusText(r.status)
	head := "Status: " + text + "\r\nContent-Type: text/plain; charset=utf-8\r\nCache-Control: no-store\r\n"
	if r.retryAfter > 0 {
		head += "Retry-After: " + strconv.Itoa(r.retryAfter) + "\r\n"
	}
	dst = fcgi.AppendStream(dst, fcgi.Stdout, id, []byte(head+"\r\n"+text+"\n"))
	dst = fcgi.AppendHeader(dst, fcgi.Stdout, id, 0)
	return fcgi.AppendEnd(dst, id, 0, fcgi.RequestComplete)
}
