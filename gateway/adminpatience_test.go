package gateway

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"
)

// hurried serves an adminSocket that waits for its clients for a moment only.
func hurried(t *testing.T, b *bench, who access, answers http.HandlerFunc) (socket string) {
	t.Helper()
	socket = t.TempDir() + "/admin"
	e, err := openAdmin(socket, nil, who, answers)
	if err != nil {
		t.Fatal(err)
	}
	if e.patience != adminReadTimeout {
		t.Errorf("a client may take %v for its request, want %v", e.patience, adminReadTimeout)
	}
	e.patience = shortTimeout
	e.serve(b.newServer())
	t.Cleanup(e.close)
	return socket
}

// A client that never comes to an end would keep its connection, of which there are not
// many, from those who have something to ask.
func TestAdminSocket_DropsAClientThatDoesNotFinish(t *testing.T) {
	const (
		header = "GET / HTTP/1.1\r\nHost: realdocd\r\nX-Never-Ends: "
		body   = "POST / HTTP/1.1\r\nHost: realdocd\r\nContent-Length: 100000\r\n\r\n"
		whole  = "GET / HTTP/1.1\r\nHost: realdocd\r\n\r\n"
	)
	control, other := access{key: "control"}, access{}
	reads := func(_ http.ResponseWriter, r *http.Request) { io.Copy(io.Discard, r.Body) }
	ignores := func(http.ResponseWriter, *http.Request) {}
	for _, row := range []struct {
		name    string
		who     access
		answers http.HandlerFunc
		sends   string
		goesOn  string // a byte now and then
	}{
		{"control, in the header", control, ignores, header, "a"},
		{"control, in a body that is read", control, reads, body, "a"},
		{"control, in a body that is refused", control, ignores, body, "a"},
		{"control, silent before the request", control, ignores, "", ""},
		{"control, silent after an answer", control, ignores, whole, ""},
		{"metrics or page, in the header", other, ignores, header, "a"},
		{"metrics or page, in a body", other, reads, body, "a"},
		{"metrics or page, silent after an answer", other, ignores, whole, ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			conn, err := net.Dial("unix", hurried(t, newBench(t), row.who, row.answers))
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			io.WriteString(conn, row.sends)
			go func() {
				for row.goesOn != "" && err == nil {
					time.Sleep(shortTimeout / 10) // it is slow
					_, err = io.WriteString(conn, row.goesOn)
				}
			}()
			conn.SetReadDeadline(time.Now().Add(patience))
			if _, err := io.Copy(io.Discard, conn); errors.Is(err, os.ErrDeadlineExceeded) {
				t.Errorf("after %v it is still connected", patience)
			}
		})
	}
}

func TestControlSocket_BoundsARequestAndNotTheWaitForItsAnswer(t *testing.T) {
	b := newBench(t)
	socket := hurried(t, b, access{key: "control"}, func(w http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		select {
		case <-time.After(3 * shortTimeout): // a drain takes its time
			io.WriteString(w, "drained")
		case <-r.Context().Done():
		}
	})
	client := http.Client{Timeout: patience, Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", socket)
	}}}
	defer client.CloseIdleConnections()
	for range 2 {
		answer, err := client.Post("http://realdocd/", "", strings.NewReader("{}"))
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(answer.Body)
		answer.Body.Close()
		if string(text) != "drained" || err != nil {
			t.Errorf("the answer is %q, %v", text, err)
		}
	}
}
