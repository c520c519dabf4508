package e2e

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"realdocd/test/stack"
)

func post(t *testing.T, url string, body io.Reader) *http.Request {
	t.Helper()
	request, err := http.NewRequest("POST", url, body)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "text/plain")
	return request
}

func TestWhatTheWebServerSaysReachesPHP(t *testing.T) {
	s := openShop(t)
	public := s.site.Release(1) + "/public"
	for _, c := range []struct {
		name, path, body string
		want             map[string]string
	}{
		{"a query", "/server.php?a=1&b=%20", "", map[string]string{
			"QUERY_STRING": "a=1&b=%20", "REQUEST_URI": "/server.php?a=1&b=%20", "SCRIPT_NAME": "/server.php", "REQUEST_METHOD": "GET",
		}},
		{"path info", "/server.php/a/b.php/c", "", map[string]string{
			"PATH_INFO": "/a/b.php/c", "SCRIPT_NAME": "/server.php", "SCRIPT_FILENAME": public + "/server.php",
		}},
		{"a body", "/server.php", "name=value", map[string]string{
			"body": "name=value", "CONTENT_LENGTH": "10", "CONTENT_TYPE": "text/plain", "REQUEST_METHOD": "POST",
		}},
		{"paths", "/server.php", "", map[string]string{
			"DOCUMENT_ROOT": public, "SCRIPT_FILENAME": public + "/server.php", "REALDOC_RELEASE": "1",
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			request := post(t, s.web.URL(0, c.path), strings.NewReader(c.body))
			if c.body == "" {
				request.Method, request.Body, request.ContentLength = "GET", nil, 0
			}
			answer := fetch(t, request)
			got := map[string]any{}
			if err := json.Unmarshal([]byte(answer), &got); err != nil {
				t.Fatalf("%v in %s", err, answer)
			}
			for name, want := range c.want {
				if got[name] != want {
					t.Errorf("%s is %v, want %q", name, got[name], want)
				}
			}
		})
	}
}

func TestHEADHasHeadersAndNoBody(t *testing.T) {
	s := openShop(t)
	resp, err := http.Head(s.web.URL(0, "/server.php"))
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != 200 || resp.Header.Get("X-Method") != "HEAD" {
		t.Errorf("got %s, X-Method %q", resp.Status, resp.Header.Get("X-Method"))
	}
	// A web server would not pass a body on to the visitor: whether there is one shows in front of it.
	reply := s.Ask(s.gw.Addr, nil, stack.ParamsFor(s.site.DocRoot(), "HEAD", "/server.php")...)
	if reply.Header.Get("X-Method") != "HEAD" || len(reply.Body) > 0 || !reply.Ended {
		t.Errorf("realdocd answers with X-Method %q, complete %v and the body %q", reply.Header.Get("X-Method"), reply.Ended, reply.Body)
	}
}

func TestErrorsOfAScriptReachBothLogs(t *testing.T) {
	s := openShop(t)
	request, _ := http.NewRequest("GET", s.web.URL(0, "/stderr.php"), nil)
	if answer := fetch(t, request); answer != "done" {
		t.Errorf("got %q", answer)
	}
	s.Wait(s.gw.Process, 0, stack.Containing("spoken on stderr"))
	s.Wait(s.web.Process, 0, stack.Containing("spoken on stderr"))
}

func TestEachRequestIsLoggedWithItsRelease(t *testing.T) {
	s := openShop(t)
	s.Flip(s.site, 2)
	s.observe(t)
	event, err := s.gw.WaitEvent(0, 5*time.Second, func(e stack.Event) bool { return e.String("path") != "" })
	if err != nil {
		t.Fatal(err)
	}
	for field, want := range map[string]string{"site": "shop", "release": "2", "method": "GET", "status": "200"} {
		if got := event.String(field); got != want {
			t.Errorf("%s is %q, want %q, in %v", field, got, want, event)
		}
	}
}

// PHP-FPM would run any file that it can read. What realdocd does not know, or what leads out of the
// docroot, never gets there.
func TestWhatIsRefusedNeverReachesFPM(t *testing.T) {
	s := openBench(t, nil, nil)
	for _, c := range []struct {
		name   string
		pairs  []string
		status int
	}{
		{"a docroot of no site", stack.ParamsFor(s.Dir+"/other/public", "GET", "/index.php"), 404},
		{"a docroot that only begins like one", stack.ParamsFor(s.site.DocRoot()+"2", "GET", "/index.php"), 404},
		{"a script outside", s.params("GET", "/index.php", "SCRIPT_FILENAME", "/etc/passwd"), 403},
		{"a script outside by dots", s.params("GET", "/../lib/part_00.php"), 403},
		{"a file of the other release outside of its docroot", s.params("GET", "/index.php", "SCRIPT_FILENAME", s.site.Release(2)+"/lib/part_00.php"), 403},
	} {
		t.Run(c.name, func(t *testing.T) {
			reply := s.In(t).Ask(s.gw.Addr, nil, c.pairs...)
			if reply.Status != c.status || !reply.Ended {
				t.Errorf("got status %d, complete %v, want %d", reply.Status, reply.Ended, c.status)
			}
			if strings.Contains(string(reply.Body), s.Dir) {
				t.Errorf("the answer tells a path of the server: %s", reply.Body)
			}
			select {
			case q := <-s.fpm.Requests:
				t.Errorf("FPM got the request with %q", q.Pairs)
			default:
			}
		})
	}
}
