package gateway

import (
	"bytes"
	"strings"
	"unicode"

	"realdocd/fcgi"
)

// A web server may ask which release a request belongs to, and have PHP-FPM left out of it: to
// deliver static files of the same release as the page that they are for. It says so by a
// param of its own, which no client can set, as a responder's request (nginx's auth_request)
// or as an authorizer's (lighttpd, Apache's mod_authnz_fcgi). To an authorizer a 200 is
// consent, so that a web server which does not say it gets a 403, whatever it protects.

// tellsRelease says whether the web server asks for the release and nothing else.
func (rq *request) tellsRelease() bool { return len(rq.value(rq.cgi.tell)) > 0 }

// checkRole refuses an authorizer's request that does not ask for the release, and a question
// that is not known.
func (rq *request) checkRole() error {
	switch tell := rq.value(rq.cgi.tell); {
	case len(tell) > 0 && string(tell) != "release":
		return refuse(causeBadRequest, `REALDOC_TELL is %q: "release" is what can be told`, tell)
	case rq.authorizes && len(tell) == 0:
		return refuse(causeForbidden, "the web server asks for consent (FastCGI's authorizer), which realdocd never gives: to have it tell the release, set REALDOC_TELL to \"release\"; see realdocd-pins(7)")
	}
	return nil
}

// tell answers which release the request belongs to. Nobody stays inside.
func (rq *request) tell() error {
	if rq.site == nil {
		return refuse(causeNoSite, "which release is meant cannot be told, for the request belongs to no site")
	}
	if err := rq.enterRelease(); err != nil {
		return err
	}
	v := rq.visit
	m := rq.mapping()
	docroot, name := rq.arrival.root(v, &m), headerValue(v.Name)
	rq.visit.Release = nil
	v.Withdraw()
	if strings.IndexFunc(docroot, unicode.IsControl) >= 0 {
		return refuse(causeUnresolved, "the docroot %q cannot stand in a header", docroot)
	}
	out := rq.text
	if rq.authorizes {
		out = append(out, "Status: 200 OK\r\n"...)
		out = appendHeader(out, "Variable-REALDOC_RELEASE", name)
		out = appendHeader(out, "Variable-REALDOC_DOCROOT", docroot)
	} else {
		out = append(out, "Status: 204 No Content\r\n"...)
	}
	out = appendHeader(out, "X-Release", name)
	out = appendHeader(out, "X-Release-Docroot", docroot)
	out = append(out, "Cache-Control: no-store\r\n\r\n"...)
	rq.text = out
	rq.head = fcgi.AppendStream(rq.head[:0], fcgi.Stdout, rq.id, out)
	rq.head = fcgi.AppendHeader(rq.head, fcgi.Stdout, rq.id, 0)
	rq.head = fcgi.AppendEnd(rq.head, rq.id, 0, fcgi.RequestComplete)
	if err := rq.conn.web.Send(rq.head); err != nil {
		return rq.sendError(err)
	}
	rq.reply.ended = true
	rq.told = true
	rq.discardBody()
	return nil
}

// askedQuery is the query of the request that a question is about: the question has none of
// its own in nginx.
func (rq *request) askedQuery() []byte {
	_, query, _ := bytes.Cut(rq.value(rq.cgi.requestURI), []byte("?"))
	return query
}
