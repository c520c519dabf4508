package control

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"realdocd/test/stack"
)

// fakeCommands are one process of a daemon that commands enter. A look at the link
// gives what is in flips, and hangs otherwise.
type fakeCommands struct {
	Daemon // nothing else is asked

	flips   chan string
	entered chan string // the release that was asked for, and the command
	left    chan struct{}
}

func newFakeCommands() *fakeCommands {
	return &fakeCommands{flips: make(chan string), entered: make(chan string, 1), left: make(chan struct{}, 1)}
}

func (f *fakeCommands) Enter(name, docroot, release string, c Command) (Stay, error) {
	age := "new"
	if time.Since(c.Began) > time.Hour {
		age = "old"
	}
	f.entered <- strings.Join([]string{name, docroot, release, c.Text, age}, "|")
	return f, nil
}

func (f *fakeCommands) Env() CommandEnv { return v1Cases["enter"].(CommandEnv) }
func (f *fakeCommands) Leave()          { f.left <- struct{}{} }

func (f *fakeCommands) AwaitFlip(ctx context.Context) string {
	select {
	case live := <-f.flips:
		return live
	case <-ctx.Done():
		return ""
	}
}

// switched is the handler of the process that has the socket.
type switched struct{ atomic.Pointer[Handler] }

func (s *switched) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.Load().ServeHTTP(w, r) }

func (f *fakeCommands) wantEntered(t *testing.T, want string) {
	t.Helper()
	if got := stack.Receive(t, f.entered, "a command enters"); got != want {
		t.Errorf("entered %q, want %q", got, want)
	}
}

func TestEntry_IsInsideUntilItCloses(t *testing.T) {
	f := newFakeCommands()
	c := NewClient(serveOn(t, NewHandler(f, http.NotFoundHandler(), http.NotFoundHandler())))
	e, err := c.Enter(t.Context(), SiteAddress{"shop", "/d"}, "php a.php", 7, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	f.wantEntered(t, "shop|/d||php a.php|new")
	if e.CommandEnv != f.Env() {
		t.Errorf("got %+v", e.CommandEnv)
	}
	for _, want := range []string{"/r/43", "/r/44"} {
		f.flips <- want
		if live, err := e.AwaitFlip(); err != nil || live != want {
			t.Errorf("live is %s (%v), want %s", live, err, want)
		}
	}
	e.Close()
	stack.Receive(t, f.left, "the command leaves")
	if _, err := e.AwaitFlip(); !errors.Is(err, context.Canceled) {
		t.Errorf("after Close: %v", err)
	}
}

// A look at the link hangs meanwhile: fakeCommands gives none.
func TestEntry_EntersTheNextProcessBeforeItLeaves(t *testing.T) {
	before, after := newFakeCommands(), newFakeCommands()
	var daemon switched
	first := NewHandler(before, http.NotFoundHandler(), http.NotFoundHandler())
	daemon.Store(first)
	e, err := NewClient(serveOn(t, &daemon)).Enter(t.Context(), SiteAddress{Site: "shop"}, "php a.php", 7, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	before.wantEntered(t, "shop|||php a.php|new")
	e.since = e.since.Add(-2 * time.Hour) // as if it ran for long
	daemon.Store(NewHandler(after, http.NotFoundHandler(), http.NotFoundHandler()))
	first.Move()
	after.wantEntered(t, "shop||"+before.Env().Release+"|php a.php|old")
	stack.Receive(t, before.left, "the command leaves the process before")
	after.flips <- "/r/43"
	if live, err := e.AwaitFlip(); err != nil || live != "/r/43" {
		t.Errorf("live is %s (%v)", live, err)
	}
	e.Close()
	stack.Receive(t, after.left, "the command leaves")
}

func TestClient_AsksTheNextProcessWhenADrainMoves(t *testing.T) {
	before, after := newFakePools(), newFakePools()
	var daemon switched
	first := NewHandler(before, http.NotFoundHandler(), http.NotFoundHandler())
	daemon.Store(first)
	c := NewClient(serveOn(t, &daemon))
	ended := make(chan error, 1)
	go func() {
		_, err := c.Pause(t.Context(), "www", time.Hour)
		ended <- err
	}()
	<-before.draining
	daemon.Store(NewHandler(after, http.NotFoundHandler(), http.NotFoundHandler()))
	first.Move()
	before.wantPaused(t, "www", false) // Move has waited for that
	after.finish()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	after.wantPaused(t, "www", true)
}

func TestHandler_LetsNothingWaitFromMoveToMoveBack(t *testing.T) {
	f, api := newTestHandler()
	f.finish()
	for _, moved := range []bool{false, true, false} {
		if moved {
			api.Move()
		} else {
			api.MoveBack()
		}
		w := control(api, "POST", "/v1/pools/www/pause", "")
		if got := w.Code == http.StatusServiceUnavailable && strings.Contains(w.Body.String(), `"moved":true`); got != moved {
			t.Errorf("moved is %v: got %d %s", moved, w.Code, w.Body)
		}
	}
}
