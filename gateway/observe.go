package gateway

import (
	"time"

	"realdocd/gateway/control"
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
	if t := st.trials.of(docroot); t != nil {
		t.observe(rq, &o, now)
	}
	if r := st.recorders.of(st, docroot); r != nil {
		if at := r.on(rq.visit.Release, now); at != nil {
			at.add(at.class(&o), &o, now)
		}
	}
}

// observe counts the request for the trial, if it says something about one of its releases.
func (t *trial) observe(rq *request, o *observation, now time.Time) {
	arm := &t.arms[armLive]
	switch path := rq.visit.Path; {
	case t.plan.Kind == control.KindCanary && !rq.pins.isOf(t):
		return
	case path == t.candidate.Path:
		arm = &t.arms[armCandidate]
	case path != t.live.Path || t.plan.Kind == control.KindBake:
		return
	}
	c := arm.class(o)
	// What the release before did is known of requests, not of visitors, so that one that bakes
	// is compared by requests too; but for one visitor who asks again for what fails.
	if (o.failed || t.plan.Kind == control.KindCanary) && !t.counted.first(rq.pins.mine, o.hash) {
		c.seen.Add(1)
		return
	}
	arm.add(c, o, now)
	if o.failed && t.plan.Fleet {
		t.failing.note(arm == &t.arms[armCandidate], c.name, rq.pins.mine)
	}
}
