package e2e

import (
	"bufio"
	"context"
	"fmt"
	"net/http"
	"net/url"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"realdocd/gateway/control"
	"realdocd/test/stack"
)

func TestNoMoreThanMaxConnsAreInFPM(t *testing.T) {
	s := openShopWith(t, settings{pool: stack.Keys{"max_conns": 2}})
	path := "/busy.php?in=" + url.QueryEscape(marksDir(t, s.Stack))
	var visitors []<-chan answer
	for range 40 {
		visitors = append(visitors, s.visit(path))
	}
	most := 0
	for _, visitor := range visitors {
		n, err := strconv.Atoi(wantServed(t, <-visitor).body)
		if err != nil {
			t.Fatal(err)
		}
		most = max(most, n)
	}
	if most != 2 {
		t.Errorf("%d requests were in FPM at once, want 2", most)
	}
}

func TestWhoFindsTheQueueFullIsRefusedAtOnce(t *testing.T) {
	s := openShopWith(t, settings{pool: stack.Keys{"max_conns": 1, "queue": 1}})
	g := newGate(s.Stack)
	runs := s.visit(g.path())
	s.holding(t, 1, 0)
	waits := s.visit("/who.php")
	s.holding(t, 1, 1)
	for range 3 {
		a := <-s.visit("/who.php")
		wantRefused(t, a)
		if a.took > promptly {
			t.Errorf("refused after %v", a.took)
		}
	}
	g.open(t)
	wantServed(t, <-runs)
	wantServed(t, <-waits)
}

func TestWhoWaitsForTooLongIsRefused(t *testing.T) {
	const timeout = 300 * time.Millisecond
	s := openShopWith(t, settings{pool: stack.Keys{"max_conns": 1, "queue_timeout": timeout.String()}})
	g := newGate(s.Stack)
	runs := s.visit(g.path())
	s.holding(t, 1, 0)
	a := <-s.visit("/who.php")
	wantRefused(t, a)
	if a.took < timeout || a.took > timeout+promptly {
		t.Errorf("refused after %v, queue_timeout is %v", a.took, timeout)
	}
	g.open(t)
	wantServed(t, <-runs)
}

// FPM's own backlog has no such thing: a request in it runs, whether anybody waits for it or not.
func TestAVisitorWhoLeavesTheQueueNeverReachesFPM(t *testing.T) {
	s := openShopWith(t, settings{pool: stack.Keys{"max_conns": 1, "queue_timeout": "60s"}}) // longer than the test waits
	mark := filepath.Join(marksDir(t, s.Stack), "ran")
	path := "/mark.php?mark=" + url.QueryEscape(mark)
	g := newGate(s.Stack)
	runs := s.visit(g.path())
	s.holding(t, 1, 0)
	ctx, leave := context.WithCancel(t.Context())
	left := s.visitUntil(ctx, path)
	s.holding(t, 1, 1)
	behind := s.visit("/who.php")
	s.holding(t, 1, 2)
	leave()
	<-left
	s.holding(t, 1, 1)
	g.open(t)
	wantServed(t, <-runs)
	wantServed(t, <-behind)
	if marked(mark) {
		t.Error("the request of a visitor who had left was run")
	}
	if s.get(t, path); !marked(mark) {
		t.Error("the script leaves no mark: its absence proves nothing")
	}
}

func TestASlowUploadHoldsNoPlace(t *testing.T) {
	s := openShopWith(t, settings{pool: stack.Keys{"max_conns": 1, "queue": 0}, nginx: []string{"fastcgi_request_buffering off;"}})
	const half = 100_000
	conn, err := s.web.Addrs[0].Dial()
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(10 * time.Second))
	send := func(text string) {
		t.Helper()
		if _, err := conn.Write([]byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	send(fmt.Sprintf("POST /count.php HTTP/1.1\r\nHost: shop\r\nContent-Length: %d\r\n\r\n", 2*half))
	send(strings.Repeat("x", half))
	status(t, s.gw, func(st control.Status) bool { return st.Connections == 1 })
	s.holding(t, 0, 0)
	s.get(t, "/who.php")
	send(strings.Repeat("x", half))
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		t.Errorf("the upload got %s", resp.Status)
	}
}

// With nothing set, as many requests are in FPM as it can run, the others wait here, and connections are kept.
func TestWithoutSettingsRequestsWaitHereAndConnectionsAreKept(t *testing.T) {
	for _, pm := range []string{"static", "dynamic", "ondemand"} {
		t.Run(pm, func(t *testing.T) {
			s := openShopWith(t, settings{fpm: stack.FPMConfig{MaxChildren: 4, PM: pm}})
			s.pool(t, func(p control.PoolStatus) bool { return p.MaxConns == 4 && p.MaxConnsAuto })
			load := stack.Load{URLs: []string{s.web.URL(0, "/index.php")}, Clients: 20, Requests: 600}
			done := make(chan *stack.Tally, 1)
			go func() { done <- load.Run(t.Context()) }()
			s.pool(t, func(p control.PoolStatus) bool { return p.Waiting > 0 && p.Running == 4 })
			if tally := stack.Receive(t, done, "the end of the load"); tally.Failed > 0 {
				t.Errorf("%v", tally)
			}
			server := s.settled(t)
			if pm != "dynamic" && server.Reused < server.Opened {
				t.Errorf("most requests went over new connections: %+v", server)
			}
		})
	}
}
