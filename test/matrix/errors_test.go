package matrix

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"realdocd/test/stack"
)

func checkErrorsOfPHP(t testing.TB, s *shop) {
	for _, status := range []int{403, 404, 500, 503} {
		page := s.get(t, fmt.Sprintf("/fails.php?status=%d", status))
		if want := fmt.Sprintf("the page of error %d", status); page.status != status || page.body != want || page.header.Get("X-Error") != "own" {
			t.Errorf("got %d %q, want %d %q", page.status, page.body, status, want)
		}
	}
	for range 3 { // what PHP says on STDERR harms no answer; realdocd's log has it
		mark := s.gw.Log.Mark()
		if page := s.get(t, "/speaks.php"); page.status != 200 || page.body != "done" {
			t.Errorf("of a page that speaks on STDERR: %d %q", page.status, page.body)
		}
		if _, err := s.gw.WaitEvent(mark, 10*time.Second, func(e stack.Event) bool { return strings.Contains(e.String("stderr"), "spoken 0") }); err != nil {
			t.Error(err)
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
	if page := s.get(t, "/said.php"); page.status != 404 || !isOwn(page.body, "404 Not Found") {
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
	if page.status != 503 || !isOwn(page.body, "503 Service Unavailable") || page.header.Get("Retry-After") == "" {
		t.Errorf("for a full queue: %d %q, Retry-After %q", page.status, page.body, page.header.Get("Retry-After"))
	}
	s.Command(s.gw, 0, "resume", "www")
	s.get(t, "/said.php").said(t)
}

// isOwn says whether an answer is realdocd's own, whole: what it is, and which request it is for.
func isOwn(body, status string) bool {
	return regexp.MustCompile("^" + status + "\nrequest id \\S+\n$").MatchString(body)
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
	var body []byte
	if err == nil { // it is not broken before the first byte
		defer resp.Body.Close()
		body, err = io.ReadAll(resp.Body)
	}
	if timeout := net.Error(nil); errors.As(err, &timeout) && timeout.Timeout() {
		t.Fatalf("the visitor waits for ever: %v", err)
	}
	if err == nil && resp.StatusCode < 500 {
		t.Errorf("the visitor took %s with %q for the whole answer", resp.Status, body)
	}
}
