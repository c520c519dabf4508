package e2e

import (
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"realdocd/test/stack"
)

// asked is what came back for a page that prints $_SERVER, or for an error.
type asked struct {
	header http.Header
	body   string
	server map[string]any
}

func askPage(t *testing.T, url string, headers ...string) asked {
	t.Helper()
	request, err := http.NewRequest("GET", url, nil)
	mustDo(t, err)
	for i := 0; i < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}
	resp, err := http.DefaultClient.Do(request)
	mustDo(t, err)
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	mustDo(t, err)
	a := asked{header: resp.Header, body: string(body)}
	json.Unmarshal(body, &a.server) // an error's is text
	return a
}

// requestFor waits for the event of a request.
func (s *shop) requestFor(t *testing.T, uri string) stack.Event {
	t.Helper()
	event, err := s.gw.WaitEvent(0, promptly*20, func(e stack.Event) bool { return e.String("path") == uri && e.String("message") == "request" })
	mustDo(t, err)
	return event
}

func TestNginxsRequestIDNamesARequestEverywhere(t *testing.T) {
	s := openShopWith(t, settings{pool: stack.Keys{"queue": 0}})
	s.config.Sites["shop"]["request_id_header"] = "X-Request-Id"
	s.Reload(s.gw, s.config)
	ids := filepath.Join(s.Dir, "ids")
	web := s.Nginx(stack.NginxConfig{
		HTTP: []string{`log_format ids "$request_uri $request_id";`},
		Servers: []stack.NginxServer{{
			Root: s.site.DocRoot(), Backend: s.gw.Addr,
			Params: []string{"REQUEST_ID $request_id"}, Lines: []string{"access_log " + ids + " ids;"},
		}},
	})
	// nginx writes its line when the response is out.
	ofNginx := func(uri string) (id string) {
		t.Helper()
		mustDo(t, stack.Poll(func() error {
			text, err := os.ReadFile(ids)
			for line := range strings.Lines(string(text)) {
				if of, found := strings.CutPrefix(strings.TrimSpace(line), uri+" "); found {
					id = of
					return nil
				}
			}
			if err == nil {
				err = io.ErrUnexpectedEOF
			}
			return err
		}))
		return id
	}
	const trace, span = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
	const traceparent = "00-" + trace + "-" + span + "-01"
	a := askPage(t, web.URL(0, "/server.php?ok"), "Traceparent", traceparent, "X-Request-Id", "of-a-visitor")
	id, event := ofNginx("/server.php?ok"), s.requestFor(t, "/server.php?ok")
	if len(id) != 32 || a.server["REQUEST_ID"] != id || a.header.Get("X-Request-Id") != id || event.String("request_id") != id {
		t.Errorf("nginx has the id %q, PHP %q, the header %q, the log %q", id, a.server["REQUEST_ID"], a.header.Get("X-Request-Id"), event.String("request_id"))
	}
	if a.server["HTTP_TRACEPARENT"] != traceparent || event.String("trace_id") != trace || event.String("span_id") != span {
		t.Errorf("PHP has the traceparent %q, the log %v", a.server["HTTP_TRACEPARENT"], event)
	}

	s.Command(s.gw, 0, "pause", "www")
	a = askPage(t, web.URL(0, "/server.php?refused"))
	id, event = ofNginx("/server.php?refused"), s.requestFor(t, "/server.php?refused")
	if want := "503 Service Unavailable\nrequest id " + id + "\n"; a.body != want || a.header.Get("X-Request-Id") != id || event.String("request_id") != id {
		t.Errorf("the answer is %q, want %q; the header %q; the log has %v", a.body, want, a.header.Get("X-Request-Id"), event)
	}
}

func TestIDsAreMadeWhereTheWebServerSendsNone(t *testing.T) {
	s := openShop(t)
	tally := stack.Load{URLs: []string{s.web.URL(0, "/index.php")}, Requests: 500}.Run(t.Context())
	ids := map[string]bool{}
	mustDo(t, stack.Poll(func() error {
		events := 0
		for _, line := range s.gw.Log.Lines(0) {
			if e := stack.ParseEvent(line); e.String("message") == "request" {
				events++
				ids[e.String("request_id")] = true
			}
		}
		if events < tally.Total {
			return io.ErrUnexpectedEOF // some wait to be written
		}
		return nil
	}))
	if delete(ids, ""); len(ids) != tally.Total {
		t.Errorf("%d requests have %d ids", tally.Total, len(ids))
	}
	if id := askPage(t, s.web.URL(0, "/server.php")).server["REQUEST_ID"]; id != s.requestFor(t, "/server.php").String("request_id") {
		t.Errorf("PHP has the id %q, the log another", id)
	}
}

func TestApachesUniqueIDNamesTheRequest(t *testing.T) {
	st := stack.For(t, "nginx", "apache2", "php-fpm")
	s := openShopOn(st, st.FPM(stack.FPMConfig{}), settings{})
	web := s.Apache(stack.ApacheConfig{Hosts: []stack.ApacheHost{{Root: s.site.DocRoot(), Backend: s.gw.Addr}}})
	a := askPage(t, web.URL(0, "/server.php"))
	id, event := a.server["UNIQUE_ID"], s.requestFor(t, "/server.php")
	if id == nil || a.server["REQUEST_ID"] != id || event["request_id"] != id {
		t.Errorf("Apache has the id %q, PHP %q, the log %q", id, a.server["REQUEST_ID"], event["request_id"])
	}
}
