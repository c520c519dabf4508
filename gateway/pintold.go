package gateway

import (
	"bytes"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"realdocd/deploy"
	"realdocd/gateway/pin"
)

// tellPin tells PHP the pin of the page: the one that was followed, the one of the cookie
// while it is of this release and young, or else a new one. It says also whether the cookie
// is to be set: if the page's pin is not the cookie's.
func (rq *request) tellPin() {
	p := &rq.pins
	p.choose(rq)
	if p.mine == nil {
		return
	}
	p.put = p.carried.navigates && !bytes.Equal(p.mine, p.cookieText)
	rq.set(0, "REALDOC_PIN", p.mine)
}

// choose chooses the page's pin.
func (p *pinning) choose(rq *request) {
	st, now := rq.site, time.Now()
	live := rq.visit.Live()
	switch {
	case p.drawn != nil:
		token := rq.drawnPin(p.drawn, now)
		p.mine, p.ends = rq.newPin(token), token.Ends(0)
	case p.by != noCarrier && (p.followed.Kind.Leads() || !p.carried.navigates || !live || p.isYoung(&p.followed, st, now)):
		p.mine, p.ends = p.text, p.followed.Ends(st.PinMaxAge)
	case st.Pin == PinOff || !live:
		// Nobody is kept on a release that is live no more, but who came by a pin.
	case p.cookieText != nil && p.cookie.Release == rq.visit.Tag() && rq.leadsHere(&p.cookie) && p.isYoung(&p.cookie, st, now):
		p.mine, p.ends = p.cookieText, p.cookie.Ends(st.PinMaxAge)
	default:
		given := rq.pagePin(now)
		p.mine, p.ends = given.text, given.issued.Add(st.PinMaxAge)
	}
}

// A givenPin is one that pages of a release get: all that are made within a moment get the
// same, for it names none of their visitors. To sign one for each would cost more than all
// else that pins do.
type givenPin struct {
	release *deploy.Release
	keys    *pin.Keys
	issued  time.Time
	text    []byte // nil if the release's name is too long for a pin
}

// giveFor is how long the same pin is given.
const giveFor = time.Second

// pagePin is the pin of a page of the request's release, which is live.
func (rq *request) pagePin(now time.Time) *givenPin {
	st, keys := rq.site, rq.conn.s.keys.Load()
	last := st.given.Load()
	if last != nil && last.release == rq.visit.Release && last.keys == keys && now.Sub(last.issued) < min(giveFor, st.PinMaxAge/8) && rq.visit.Follows(last.issued) {
		return last
	}
	next := &givenPin{release: rq.visit.Release, keys: keys, issued: now}
	next.text = bytes.Clone(rq.newPin(&pin.Token{Kind: pin.Page, Issued: now}))
	st.given.Store(next)
	return next
}

// leadsHere says whether a pin would still be followed to the request's release.
func (rq *request) leadsHere(t *pin.Token) bool { return rq.visit.Follows(t.Issued) }

// isYoung says whether a pin has more than half of its time before it.
func (p *pinning) isYoung(t *pin.Token, st *site, now time.Time) bool {
	return now.Sub(t.Issued) < st.PinMaxAge/2
}

// newPin makes a pin to the request's release, and has the release know of it. It is nil if
// the release's name is too long for one.
func (rq *request) newPin(t *pin.Token) []byte {
	st := rq.site
	t.Site, t.Release = st.tagOf(rq.docroot), rq.visit.Tag()
	at := len(rq.text)
	rq.text = pin.AppendName(rq.text, rq.visit.Name)
	t.Name = rq.text[at:]
	at = len(rq.text)
	text, ok := rq.conn.s.keys.Load().Append(rq.text, t)
	if !ok {
		return nil
	}
	rq.text = text
	rq.visit.NotePin(t.Ends(st.PinMaxAge))
	return text[at:]
}

// pinTo makes a pin that leads to a release of a docroot for a time of its own, live or not,
// and has the site's requests be looked through for pins from now on. It fails if there are no
// keys, or the release's name is too long.
func (s *Server) pinTo(st *site, docroot string, r *deploy.Release, t pin.Token) (string, error) {
	keys := s.keys.Load()
	if keys == nil {
		var err error
		if keys, err = s.pinKeys(&s.setup.Load().cfg); err != nil {
			return "", err
		}
	}
	t.Site, t.Release, t.Name, t.Issued = st.tagOf(docroot), r.Tag(), pin.AppendName(nil, r.Name), time.Now()
	text, ok := keys.Append(nil, &t)
	if !ok {
		return "", fmt.Errorf("the name of release %s is too long for a pin", r.Path)
	}
	r.NotePin(t.Ends(st.PinMaxAge))
	st.readsPins.Store(true)
	return string(text), nil
}

// appendPinHeaders appends what a response says of pins: that nobody keeps it if a pin has
// brought the request to a release that is not live, and the cookie. head is the beginning of
// FPM's response; without all of its header the cookie is left out.
func (rq *request) appendPinHeaders(lines, head []byte) []byte {
	p := &rq.pins
	if rq.behind() {
		lines = append(lines, "X-Accel-Expires: 0\r\nCache-Control: private, no-store\r\n"...)
	}
	if p.followed.Kind == pin.Preview {
		lines = append(lines, "X-Robots-Tag: noindex\r\n"...)
	}
	if !p.put || !rq.site.mayHaveCookie(head, rq.reply.status, rq.behind()) {
		return lines
	}
	name := rq.site.cookieName(p.carried.secure)
	if name == "" {
		return lines
	}
	lines = append(append(append(append(lines, "Set-Cookie: "...), name...), '='), p.mine...)
	lines = append(lines, "; Path=/; Max-Age="...)
	lines = strconv.AppendInt(lines, int64(max(time.Until(p.ends), time.Second)/time.Second), 10)
	lines = append(lines, "; HttpOnly; SameSite=Lax"...)
	if p.carried.secure {
		lines = append(lines, "; Secure"...)
	}
	return append(lines, "\r\n"...)
}

// mayHaveCookie says whether the cookie goes with a response: an HTML page that a browser
// shows, and that no shared cache keeps for others. One that is not kept in any case may.
func (s *site) mayHaveCookie(head []byte, status int, unkept bool) bool {
	end := headerEnd(head)
	if end < 0 || status >= http.StatusMultipleChoices && status < http.StatusBadRequest {
		return false
	}
	html := false
	for line := range bytes.Lines(head[:end]) {
		name, value, _ := bytes.Cut(line, []byte(":"))
		switch value = bytes.TrimSpace(value); {
		case bytes.EqualFold(name, []byte("Content-Type")):
			html = isHTML(value)
		case !s.PinCached && !unkept && keepsForAll(name, value):
			return false
		}
	}
	return html
}

func isHTML(contentType []byte) bool {
	kind, _, _ := bytes.Cut(contentType, []byte(";"))
	kind = bytes.TrimSpace(kind)
	return bytes.EqualFold(kind, []byte("text/html")) || bytes.EqualFold(kind, []byte("application/xhtml+xml"))
}

// keepsForAll says whether a header lets a shared cache keep the response: RFC 9111, RFC 9213,
// and nginx's and Varnish's own.
func keepsForAll(name, value []byte) bool {
	switch {
	case bytes.EqualFold(name, []byte("Cache-Control")):
		return hasToken(value, "public") || hasToken(value, "s-maxage")
	case bytes.EqualFold(name, []byte("X-Accel-Expires")):
		return string(value) != "0"
	case bytes.EqualFold(name, []byte("CDN-Cache-Control")), bytes.EqualFold(name, []byte("Surrogate-Control")):
		return !hasToken(value, "no-store") && !hasToken(value, "private")
	}
	return false
}

// hasToken says whether a list of directives has one of that name.
func hasToken(list []byte, name string) bool {
	for part := range bytes.SplitSeq(list, []byte(",")) {
		directive, _, _ := bytes.Cut(part, []byte("="))
		if bytes.EqualFold(bytes.TrimSpace(directive), []byte(name)) {
			return true
		}
	}
	return false
}
