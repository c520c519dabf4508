package gateway

import (
	"net/http"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	"realdocd/gateway/control"
	"realdocd/gateway/handover"
	"realdocd/test/stack"
)

const closedPage = "<!doctype html><h1>Back soon</h1>"

func closedFor(networks ...string) *control.Maintenance {
	m := &control.Maintenance{Page: []byte(closedPage)}
	for _, text := range networks {
		m.Allow = append(m.Allow, control.Network{Prefix: netip.MustParsePrefix(text)})
	}
	return m
}

// wantClosed sends a request that is answered with the page, and of which FPM hears nothing.
func (b *bench) wantClosed503(params ...string) *stack.Reply {
	b.t.Helper()
	c := b.connect()
	b.send(c, "", params...)
	reply := b.wantRefused(c, http.StatusServiceUnavailable)
	if string(reply.Body) != closedPage || reply.Header.Get("Content-Type") != "text/html; charset=utf-8" || reply.Header.Get("Cache-Control") != "no-store" {
		b.t.Errorf("got %v %q", reply.Header, reply.Body)
	}
	return reply
}

func TestMaintenance_VisitorsGetThePageAndNothingRuns(t *testing.T) {
	b := newBench(t).start()
	before, q := b.running(b.params()...)
	m := closedFor("203.0.113.7/32", "2001:db8::/48")
	m.Until = time.Now().Add(90 * time.Minute)
	_, err := b.server.Maintain("shop", "", m)
	b.must(err)
	reply := b.wantClosed503(b.params("REMOTE_ADDR", "203.0.113.8")...)
	if retry := reply.Header.Get("Retry-After"); retry != "5400" && retry != "5399" {
		t.Errorf("Retry-After is %q, want 90 minutes", retry)
	}
	b.wantClosed503(b.params()...)
	b.wantClosed503(b.params("REMOTE_ADDR", "nonsense")...)
	b.wantClosed503(b.params("REMOTE_ADDR", "203.0.113.8", "HTTP_X_FORWARDED_FOR", "203.0.113.7")...)
	q.Answer(page) // what ran goes on
	b.wantPage(before)
	for _, visitor := range []string{"203.0.113.7", "::ffff:203.0.113.7", "2001:db8::17"} {
		b.served(b.connect(), "", b.params("REMOTE_ADDR", visitor)...)
	}
	b.served(b.connect(), "", stack.ParamsFor(b.docroot("blog"), "GET", "/index.php")...) // no other site is closed
	st := b.server.Status().Sites[0]
	if len(st.Maintenance) != 1 || st.Maintenance[0].PageBytes != len(closedPage) || st.Maintenance[0].Page != nil {
		t.Errorf("the status has %+v", st.Maintenance)
	}
	b.wantMetric(`realdocd_site_maintenance{site="shop"} 1`)
	b.logged("the site is in maintenance")
	_, err = b.server.Maintain("shop", "", nil)
	b.must(err)
	b.served(b.connect(), "", b.params()...)
	b.logged("the site is open")
	if event := b.logged(`"cause":"maintenance"`); event.String("level") != "info" {
		t.Errorf("an operator wants it so, and the log has %v", event)
	}
}

// A body that nobody reads must not be taken for the next request.
func TestMaintenance_TheBodyOfAnUploadIsPassedOver(t *testing.T) {
	b := newBench(t).start()
	_, err := b.server.Maintain("shop", "", closedFor("203.0.113.7/32"))
	b.must(err)
	c := b.connect()
	b.send(c, strings.Repeat("x", 100_000), b.params("REQUEST_METHOD", "POST", "CONTENT_LENGTH", "100000")...)
	b.wantRefused(c, http.StatusServiceUnavailable)
	c2 := b.connect()
	b.send(c2, "", b.params("REQUEST_METHOD", "HEAD")...)
	if reply := b.reply(c2); reply.Status != 503 || len(reply.Body) > 0 {
		t.Errorf("HEAD gets %d and %q", reply.Status, reply.Body)
	}
}

func TestMaintenance_IsOfOneDocrootOfAPatternOrOfAll(t *testing.T) {
	b := newBench(t)
	b.cfg.Sites = []SiteConfig{{Name: "all", Docroot: b.dir + "/*/current/public", Pool: "www", RequestBuffering: true}}
	b.start()
	blog := stack.ParamsFor(b.docroot("blog"), "GET", "/index.php")
	_, err := b.server.Maintain("all", b.docroot("shop"), closedFor())
	b.must(err)
	b.wantClosed503(b.params()...)
	b.served(b.connect(), "", blog...)
	_, err = b.server.Maintain("all", "", closedFor())
	b.must(err)
	b.wantClosed503(blog...)
	_, err = b.server.Maintain("all", "", nil)
	b.must(err)
	b.served(b.connect(), "", blog...)
	b.wantClosed503(b.params()...) // that of the docroot goes on
	if _, err := b.server.Maintain("all", "/elsewhere", closedFor()); err == nil {
		t.Error("a docroot that is not the site's was closed")
	}
}

func TestMaintenance_SurvivesAReloadAndARestart(t *testing.T) {
	b := newBench(t)
	b.cfg.StateDir = t.TempDir()
	b.start()
	_, err := b.server.Maintain("shop", "", closedFor("203.0.113.7/32"))
	b.must(err)
	b.reload(func(c *Config) { c.SlowLog = time.Hour })
	b.wantClosed503(b.params()...)
	b.cfg.Listen[0] += "-2"
	b.start() // another process
	b.wantClosed503(b.params()...)
	b.served(b.connect(), "", b.params("REMOTE_ADDR", "203.0.113.7")...)
	stack.Until(t, "the history has it", func() bool { // which the process before writes when it can
		d, err := b.server.Site("shop", "")
		return err == nil && len(d.Notes) == 1 && d.Notes[0].What == "maintenance"
	})
	_, err = b.server.Maintain("shop", "", nil)
	b.must(err)
	b.cfg.Listen[0] += "-3"
	b.start()
	b.served(b.connect(), "", b.params()...)
}

func TestMaintenance_IsToldToTheSuccessor(t *testing.T) {
	b := newBench(t).start()
	_, err := b.server.Maintain("shop", "", closedFor())
	b.must(err)
	f, failed := b.handOver(t.Context())
	f.Send(handover.Message{Prepared: os.Getpid()})
	var told *handover.Site
	f.until(func(m handover.Message) bool {
		if m.Site != nil && m.Site.Name == "shop" {
			told = m.Site
		}
		return m.Begin
	})
	f.Close()
	<-failed
	next := newBench(t)
	peer, file, err := handover.Pair()
	next.must(err)
	t.Cleanup(peer.Close)
	peer.Send(handover.Message{Sockets: &handover.Sockets{PID: 7}})
	p, err := NewPredecessor(file)
	next.must(err)
	server := next.newServer()
	peer.Send(handover.Message{Site: told})
	peer.Send(handover.Message{Begin: true})
	next.must(server.Succeed(p))
	next.serve(server)
	next.wantClosed503(next.params()...)
}

func TestMaintenance_OverTheControlSocketAPageIsChecked(t *testing.T) {
	b := newBench(t)
	b.cfg.Control = b.dir + "/control"
	b.start()
	client := control.NewClient(b.cfg.Control)
	for name, page := range map[string][]byte{
		"empty": nil, "too long": make([]byte, control.MaxPage+1), "an image": []byte("\x89PNG\r\n\x1a\n"),
	} {
		if _, err := client.BeginMaintenance(t.Context(), control.SiteAddress{Site: "shop"}, control.Maintenance{Page: page}); err == nil {
			t.Errorf("a page that is %s was taken", name)
		}
	}
	_, err := client.BeginMaintenance(t.Context(), control.SiteAddress{Site: "shpo"}, *closedFor())
	if err == nil || !strings.Contains(err.Error(), "no such site") {
		t.Error(err)
	}
	st, err := client.BeginMaintenance(t.Context(), control.SiteAddress{Site: "shop"}, *closedFor())
	if err != nil || len(st.Maintenance) != 1 {
		t.Errorf("%+v, %v", st, err)
	}
	b.wantClosed503(b.params()...)
	if st, err = client.EndMaintenance(t.Context(), control.SiteAddress{Site: "shop"}); err != nil || len(st.Maintenance) != 0 {
		t.Errorf("%+v, %v", st, err)
	}
}
