package e2e

import (
	"errors"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"realdocd/test/stack"
)

// wantOwnError fails the test unless the reply is a complete error of realdocd's own, without secrets.
func wantOwnError(t *testing.T, reply *stack.Reply, secret string, statuses ...int) {
	t.Helper()
	right := false
	for _, status := range statuses {
		right = right || reply.Status == status
	}
	if !right || !reply.Ended || len(reply.Body) == 0 {
		t.Errorf("got status %d, complete %v, body %q; want a complete answer with one of %v", reply.Status, reply.Ended, reply.Body, statuses)
	}
	if strings.Contains(string(reply.Body), secret) {
		t.Errorf("the answer tells a path of the server: %s", reply.Body)
	}
}

func TestAnFPMThatIsNotThereIsA502(t *testing.T) {
	for name, leave := range map[string]func(*stack.FakeFPM){
		"its socket refuses": (*stack.FakeFPM).Refuse,
		"its socket is gone": (*stack.FakeFPM).Close,
	} {
		t.Run(name, func(t *testing.T) {
			s := openBench(t, nil, nil)
			leave(s.fpm)
			wantOwnError(t, s.Ask(s.gw.Addr, nil, s.params("GET", "/index.php")...), s.Dir, 502)
			wantOwnError(t, s.Ask(s.gw.Addr, []byte("body"), s.params("POST", "/index.php", "CONTENT_LENGTH", "4")...), s.Dir, 502)
		})
	}
}

func TestAnFPMThatComesBackIsUsedAgain(t *testing.T) {
	s := openShop(t)
	s.observe(t)
	if err := s.fpm.Stop(); err != nil {
		t.Fatal(err)
	}
	resp, err := http.Get(s.web.URL(0, "/index.php"))
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != 502 && resp.StatusCode != 503 {
		t.Errorf("without FPM: %s", resp.Status)
	}
	s.StartAgain(s.fpm)
	s.observe(t)
}

// Only END_REQUEST is an end: FPM closes the same way when a worker is killed.
func TestAResponseWithoutAnEndIsNotAResponse(t *testing.T) {
	headers := "Content-Type: text/plain\r\n\r\n"
	for _, c := range []struct {
		name, said string
		complete   bool // realdocd can still answer for itself
	}{
		{"before any byte", "", true},
		{"inside the headers", "Content-Type: te", false},
		{"after the headers", headers, false},
		{"inside the body", headers + "the beginning", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := openBench(t, nil, nil)
			client, q := s.get(t)
			if c.said != "" {
				if err := q.Stdout(c.said); err != nil {
					t.Fatal(err)
				}
			}
			q.Close()
			reply, err := client.Reply()
			if errors.Is(err, os.ErrDeadlineExceeded) {
				t.Fatalf("the response does not end: %v", err)
			}
			if c.complete {
				wantOwnError(t, reply, s.Dir, 502)
			} else if reply.Ended && reply.Status < 500 {
				t.Errorf("a broken response became whole: %d %q (%v)", reply.Status, reply.Body, err)
			}
		})
	}
}

func TestAKilledWorkerBreaksTheResponse(t *testing.T) {
	s := openShop(t, "fastcgi_buffering off;")
	resp, err := http.Get(s.web.URL(0, "/hang.php"))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	beginning := make([]byte, len("the beginning"))
	if _, err := io.ReadFull(resp.Body, beginning); err != nil {
		t.Fatal(err)
	}
	pid, err := strconv.Atoi(resp.Header.Get("X-Pid"))
	if err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	if rest, err := io.ReadAll(resp.Body); err == nil {
		t.Errorf("the browser took %s with %q for the whole answer", resp.Status, string(beginning)+string(rest))
	}
	s.observe(t) // and the next request is served
}
