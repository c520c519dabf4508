package e2e

import (
	"context"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"realdocd/test/stack"
)

// soon is how fast a worker is freed of a client that has gone.
const soon = 100 * time.Millisecond

func TestAClientThatLeavesFreesItsWorker(t *testing.T) {
	for _, c := range []struct {
		name  string
		until func(*testing.T, *stack.Client, *stack.FakeRequest) // what happens before it leaves
	}{
		{"while the script is silent", func(*testing.T, *stack.Client, *stack.FakeRequest) {}},
		{"after the first part of the response", func(t *testing.T, client *stack.Client, q *stack.FakeRequest) {
			if err := q.Stdout("Content-Type: text/plain\r\n\r\nthe beginning"); err != nil {
				t.Fatal(err)
			}
			if _, err := client.Read(make([]byte, 1)); err != nil {
				t.Fatal(err)
			}
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := openBench(t, nil, nil)
			client, q := s.get(t)
			c.until(t, client, q)
			left := time.Now()
			client.Close()
			if after := q.Gone().Sub(left); after > soon {
				t.Errorf("FPM's connection was closed %v after the client's", after)
			}
		})
	}
}

// A client that reads slowly, or not at all, and then leaves: FPM is blocked in a write and must get an error.
func TestAClientThatLeavesMidStreamFreesItsWorker(t *testing.T) {
	s := openBench(t, nil, nil)
	client, q := s.get(t)
	blocked := make(chan error, 1)
	go func() {
		text := "Content-Type: text/plain\r\n\r\n" + strings.Repeat("x", 1<<20)
		for {
			if err := q.Stdout(text); err != nil {
				blocked <- err
				return
			}
		}
	}()
	if _, err := client.Read(make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	left := time.Now()
	client.Close()
	err := <-blocked
	if timeout, is := err.(net.Error); is && timeout.Timeout() {
		t.Fatalf("FPM went on writing: %v", err)
	}
	if after := time.Since(left); after > soon {
		t.Errorf("FPM could write for %v after the client had gone", after)
	}
}

func TestABrowserThatLeavesFreesItsWorkerBehindNginx(t *testing.T) {
	s := openBench(t, nil, nil)
	stack.Need(t, "nginx")
	web := s.Nginx(stack.NginxConfig{Servers: []stack.NginxServer{{Root: s.site.DocRoot(), Backend: s.gw.Addr}}})
	ctx, leave := context.WithCancel(context.Background())
	request, err := http.NewRequestWithContext(ctx, "GET", web.URL(0, "/index.php"), nil)
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() {
		_, err := http.DefaultClient.Do(request)
		done <- err
	}()
	q := s.fpm.Next()
	left := time.Now()
	leave()
	if after := q.Gone().Sub(left); after > 5*soon { // nginx takes its part of it
		t.Errorf("FPM's connection was closed %v after the browser's", after)
	}
	if err := <-done; err == nil {
		t.Error("the browser got an answer")
	}
}
