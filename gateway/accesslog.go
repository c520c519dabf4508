package gateway

import (
	"bytes"
	"math/rand/v2"
	"net/http"
	"strconv"
	"time"

	"github.com/rs/zerolog"
)

// An AccessLog says which requests are logged: [LogAll], [LogNone], [LogErrors], or a number
// between 0 and 1, the share of those that go well. In any case those are logged that
// realdocd has not served, and those that are slow.
type AccessLog float64

const (
	// LogNone logs no more than those.
	LogNone AccessLog = 0
	// LogAll logs each.
	LogAll AccessLog = 1
	// LogErrors logs those that PHP has answered with 5xx too, as a share does.
	LogErrors AccessLog = -1
)

// wants says whether a request is to be logged that has its response. sampled says that
// it stands for others.
func (a AccessLog) wants(status int) (wanted, sampled bool) {
	switch {
	case a == LogAll:
		return true, false
	case a == LogNone:
		return false, false
	case status >= http.StatusInternalServerError:
		return true, false
	case a == LogErrors:
		return false, false
	}
	wanted = rand.Float64() < float64(a)
	return wanted, wanted
}

// accessLog is the site's, or the daemon's.
func (rq *request) accessLog() AccessLog {
	if rq.site != nil && rq.site.AccessLog != nil {
		return *rq.site.AccessLog
	}
	return rq.setup.cfg.AccessLog
}

// logRequest writes the one event of a request. err is why it failed.
func (s *Server) logRequest(rq *request, err error, now time.Time) {
	total := now.Sub(rq.began)
	c := &rq.setup.cfg
	slow := c.SlowLog > 0 && total >= c.SlowLog
	access := rq.accessLog()
	wanted, sampled := access.wants(rq.reply.status)
	if !wanted && !slow && (err == nil || causeOf(err) == causeMaintenance) {
		return
	}
	if access != LogAll && !s.floods.allow(rq, err, now) {
		return
	}
	e := s.log.Info()
	switch {
	case err != nil && causeOf(err) == causeMaintenance: // an operator wants it so
		e = s.log.Info().Str("cause", causeMaintenance.name)
	case err != nil && causeOf(err) == causeClientGone:
		e = s.log.Info().Str("error", cut(err.Error()))
	case err != nil:
		e = s.log.Error().Str("cause", causeOf(err).name).Str("error", cut(err.Error()))
	case slow:
		e = s.log.Warn().Bool("slow", true)
	}
	rq.describe(rq.identity(e))
	rq.spans(e)
	ms(e, "total", rq.began, now)
	if slow && rq.worker != nil {
		describeWorker(e, rq.worker)
	}
	if sampled && !slow && err == nil {
		e.Float64("sample", float64(access)) // of how many it is one
	}
	e.Msg("request")
}

// spans adds where the time went: until the request was whole, in the queue, to
// the connection, and to the first byte of the response.
func (rq *request) spans(e *zerolog.Event) {
	ms(e, "receive", rq.began, rq.place.Queued)
	ms(e, "queue", rq.place.Queued, rq.place.Entered)
	ms(e, "connect", rq.place.Entered, rq.place.Connected)
	ms(e, "first_byte", rq.place.Connected, rq.firstByte)
}

// describe adds which request it is, and what became of it.
func (rq *request) describe(e *zerolog.Event) {
	if rq.site != nil {
		e.Str("site", rq.site.Name)
	}
	if rq.visit.Release != nil {
		e.Str("release", rq.visit.Name)
	}
	e.Bytes("method", cutMethod(rq.value(rq.cgi.requestMethod))).
		Bytes("path", cut(rq.value(rq.cgi.requestURI))).
		Int("status", rq.status()).
		Int64("bytes", rq.reply.bytes)
	if n := rq.reply.stderr; n > maxStderrOfOne {
		e.Int64("stderr_bytes", n) // the log has only the first of them
	}
	if n := rq.reply.foreign; n > 0 {
		e.Int("foreign_records", n) // of FPM, which belong to no response and were not passed on
	}
}

// cutMethod is what is logged of a method.
func cutMethod(method []byte) []byte { return method[:min(len(method), maxMethod)] }

const maxMethod = 64

// status is the visitor's.
func (rq *request) status() int {
	if rq.conn.gone.Load() && (!rq.reply.ended || rq.reply.lost) {
		return statusClientGone
	}
	return rq.reply.status
}

// ms adds a span in milliseconds; one that did not begin or end is left out.
func ms(e *zerolog.Event, name string, from, to time.Time) {
	if !from.IsZero() && !to.IsZero() {
		var digits [24]byte
		e.RawJSON(name, appendMillis(digits[:0], to.Sub(from)))
	}
}

// appendMillis appends the milliseconds of a time, with up to three decimals. It is what
// strconv makes of such a number, which looks for its shortest digits at some length.
func appendMillis(to []byte, d time.Duration) []byte {
	us := d.Microseconds()
	if us < 0 {
		to, us = append(to, '-'), -us
	}
	to = strconv.AppendInt(to, us/1000, 10)
	rest := us % 1000
	if rest == 0 {
		return to
	}
	to = append(to, '.', byte('0'+rest/100), byte('0'+rest/10%10), byte('0'+rest%10))
	return bytes.TrimRight(to, "0")
}
