package gateway

import (
	"math/rand/v2"
	"time"

	"realdocd/deploy"
	"realdocd/gateway/control"
	"realdocd/gateway/pin"
)

// drawHolds is how long a visitor stays on the release that a draw has given him, if the
// canary goes on for so long.
const drawHolds = 24 * time.Hour

// draw gives a new visitor of a canary one of its two releases, which he stays on; true if it
// has entered the one that is tried. A visitor is new who loads a page and has no pin: what a
// page asks for, and who was there before, gets what he would get without the canary.
func (rq *request) draw(now time.Time) (entered bool) {
	p := &rq.pins
	t := rq.site.trials.of(rq.docroot)
	if t == nil || t.plan.Kind != control.KindCanary || !p.carried.navigates || !p.isNew(t) || rq.tellsRelease() {
		return false
	}
	share := t.share.Load()
	if share == 0 {
		return false
	}
	p.drawn = t
	if rand.Uint32N(100_00) >= share {
		return false
	}
	v, err := rq.site.releases.EnterPinned(rq.docroot, deploy.Pin{Release: t.candidate.Tag(), Issued: now, End: now.Add(drawHolds)}, now)
	if v.Flip != nil {
		rq.conn.s.flipped(rq.site, v.Flip)
	}
	if err != nil {
		p.drawn = nil
		t.ends("gone", "the release cannot be entered: "+err.Error())
		return false
	}
	t.visitors.Add(1)
	rq.took(v, now)
	return true
}

// isNew says whether a visitor has no pin that says otherwise. One of an earlier canary does
// not.
func (p *pinning) isNew(t *trial) bool {
	return p.cookieText == nil || p.cookie.Kind == pin.Candidate && p.cookie.Note != t.number
}

// drawnPin is the pin of a visitor who was given a release by draw. It lasts for some seconds
// more or less than another of the same millisecond, so that two visitors have two pins.
func (rq *request) drawnPin(t *trial, now time.Time) *pin.Token {
	return &pin.Token{Kind: pin.Candidate, Note: t.number, Issued: now, Lasts: drawHolds + rand.N(3600*time.Second)}
}

// isOf says whether the request is one of a trial's visitors.
func (p *pinning) isOf(t *trial) bool {
	return p.drawn == t || p.by != noCarrier && p.followed.Kind == pin.Candidate && p.followed.Note == t.number
}

// ran is what ties a pin of a draw to its canary: while that runs, pages follow it too.
func (s *site) ran(docroot string, t *pin.Token) bool {
	now := s.trials.of(docroot)
	return now != nil && now.number == t.Note
}
