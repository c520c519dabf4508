package gateway

import (
	"bytes"
	"fmt"
	"time"
)

const (
	// maxStderr is how much of one STDERR record goes to the log, in bytes.
	maxStderr = 4 << 10
	// maxStderrOfOne is how much STDERR of one request goes to the log, in bytes.
	maxStderrOfOne = 64 << 10
)

// logStderr logs what PHP wrote to its error output. A script may write without an end, so
// that there are bounds for a request, and for all of them.
func (rq *request) logStderr(text []byte) {
	text = bytes.TrimSpace(text)
	if len(text) == 0 {
		return
	}
	rq.reply.fatal = rq.reply.fatal || isFatal(text)
	s, logged := rq.conn.s, min(len(text), maxStderr)
	rq.reply.stderr += int64(len(text))
	switch before := rq.reply.stderr - int64(len(text)); {
	case before >= maxStderrOfOne:
		return // the event of the request says how much there was
	case !s.floods.stderr.allow(time.Now()):
		return
	}
	e := rq.identity(s.log.Warn())
	if rq.site != nil {
		e.Str("site", rq.site.Name)
	}
	if rq.visit.Release != nil {
		e.Str("release", rq.visit.Name)
	}
	e.Bytes("path", cut(rq.value(rq.cgi.requestURI))).
		Bytes("stderr", markCut(text, logged)).
		Msg("FPM wrote to stderr")
}

// isFatal says whether PHP tells of an error that has ended the script, whatever status the
// response has.
func isFatal(text []byte) bool {
	for _, sign := range []string{"PHP Fatal error:", "PHP Parse error:", "PHP Recoverable fatal error:"} {
		if bytes.Contains(text, []byte(sign)) {
			return true
		}
	}
	return false
}

// markCut is the first part of a text, with a mark if that is not all.
func markCut(text []byte, part int) []byte {
	if len(text) <= part {
		return text
	}
	return fmt.Appendf(text[:part:part], "... [cut: %d bytes in all]", len(text))
}
