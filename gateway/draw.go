package gateway

import (
	"math/rand/v2"
	"time"

	"realdocd/deploy"
	"realdocd/gateway/control"
	"realdocd/gateway/pin"
	"realdocd/gateway/trial"
)

// drawHolds is how long a visitor stays on the release that a draw has given him, if the
// canary goes on for so long.
const drawHolds = 24 * time.Hour

// draw gives a new visitor of a canary one of its two releases, which he stays on; true if it
// has entered the one that is tried. A visitor is new who loads a page and has no pin: what a
// page asks for, and who was there before, gets what he would get without the canary.
func (rq *request) draw(now time.Time) (entered bool) {
	p := &rq.pins
	t := rq.site.trials.Of(rq.docroot)
	if t == nil || t.Plan.Kind != control.KindCanary || !p.carried.navigates || !p.isNew(t) || rq.tellsRelease() {
		return false
	}
	drawn, candidate := t.Draw()
	if !drawn {
		return false
	}
	p.drawn = t
	if !candidate {
		return false
	}
	v, err := rq.site.releases.EnterPinned(rq.docroot, deploy.Pin{Release: t.Candidate.Tag(), Issued: now, End: now.Add(drawHolds)}, now)
	if v.Flip != nil {
		rq.conn.s.flipped(rq.site, v.Flip)
	}
	if err != nil {
		p.drawn = nil
		t.End("gone", "the release cannot be entered: "+err.Error())
		return false
	}
	t.TookVisitor()
	rq.took(v, now)
	return true
}

// isNew says whether a visitor has no pin that says otherwise. One of an earlier canary does
// not.
func (p *pinning) isNew(t *trial.Trial) bool {
	return p.cookieText == nil || p.cookie.Kind == pin.Candidate && p.cookie.Note != t.Plan.Number
}

// drawnPin is the pin of a visitor who was given a release by draw. It lasts for some seconds
// more or less than another of the same millisecond, so that two visitors have two pins.
func (rq *request) drawnPin(t *trial.Trial, now time.Time) *pin.Token {
	return &pin.Token{Kind: pin.Candidate, Note: t.Plan.Number, Issued: now, Lasts: drawHolds + rand.N(3600*time.Second)}
}

// isOf says whether the request is one of a trial's visitors.
func (p *pinning) isOf(t *trial.Trial) bool {
	return p.drawn == t || p.by != noCarrier && p.followed.Kind == pin.Candidate && p.followed.Note == t.Plan.Number
}

// ran is what ties a pin of a draw to its canary: while that runs, pages follow it too.
func (s *site) ran(docroot string, t *pin.Token) bool {
	now := s.trials.Of(docroot)
	return now != nil && now.Plan.Number == t.Note
}
