package control

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// serveOn serves a handler on a unix socket, as the daemon does.
func serveOn(t *testing.T, api http.Handler) (socket string) {
	t.Helper()
	socket = filepath.Join(t.TempDir(), "control.sock")
	ln, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	srv := &http.Server{Handler: api}
	go srv.Serve(ln)
	t.Cleanup(func() { srv.Close() })
	return socket
}

func TestClient_AsksAndGetsAnswers(t *testing.T) {
	f, api := newTestHandler()
	c, ctx := NewClient(serveOn(t, api)), t.Context()
	if st, err := c.Status(ctx); err != nil || st.PID != 42 || len(st.Pools) != 2 {
		t.Errorf("status %+v: %v", st, err)
	}
	for _, pool := range []string{"www", "a/b c"} {
		if p, err := c.Pause(ctx, pool, 0); err != nil || p.Name != pool || !p.Paused {
			t.Errorf("pause %s: %+v, %v", pool, p, err)
		}
		if p, err := c.Resume(ctx, pool); err != nil || p.Name != pool || p.Paused {
			t.Errorf("resume %s: %+v, %v", pool, p, err)
		}
	}
	f.finish()
	if p, err := c.Pause(ctx, "www", time.Hour); err != nil || !p.Paused || p.Running != 0 {
		t.Errorf("drain: %+v, %v", p, err)
	}
}

func TestClient_GivesTheTextOfARefusal(t *testing.T) {
	_, api := newTestHandler()
	c := NewClient(serveOn(t, api))
	_, err := c.Pause(t.Context(), "ww", 0)
	if want := `there is no pool "ww"; did you mean "www"?`; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
	_, err = c.Pause(t.Context(), "www", 10*time.Millisecond)
	if err == nil || !strings.HasPrefix(err.Error(), `pool "www" did not drain within 10ms and was resumed`) {
		t.Errorf("got %v", err)
	}
}

// Somebody at a terminal who stops waiting must not leave a paused pool behind.
func TestClient_ThatLeavesADrainResumesThePool(t *testing.T) {
	f := newFakePools()
	undone := make(chan struct{})
	c := NewClient(serveOn(t, NewHandler(drainWatch{f, undone}, http.NotFoundHandler(), http.NotFoundHandler())))
	ctx, leave := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		_, err := c.Pause(ctx, "www", time.Hour)
		ended <- err
	}()
	<-f.draining
	f.wantPaused(t, "www", true)
	leave()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	<-undone
	f.wantPaused(t, "www", false)
}

// drainWatch tells of the end of a drain.
type drainWatch struct {
	*fakePools
	ended chan struct{}
}

func (d drainWatch) Drain(ctx context.Context, pool string) error {
	defer close(d.ended)
	return d.fakePools.Drain(ctx, pool)
}

func TestClient_SaysWhatToDoWhenItReachesNobody(t *testing.T) {
	dir := t.TempDir()
	stale := filepath.Join(dir, "stale.sock")
	ln, err := net.ListenUnix("unix", &net.UnixAddr{Name: stale})
	if err != nil {
		t.Fatal(err)
	}
	ln.SetUnlinkOnClose(false)
	ln.Close()
	web := serveOn(t, http.NotFoundHandler())
	for socket, want := range map[string]string{
		dir + "/none.sock": "realdocd does not run, or its control socket is elsewhere: dial unix " + dir + "/none.sock: connect: no such file or directory",
		stale:              "realdocd does not run, or its control socket is elsewhere: dial unix " + stale + ": connect: connection refused",
		web:                "what listens on " + web + " is not realdocd: it answers 404 Not Found to /v1/status",
	} {
		if _, err := NewClient(socket).Status(t.Context()); err == nil || err.Error() != want {
			t.Errorf("got\n\t%v\nwant\n\t%s", err, want)
		}
	}
}

func TestClient_NamesTheGroupOfASocketThatIsClosedToIt(t *testing.T) {
	_, api := newTestHandler()
	socket := serveOn(t, api)
	c := NewClient(socket)
	// Root may connect everywhere, so the refusal is made by hand.
	err := c.explain(&net.OpError{Op: "dial", Err: os.ErrPermission})
	if !strings.HasPrefix(err.Error(), "the control socket is for its owner and the group ") || !strings.HasSuffix(err.Error(), "permission denied") {
		t.Errorf("got %v", err)
	}
}

func TestClient_DoesNotWaitForever(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	end := make(chan struct{})
	socket := serveOn(t, http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-end }))
	defer close(end)
	_, err := NewClient(socket).Status(ctx)
	if want := "realdocd does not answer on " + socket + ": its log may say why"; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

// What listens may be somebody else, who has all the time and all the bytes.
func TestClient_ReadsNoAnswerWithoutEnd(t *testing.T) {
	for _, row := range []struct {
		name   string
		status int
		answer string
		want   string // "" is a good answer
	}{
		{"as long as the bound", http.StatusOK, `{"version":"` + strings.Repeat("a", 986) + `"}`, ""},
		{"an answer", http.StatusOK, `{"version":"` + strings.Repeat("a", 987) + `"}`, "longer than any of realdocd's"},
		{"an answer of spaces", http.StatusOK, strings.Repeat(" ", 2000) + `{}`, "longer than any of realdocd's"},
		{"a refusal", http.StatusConflict, `{"error":"` + strings.Repeat("a", 2000) + `"}`, "is not realdocd: it answers 409 Conflict"},
	} {
		t.Run(row.name, func(t *testing.T) {
			c := NewClient(serveOn(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(row.status)
				fmt.Fprint(w, row.answer)
			})))
			if c.most != maxAnswer {
				t.Errorf("it reads %d bytes of an answer, want %d", c.most, maxAnswer)
			}
			c.most = 1000
			_, err := c.Status(t.Context())
			if row.want == "" && err != nil || row.want != "" && (err == nil || !strings.Contains(err.Error(), row.want)) {
				t.Errorf("got %v, want %q", err, row.want)
			}
		})
	}
}

// A trial may go on for days, and tells of itself every second.
func TestClient_ReadsAnAnswerThatGoesOnForAsLongAsItsPartsAreShort(t *testing.T) {
	const parts = 200
	c := NewClient(serveOn(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		for i := range parts {
			if i == parts-1 {
				fmt.Fprintln(w, `{"ended":"good"}`)
			} else {
				fmt.Fprintf(w, `{"why":%q}`+"\n", strings.Repeat("a", 500))
			}
			http.NewResponseController(w).Flush()
		}
	})))
	c.most = 10_000 // more than is read ahead
	told := 0
	st, leave, err := c.Try(t.Context(), SiteAddress{Site: "shop"}, Plan{Kind: KindCanary}, func(TrialStatus) { told++ })
	leave()
	if err != nil || st.Ended != "good" || told != parts {
		t.Errorf("%+v, %v, and it was told %d times", st, err, told)
	}
}

// A process that hands over may end while it answers; the other one answers then.
func TestClient_AsksAgainWhatDoesNoHarmTwice(t *testing.T) {
	shop := SiteAddress{Site: "shop"}
	for name, row := range map[string]struct {
		ask   func(context.Context, *Client) error
		asked int32
	}{
		"status":   {func(ctx context.Context, c *Client) error { _, err := c.Status(ctx); return err }, 2},
		"headroom": {func(ctx context.Context, c *Client) error { _, err := c.Headroom(ctx, shop, "/r/2"); return err }, 2},
		"look":     {func(ctx context.Context, c *Client) error { _, err := c.Look(ctx, shop, "flip"); return err }, 2},
		"pause":    {func(ctx context.Context, c *Client) error { _, err := c.Pause(ctx, "www", 0); return err }, 1},
	} {
		for _, begun := range []bool{false, true} {
			var asked atomic.Int32
			c := NewClient(serveOn(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				if asked.Add(1) > 1 {
					fmt.Fprint(w, "{}")
					return
				}
				if begun {
					fmt.Fprint(w, "{")
					http.NewResponseController(w).Flush()
				}
				conn, _, err := http.NewResponseController(w).Hijack()
				if err != nil {
					t.Error(err)
					return
				}
				conn.Close()
			})))
			if err := row.ask(t.Context(), c); (err == nil) != (row.asked == 2) || asked.Load() != row.asked {
				t.Errorf("%s, answer begun %v: %v, after it was asked %d times", name, begun, err, asked.Load())
			}
		}
	}
}
