package gateway

import (
	"time"

	"realdocd/deploy"
	"realdocd/gateway/pin"
	"realdocd/gateway/trial"
)

// pinning is what became of a request's pins.
type pinning struct {
	carried carried
	// followed is the pin that has decided the release, and its text; by is noCarrier if none
	// has.
	followed pin.Token
	text     []byte
	by       carrier
	// cookie is the first valid pin in a cookie, whether it was followed or not.
	cookie     pin.Token
	cookieText []byte
	// mine is the pin that the page gets, and is told to PHP; nil for none. put says that it
	// goes into the cookie, if the response may have one.
	mine []byte
	// drawn is the canary that has given a new visitor his release; nil for none.
	drawn *trial.Trial
	put   bool
	ends  time.Time // when mine ends
}

// enterPinned enters the release that a valid pin of the request leads to; false if none
// does. What is unsigned, of another site, over, or of a release that is gone or closed is
// not followed, and never an error.
func (rq *request) enterPinned(now time.Time) bool {
	st, p := rq.site, &rq.pins
	*p = pinning{} // of a request that was held
	keys := rq.conn.s.keys.Load()
	if keys == nil {
		return false
	}
	rq.readCarried(&p.carried)
	site := st.tagOf(rq.docroot)
	entered := false
	for _, sent := range p.carried.pins[:p.carried.n] {
		if entered && (sent.by != byCookie || p.cookieText != nil || !p.carried.navigates) {
			continue
		}
		token, err := keys.Verify(sent.text)
		if err == nil {
			err = token.Check(site, now, st.PinMaxAge)
		}
		if err != nil {
			st.metrics.countPin(resultOf(err))
			continue
		}
		if sent.by == byCookie && p.cookieText == nil {
			p.cookie, p.cookieText = token, sent.text
		}
		if !entered && st.leads(&token, rq.docroot, p.carried.navigates) && rq.follow(&token, sent, now) {
			entered = true
		}
	}
	return entered
}

// leads says whether a request of that kind follows a pin. One of a draw whose canary is over
// is like any other page's.
func (s *site) leads(t *pin.Token, docroot string, navigates bool) bool {
	switch {
	case t.Kind == pin.Candidate && s.ran(docroot, t), t.Kind == pin.Preview:
		return true
	case s.Pin == PinOff:
		return false
	}
	return !navigates || s.Pin == PinVisit
}

// follow enters the release of a pin; false if the pin does not lead there any more.
func (rq *request) follow(t *pin.Token, sent sentPin, now time.Time) bool {
	s, st := rq.conn.s, rq.site
	v, err := st.releases.EnterPinned(rq.docroot, deploy.Pin{Release: t.Release, Issued: t.Issued, End: t.Ends(st.PinMaxAge)}, now)
	if v.Flip != nil {
		s.flipped(st, v.Flip)
	}
	if err != nil {
		st.metrics.countPin(resultOf(err))
		return false
	}
	st.metrics.countPin(pinFollowed)
	rq.pins.followed, rq.pins.text, rq.pins.by = *t, sent.text, sent.by
	rq.took(v, now)
	return true
}

// A pinResult is what became of a pin that a request had.
type pinResult int

const (
	pinFollowed pinResult = iota
	pinTooLong
	pinMalformed
	pinUnknownKey
	pinForged
	pinOtherSite
	pinExpired
	pinGone  // its release is not known, or gone
	pinEnded // its release is closed, or its pins were ended
	pinResults
)

var pinResultNames = [pinResults]string{
	"followed", "too_long", "malformed", "unknown_key", "forged", "other_site", "expired", "gone", "ended",
}

// resultOf takes an error of [pin.Keys.Verify], [pin.Token.Check] or EnterPinned, which wrap
// nothing, and allocates nothing: a flood of forged pins costs no memory.
func resultOf(err error) pinResult {
	if fault, is := err.(pin.Fault); is {
		return resultsOfFaults[fault]
	}
	if err == deploy.ErrUnknownRelease {
		return pinGone
	}
	return pinEnded
}

var resultsOfFaults = [...]pinResult{
	pin.TooLong: pinTooLong, pin.Malformed: pinMalformed, pin.UnknownKey: pinUnknownKey,
	pin.Forged: pinForged, pin.OtherSite: pinOtherSite, pin.Expired: pinExpired,
}

// behind says whether a pin has brought the request to a release that is not live. What such
// a response has, nobody may keep for others, or for later.
func (rq *request) behind() bool {
	return (rq.pins.by != noCarrier || rq.pins.drawn != nil) && !rq.visit.Live()
}

func (m *siteMetrics) countPin(r pinResult) { m.pins[r].Add(1) }
