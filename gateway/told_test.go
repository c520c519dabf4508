package gateway

import (
	"testing"

	"realdocd/test/stack"
)

// told asks for the release of a request, in a role.
func (b *bench) told(role byte, params ...string) *stack.Reply {
	b.t.Helper()
	c := b.connect()
	_, err := stack.Record{Type: stack.BeginRequest, ID: 1, Content: []byte{0, role, 1, 0, 0, 0, 0, 0}}.WriteTo(c)
	b.must(err)
	b.must(c.Params(b.params(append(params, "REALDOC_TELL", "release")...)...))
	if role == 1 {
		b.must(c.Stdin(nil))
	}
	return b.reply(c)
}

// The web server is told the release of a request, and no FPM is asked.
func TestTheWebServerIsToldTheReleaseOfARequest(t *testing.T) {
	b := pinned(t, nil)
	first := b.page()
	b.flip("2")
	b.fpm.Close()
	for name, row := range map[string]struct {
		params  []string
		release string
	}{
		"without a pin":           {fetch, "2"},
		"header":                  {with(fetch, "HTTP_X_RELEASE_PIN", first), "1"},
		"cookie":                  {with(fetch, "HTTP_COOKIE", "release="+first), "1"},
		"query":                   {with(fetch, "QUERY_STRING", "_release="+first), "1"},
		"of nginx's main request": {with(fetch, "REQUEST_URI", "/a.css?_release="+first), "1"},
		"a forged one":            {with(fetch, "HTTP_COOKIE", "release=x"), "2"},
	} {
		t.Run(name, func(t *testing.T) {
			docroot := b.release("shop", row.release) + "/public"
			reply := b.told(1, row.params...)
			if reply.Status != 204 || !reply.Ended || reply.Header.Get("X-Release") != row.release || reply.Header.Get("X-Release-Docroot") != docroot {
				t.Errorf("a responder tells %d %q", reply.Status, reply.Header)
			}
			reply = b.told(2, row.params...)
			if reply.Status != 200 || !reply.Ended || reply.Header.Get("Variable-Realdoc_release") != row.release || reply.Header.Get("Variable-Realdoc_docroot") != docroot {
				t.Errorf("an authorizer tells %d %q", reply.Status, reply.Header)
			}
		})
	}
	b.wantValue(`realdocd_told_total{site="shop",pool="www"}`, 12)
	stack.Until(t, "nobody is inside", func() bool { return b.server.setup.Load().sites.all[0].releases.Inside() == 0 })
}

func TestAQuestionThatIsNoneIsRefused(t *testing.T) {
	b := pinned(t, nil)
	c := b.connect()
	b.send(c, "", b.params("REALDOC_TELL", "all")...)
	b.wantRefused(c, 400)
	b.send(c, "", b.params("REALDOC_TELL", "release", "DOCUMENT_ROOT", "/nowhere")...)
	b.wantRefused(c, 404)
	b.served(c, "", b.params("HTTP_REALDOC_TELL", "release")...) // a visitor's header
}
