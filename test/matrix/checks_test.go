package matrix

import (
	"crypto/sha256"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"realdocd/test/stack"
)

// A check is something that a site needs of its web server, by the name that it has in the README.
type check struct {
	name string
	run  func(testing.TB, *shop)
}

// checks run in this order.
var checks = []check{
	{"keep-alive", checkKeepAlive}, // first, while realdocd has no other connection
	{"GET", checkGet},
	{"POST", checkPost},
	{"upload of 5 MiB", checkUpload},
	{"PATH_INFO", checkPathInfo},
	{"front controller", checkFrontController},
	{"HEAD", checkHead},
	{"304", checkNotModified},
	{"error pages of PHP", checkErrorsOfPHP},
	{"error pages of realdocd", checkErrorsOfRealdocd},
	{"broken response seen as broken", checkBrokenResponse},
	{"response of 64 MiB", checkBigResponse},
	{"nothing left over from a visitor who leaves", checkLeaving},
	{"next request after a flip on the new release", checkFlip},
	{"no torn request", checkTorn},
	{"no failed request after a restart of realdocd", checkRestart}, // last, for it has another log then
}

// Twenty requests of one visitor leave one connection to realdocd, or none.
func checkKeepAlive(t testing.TB, s *shop) {
	for range 20 {
		s.observe(t, "/index.php?pause=0")
	}
	want := 0.0
	if s.front.keeps {
		want = 1
	}
	if err := s.gw.WaitMetric(want, "realdocd_web_connections"); err != nil {
		t.Error(err)
	}
}

func checkGet(t testing.TB, s *shop) {
	page := s.get(t, "/said.php?a=1&b=%C3%BC%20x").said(t)
	public := s.site.Release(1) + "/public"
	page.want(t, map[string]string{
		"REQUEST_METHOD": "GET", "QUERY_STRING": "a=1&b=%C3%BC%20x", "REQUEST_URI": "/said.php?a=1&b=%C3%BC%20x",
		"SCRIPT_NAME": "/said.php", "DOCUMENT_ROOT": public, "REALDOC_RELEASE": "1",
	})
	// Apache writes proxy:fcgi://… before it.
	if file := page.Server["SCRIPT_FILENAME"]; !strings.HasSuffix(fmt.Sprint(file), public+"/said.php") {
		t.Errorf("SCRIPT_FILENAME is %v", file)
	}
	if page.Get["b"] != "ü x" {
		t.Errorf("$_GET is %v", page.Get)
	}
}

func checkPost(t testing.TB, s *shop) {
	form := url.Values{"name": {"value"}, "text": {"ü & = +"}}
	page := s.send(t, "POST", "/said.php?a=1", form.Encode(), "Content-Type", "application/x-www-form-urlencoded").said(t)
	page.want(t, map[string]string{"REQUEST_METHOD": "POST", "CONTENT_LENGTH": strconv.Itoa(len(form.Encode()))})
	if page.Post["name"] != "value" || page.Post["text"] != "ü & = +" || page.Get["a"] != "1" {
		t.Errorf("$_POST is %v, $_GET is %v", page.Post, page.Get)
	}
}

func checkUpload(t testing.TB, s *shop) {
	content, body, kind := upload(t, 5<<20)
	page := s.send(t, "POST", "/said.php", body, "Content-Type", kind).said(t)
	want := uploaded{"photo ü.jpg", fmt.Sprintf("%x", sha256.Sum256(content))}
	if page.Files["photo"] != want || page.Post["title"] != "a photo" {
		t.Errorf("$_FILES is %v, want %v; $_POST is %v", page.Files, want, page.Post)
	}
}

func checkPathInfo(t testing.TB, s *shop) {
	s.get(t, "/said.php/a/b.php/c?x=1").said(t).want(t, map[string]string{
		"PATH_INFO": "/a/b.php/c", "SCRIPT_NAME": "/said.php", "REQUEST_URI": "/said.php/a/b.php/c?x=1", "QUERY_STRING": "x=1",
	})
}

// A URL of no file is the front controller's, which sees it as it came.
func checkFrontController(t testing.TB, s *shop) {
	for _, path := range []string{"/?pause=0", "/products/7?pause=0", "/a/b%20c/?x=1&pause=0"} {
		o := s.observe(t, path)
		if o.RequestURI != path || o.File != s.site.Release(1)+"/public/index.php" {
			t.Errorf("%s: REQUEST_URI is %q in %s", path, o.RequestURI, o.File)
		}
	}
}

func checkHead(t testing.TB, s *shop) {
	page := s.send(t, "HEAD", "/said.php", "")
	if page.status != 200 || page.body != "" || page.header.Get("X-Method") != "HEAD" {
		t.Errorf("got %d, X-Method %q, %d bytes of body", page.status, page.header.Get("X-Method"), len(page.body))
	}
	s.get(t, "/said.php").said(t) // and what follows is whole
}

func checkNotModified(t testing.TB, s *shop) {
	if page := s.get(t, "/fresh.php"); page.body != "fresh" || page.header.Get("ETag") != `"v1"` {
		t.Errorf("got %q, ETag %q", page.body, page.header.Get("ETag"))
	}
	page := s.send(t, "GET", "/fresh.php", "", "If-None-Match", `"v1"`)
	if page.status != 304 || page.body != "" || page.header.Get("ETag") != `"v1"` {
		t.Errorf("got %d %q, ETag %q", page.status, page.body, page.header.Get("ETag"))
	}
}

func checkErrorsOfPHP(t testing.TB, s *shop) {
	for _, status := range []int{403, 404, 500, 503} {
		page := s.get(t, fmt.Sprintf("/fails.php?status=%d", status))
		if want := fmt.Sprintf("the page of error %d", status); page.status != status || page.body != want || page.header.Get("X-Error") != "own" {
			t.Errorf("got %d %q, want %d %q", page.status, page.body, status, want)
		}
	}
}

// realdocd's own answers come through whole: for a docroot that it does not know, by which one sees that the
// web server sends the symlink's path and not what it resolves to; and for a queue that stands still.
func checkErrorsOfRealdocd(t testing.TB, s *shop) {
	other := s.config
	other.Sites = map[string]stack.Keys{"other": {"docroot": s.site.DocRoot() + "2"}}
	mark := s.gw.Log.Mark()
	s.Reload(s.gw, other)
	if page := s.get(t, "/said.php"); page.status != 404 || page.body != "404 Not Found\n" {
		t.Errorf("for an unknown docroot: %d %q", page.status, page.body)
	}
	event, err := s.gw.WaitEvent(mark, 10*time.Second, func(e stack.Event) bool { return e.String("cause") == "no_site" })
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(event.String("error"), strconv.Quote(s.site.DocRoot())) {
		t.Errorf("DOCUMENT_ROOT was not %q: %v", s.site.DocRoot(), event)
	}
	s.Reload(s.gw, s.config)

	s.Command(s.gw, 0, "pause", "www")
	page := s.get(t, "/said.php")
	if page.status != 503 || page.body != "503 Service Unavailable\n" || page.header.Get("Retry-After") == "" {
		t.Errorf("for a full queue: %d %q, Retry-After %q", page.status, page.body, page.header.Get("Retry-After"))
	}
	s.Command(s.gw, 0, "resume", "www")
	s.get(t, "/said.php").said(t)
}

// A response that lacks its end because the worker was killed is not taken for a whole one.
func checkBrokenResponse(t testing.TB, s *shop) {
	dir := filepath.Join(s.Dir, "pids")
	if err := os.Mkdir(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	killed := make(chan error, 1)
	go func() {
		killed <- stack.Poll(func() error {
			text, err := os.ReadFile(dir + "/pid")
			if err != nil {
				return err
			}
			pid, err := strconv.Atoi(string(text))
			if err != nil {
				return err
			}
			return syscall.Kill(pid, syscall.SIGKILL)
		})
	}()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: 20 * time.Second}
	resp, err := client.Get(s.web.URL("/dies.php?pid=" + dir + "/pid"))
	if err := <-killed; err != nil {
		t.Fatal(err)
	}
	if err != nil {
		return // broken before the first byte
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode < 500 {
		t.Errorf("the visitor took %s with %q for the whole answer", resp.Status, body)
	}
}

func checkBigResponse(t testing.TB, s *shop) {
	const chunks, chunk = 1024, 1 << 16
	want := sha256.New()
	for i := range chunks {
		io.WriteString(want, strings.Repeat(fmt.Sprintf("%016x", i), chunk/16))
	}
	resp, err := http.Get(s.web.URL(fmt.Sprintf("/big.php?chunks=%d", chunks)))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	got := sha256.New()
	n, err := io.Copy(got, resp.Body)
	if err != nil || n != chunks*chunk || string(got.Sum(nil)) != string(want.Sum(nil)) {
		t.Errorf("%s, %d bytes, error %v; sha256 %x, want %x", resp.Status, n, err, got.Sum(nil), want.Sum(nil))
	}
}

// A connection to realdocd that is kept has nothing of a response on it that nobody has read to its end.
func checkLeaving(t testing.TB, s *shop) {
	for i := range 10 {
		client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
		resp, err := client.Get(s.web.URL("/big.php?chunks=256"))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.CopyN(io.Discard, resp.Body, 1<<16); err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		query := fmt.Sprintf("after=%d", i)
		s.get(t, "/said.php?"+query).said(t).want(t, map[string]string{"QUERY_STRING": query})
	}
}

// The next request after a flip runs on the new release.
func checkFlip(t testing.TB, s *shop) {
	for i := 1; i <= 40; i++ {
		live := s.site.Releases[i%2]
		s.Flip(s.site, live)
		for _, path := range []string{"/index.php?pause=0", "/pretty?pause=0"} {
			if got := s.observe(t, path).Verdict().Release; got != fmt.Sprint(live) {
				t.Fatalf("flip %d: %s ran on release %s, %d is live", i, path, got, live)
			}
		}
	}
}

// Fifty includes a request, while the link is flipped every 20 ms.
func checkTorn(t testing.TB, s *shop) {
	urls := []string{s.web.URL("/index.php"), s.web.URL("/own.php"), s.web.URL("/pretty/url"), s.web.URL("/")}
	tally := s.Run(stack.FlipEvery(20*time.Millisecond, s.site), stack.Load{URLs: urls, Requests: 1000, Duration: 4 * time.Second})[0]
	whole := 0
	for _, release := range s.site.Releases {
		n := tally.Releases[fmt.Sprint(release)]
		if n == 0 {
			t.Errorf("release %d served nothing", release)
		}
		whole += n
	}
	if tally.Torn > 0 || tally.Failed > 0 || tally.Unnamed > 0 || whole != tally.Total {
		t.Errorf("%d of %d requests were whole, want all", whole-tally.Unnamed, tally.Total)
	}
}

// Connections that the web server has kept are gone then, and it does not try them on visitors.
func checkRestart(t testing.TB, s *shop) {
	burst := stack.Load{URLs: []string{s.web.URL("/index.php?pause=0")}, Requests: 100}
	if tally := burst.Run(t.Context()); tally.Failed > 0 {
		t.Fatalf("before: %v", tally)
	}
	if err := s.gw.Stop(); err != nil {
		t.Fatal(err)
	}
	binary, err := stack.Binary()
	if err != nil {
		t.Fatal(err)
	}
	backend := s.gw.Addr
	if s.front.tcp {
		backend = s.gw.TCP
	}
	if _, err := s.StartProgram("realdocd", backend, binary, "serve", "--config", s.gw.Config); err != nil {
		t.Fatal(err)
	}
	if tally := burst.Run(t.Context()); tally.Failed > 0 {
		t.Errorf("after: %v", tally)
	}
}
