package gateway

import (
	"time"

	"realdocd/gateway/control"
	"realdocd/gateway/trial"
)

// observe counts what the request came to, for the release that it ran on.
func (rq *request) observe(err error, now time.Time) {
	st := rq.site
	if st == nil || rq.visit.Release == nil || rq.conn.errand != nil {
		return
	}
	o, ok := rq.observation(err)
	if !ok {
		return
	}
	docroot := rq.visit.Of
	if t := st.trials.Of(docroot); t != nil && (t.Plan.Kind == control.KindBake || rq.pins.isOf(t)) {
		t.Observe(&o, rq.visit.Path, rq.pins.mine, now)
	}
	if r := st.recorders.Of(docroot, st.IsGlob()); r != nil {
		if at := r.On(rq.visit.Release, now); at != nil {
			at.Add(&o, now)
		}
	}
}

// observation says what the request came to, in PHP; ok is false if it says nothing about
// the release: PHP has not had it, or its visitor has left.
func (rq *request) observation(err error) (o trial.Observation, ok bool) {
	if !rq.sent || rq.visit.Release == nil || rq.conn.gone.Load() || rq.place.Connected.IsZero() {
		return o, false
	}
	switch {
	case err != nil && causeOf(err) != causeFPMFailed && causeOf(err) != causeFPMTimeout:
		return o, false
	case err == nil && rq.firstByte.IsZero():
		return o, false
	}
	o.Failed = err != nil || rq.reply.status >= 500 || rq.reply.fatal
	if !o.Failed {
		o.Took = rq.firstByte.Sub(rq.place.Connected)
	}
	o.Of(rq.value(rq.cgi.requestMethod), rq.value(rq.cgi.requestURI))
	return o, true
}
