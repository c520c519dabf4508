package matrix

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"strings"
	"testing"
	"time"

	"realdocd/test/stack"
)

// A page is what a visitor got.
type page struct {
	status int
	header http.Header
	body   string
}

// get asks for a page.
func (s *shop) get(t testing.TB, path string) page {
	t.Helper()
	return s.send(t, "GET", path, "")
}

// send sends a request with headers: name, value, name, value …
func (s *shop) send(t testing.TB, method, path, body string, headers ...string) page {
	t.Helper()
	request, err := http.NewRequest(method, s.web.URL(path), strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}
	resp, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatalf("%s %s: %s, %v after %d bytes", method, path, resp.Status, err, len(b))
	}
	return page{resp.StatusCode, resp.Header, string(b)}
}

// wantNoBody sends a request and fails the test unless the answer ends with its headers. It reads the bytes
// itself: Go's client does not show what comes behind the headers of such an answer.
func (s *shop) wantNoBody(t testing.TB, request string, headers ...string) {
	t.Helper()
	conn, err := s.web.Addr.Dial()
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(stack.Patience))
	lines := append([]string{request + " HTTP/1.1", "Host: " + string(s.web.Addr), "Connection: close"}, headers...)
	if _, err := io.WriteString(conn, strings.Join(lines, "\r\n")+"\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	answer, err := io.ReadAll(conn)
	if err != nil {
		t.Fatalf("%s: %v after %q", request, err, answer)
	}
	if head, body, whole := strings.Cut(string(answer), "\r\n\r\n"); !whole || body != "" {
		t.Errorf("%s: after the headers %q came the body %q", request, head, body)
	}
}

// observe asks for a page that looks at its release, and wants it whole.
func (s *shop) observe(t testing.TB, path string) *stack.Observation {
	t.Helper()
	o, err := stack.Observe(http.DefaultClient, s.web.URL(path))
	if err != nil {
		t.Fatal(err)
	}
	if v := o.Verdict(); v.Torn != "" || v.Unnamed != "" {
		t.Fatalf("%s: torn: %q; no release in: %q", path, v.Torn, v.Unnamed)
	}
	return o
}

// said is the answer of said.php.
type said struct {
	Server    map[string]any
	Get, Post map[string]any
	Files     map[string]uploaded
}

type uploaded struct{ Name, Hash string }

// said reads it.
func (p page) said(t testing.TB) said {
	t.Helper()
	if p.status != http.StatusOK {
		t.Fatalf("got %d: %.300s", p.status, p.body)
	}
	raw := map[string]json.RawMessage{}
	if err := json.Unmarshal([]byte(p.body), &raw); err != nil {
		t.Fatalf("%v in %.300s", err, p.body)
	}
	var s said
	for name, into := range map[string]any{"server": &s.Server, "get": &s.Get, "post": &s.Post, "files": &s.Files} {
		if string(raw[name]) == "[]" { // an empty array of PHP
			continue
		}
		if err := json.Unmarshal(raw[name], into); err != nil {
			t.Fatalf("%s: %v in %.300s", name, err, raw[name])
		}
	}
	return s
}

// want compares with $_SERVER.
func (s said) want(t testing.TB, want map[string]string) {
	t.Helper()
	for name, value := range want {
		if got := fmt.Sprint(s.Server[name]); got != value {
			t.Errorf("%s is %q, want %q", name, got, value)
		}
	}
}

// upload is a form with a file of this size.
func upload(t testing.TB, size int) (content []byte, body, kind string) {
	t.Helper()
	content = bytes.Repeat([]byte("0123456789abcdef\r\n--\x00\xff"), size/22+1)[:size]
	var b bytes.Buffer
	form := multipart.NewWriter(&b)
	if err := form.WriteField("title", "a photo"); err != nil {
		t.Fatal(err)
	}
	file, err := form.CreateFormFile("photo", "photo ü.jpg")
	if err == nil {
		_, err = file.Write(content)
	}
	if err == nil {
		err = form.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	return content, b.String(), form.FormDataContentType()
}
