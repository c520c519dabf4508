package matrix

import (
	"crypto/sha256"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
)

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
	page := s.get(t, "/said.php/a/b.php/c?x=1").said(t)
	page.want(t, map[string]string{
		"PATH_INFO": "/a/b.php/c", "SCRIPT_NAME": "/said.php", "REQUEST_URI": "/said.php/a/b.php/c?x=1", "QUERY_STRING": "x=1",
	})
	if file := fmt.Sprint(page.Server["SCRIPT_FILENAME"]); !strings.HasSuffix(file, s.site.Release(1)+"/public/said.php") {
		t.Errorf("SCRIPT_FILENAME is %s", file)
	}
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
	if page.status != 200 || page.header.Get("X-Method") != "HEAD" {
		t.Errorf("got %d, X-Method %q", page.status, page.header.Get("X-Method"))
	}
	s.wantNoBody(t, "HEAD /said.php")
	s.get(t, "/said.php").said(t) // and what follows is whole
}

func checkNotModified(t testing.TB, s *shop) {
	if page := s.get(t, "/fresh.php"); page.body != "fresh" || page.header.Get("ETag") != `"v1"` {
		t.Errorf("got %q, ETag %q", page.body, page.header.Get("ETag"))
	}
	page := s.send(t, "GET", "/fresh.php", "", "If-None-Match", `"v1"`)
	if page.status != 304 || page.header.Get("ETag") != `"v1"` {
		t.Errorf("got %d, ETag %q", page.status, page.header.Get("ETag"))
	}
	s.wantNoBody(t, "GET /fresh.php", `If-None-Match: "v1"`)
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
