package gateway

import (
	"bytes"
	"errors"
	"time"

	"github.com/rs/zerolog"
)

// maxStderr is how much of one STDERR record goes to the log.
const maxStderr = 4 << 10

// logRequest writes the one event of a request. err is why it failed.
func (s *Server) logRequest(rq *request, err error) {
	now := time.Now()
	total := now.Sub(rq.began)
	slow := s.cfg.SlowLog > 0 && total >= s.cfg.SlowLog
	if !s.cfg.AccessLog && !slow && err == nil {
		return
	}
	e := s.log.Info()
	switch {
	case clientLeft(err):
		e = s.log.Info().Err(err)
	case err != nil:
		e = s.log.Error().Err(err)
	case slow:
		e = s.log.Warn().Bool("slow", true)
	}
	rq.describe(e)
	ms(e, "queue", rq.began, rq.connecting)
	ms(e, "connect", rq.connecting, rq.connected)
	ms(e, "first_byte", rq.connected, rq.firstByte)
	ms(e, "total", rq.began, now)
	e.Msg("request")
}

// clientLeft says whether a request failed for nothing but its visitor.
func clientLeft(err error) bool {
	var refused *refusal
	return errors.Is(err, errClientGone) || errors.As(err, &refused) && refused.status == statusClientGone
}

// describe adds which request it is, and what became of it.
func (rq *request) describe(e *zerolog.Event) {
	if rq.site != nil {
		e.Str("site", rq.site.Name)
	}
	if rq.visit.Release != nil {
		e.Str("release", rq.visit.Name)
	}
	status := rq.reply.status
	if rq.conn.gone.Load() && !rq.reply.ended {
		status = statusClientGone
	}
	e.Bytes("method", rq.value(rq.cgi.requestMethod)).
		Bytes("path", rq.value(rq.cgi.requestURI)).
		Int("status", status).
		Int64("bytes", rq.reply.bytes)
}

// ms adds a span in milliseconds; one that did not begin or end is left out.
func ms(e *zerolog.Event, name string, from, to time.Time) {
	if !from.IsZero() && !to.IsZero() {
		e.Float64(name, float64(to.Sub(from).Microseconds())/1000)
	}
}

// logStderr logs what PHP wrote to its error output.
func (rq *request) logStderr(text []byte) {
	text = bytes.TrimSpace(text)
	if len(text) == 0 {
		return
	}
	e := rq.conn.s.log.Warn()
	if rq.site != nil {
		e.Str("site", rq.site.Name)
	}
	if rq.visit.Release != nil {
		e.Str("release", rq.visit.Name)
	}
	e.Bytes("path", rq.value(rq.cgi.requestURI)).
		Bytes("stderr", text[:min(len(text), maxStderr)]).
		Msg("FPM wrote to stderr")
}
