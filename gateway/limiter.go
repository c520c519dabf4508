package gateway

import (
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"
)

// A limiter lets one of many like events through every logEvery, and counts the others.
type limiter struct{ last, held atomic.Int64 }

func (l *limiter) allow(now time.Time) bool {
	last, at := l.last.Load(), int64(sinceEpoch(now))
	if (last == 0 || at-last >= int64(logEvery)) && l.last.CompareAndSwap(last, at) {
		return true
	}
	l.held.Add(1)
	return false
}

// event gives e, with the number of events like it that were not written since the last
// one; or nothing, if it is too early for another.
func (l *limiter) event(e *zerolog.Event, now time.Time) *zerolog.Event {
	if !l.allow(now) {
		return nil // zerolog writes nothing
	}
	return suppressed(e, l.held.Swap(0))
}

func suppressed(e *zerolog.Event, n int64) *zerolog.Event {
	if n > 0 {
		e.Int64("suppressed", n)
	}
	return e
}

// A flood bounds events that may be many and are not alike, such as one for each request
// that has failed: it lets so many a second through. What it has held back is counted, and
// told as soon as the second is over.
type flood struct {
	most int              // events a second
	tell func(held int64) // is called by a goroutine of its own

	mu     sync.Mutex // guards the following
	second int64      // the one that is counted
	let    int        // events of it that were let through
	held   int64      // events that nobody was told of yet
}

// allow says whether an event may be written.
func (f *flood) allow(now time.Time) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if second := now.Unix(); second != f.second {
		f.second, f.let = second, 0
	}
	if f.let < f.most {
		f.let++
		return true
	}
	if f.held++; f.held == 1 {
		time.AfterFunc(logEvery, f.report)
	}
	return false
}

// report tells what was held back.
func (f *flood) report() {
	f.mu.Lock()
	held := f.held
	f.held = 0
	f.mu.Unlock()
	f.tell(held)
}

// floods are the events of a Server that a peer can cause as often as it likes.
type floods struct {
	failures map[*cause]*flood // requests that have failed, without an access log of all
	answers  *flood            // the same, that PHP has answered with 5xx
	stderr   *flood
	conns    *flood // connections that have ended badly, or were refused
}

// How many events a second are written.
const (
	maxFailures    = 100 // for each cause
	maxStderrs     = 200
	maxConnsEvents = 10
)

func newFloods(log zerolog.Logger, m *metrics) *floods {
	held := func(most int, kind, cause, text string) *flood {
		counter := m.suppressed.WithLabelValues(kind)
		return &flood{most: most, tell: func(n int64) {
			counter.Add(float64(n))
			e := log.Warn().Int64("suppressed", n)
			if cause != "" {
				e.Str("cause", cause)
			}
			e.Msg(text)
		}}
	}
	f := &floods{
		failures: map[*cause]*flood{},
		answers:  held(maxFailures, "request", "", "more events of requests that PHP has answered with 5xx were not written"),
		stderr:   held(maxStderrs, "stderr", "", "more events of FPM's stderr were not written: FPM's own log has them if catch_workers_output is on"),
		conns:    held(maxConnsEvents, "connection", "", "more events of connections were not written"),
	}
	for _, c := range causes {
		f.failures[c] = held(maxFailures, "request", c.name, "more events of requests that have failed were not written")
	}
	return f
}

// allow says whether a request may be logged where not all are: one that has failed, or
// that PHP has answered with 5xx, only if there are not too many like it.
func (f *floods) allow(rq *request, err error, now time.Time) bool {
	switch {
	case err != nil:
		return f.failures[causeOf(err)].allow(now)
	case rq.reply.status >= http.StatusInternalServerError:
		return f.answers.allow(now)
	}
	return true
}

// maxLogged is how much of one text goes to the log, in bytes, if a peer decides how long
// it is.
const maxLogged = 2 << 10

// cut is what is logged of a text that a peer has sent.
func cut[T ~string | ~[]byte](text T) T { return text[:min(len(text), maxLogged)] }
