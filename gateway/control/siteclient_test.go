package control

import (
	"errors"
	"fmt"
	"net/http"
	"path"
	"regexp"
	"strings"
	"testing"
	"time"
)

// A daemon of another version reads these.
func TestClient_AsksAsItHasAlwaysAsked(t *testing.T) {
	var asked []string
	age := regexp.MustCompile(`age=[^&]+`)
	c := NewClient(serveOn(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, r.Method+" "+age.ReplaceAllString(r.URL.RequestURI(), "age=AGE"))
		answer := "{}"
		switch path.Base(r.URL.Path) {
		case "warm", "compile", "room", "forget":
			answer = "[]"
		}
		fmt.Fprintln(w, answer)
	})))
	at, ctx := SiteAddress{"a/b c", "/w&x/public"}, t.Context()
	for _, ask := range []func() error{
		func() error { _, err := c.Status(ctx); return err },
		func() error { _, err := c.View(ctx); return err },
		func() error { _, err := c.Pause(ctx, "a/b c", 0); return err },
		func() error { _, err := c.Pause(ctx, "www", 90*time.Second); return err },
		func() error { _, err := c.Resume(ctx, "www"); return err },
		func() error { _, err := c.Site(ctx, SiteAddress{Site: "shop"}); return err },
		func() error { _, err := c.Site(ctx, at); return err },
		func() error { _, err := c.Look(ctx, at, "flip"); return err },
		func() error { _, err := c.DrainRelease(ctx, at, "/r/1", 90*time.Second, PinsEnd); return err },
		func() error { _, err := c.Warm(ctx, at, "/r/1"); return err },
		func() error { _, err := c.Headroom(ctx, at, "/r/1"); return err },
		func() error { e, err := c.Enter(ctx, at, "php a.php", 7, time.Minute); e.Close(); return err },
		func() error { _, err := c.Compile(ctx, SiteAddress{Site: "shop"}, "/r/1"); return err },
		func() error { _, err := c.MakeRoom(ctx, SiteAddress{Site: "shop"}); return err },
		func() error { _, err := c.Forget(ctx, SiteAddress{Site: "shop"}, "/r/1"); return err },
	} {
		if err := ask(); err != nil {
			t.Error(err)
		}
	}
	want := `GET /v1/status
GET /v1/view
POST /v1/pools/a%2Fb%20c/pause
POST /v1/pools/www/pause?drain=1m30s
POST /v1/pools/www/resume
GET /v1/sites/shop
GET /v1/sites/a%2Fb%20c?docroot=%2Fw%26x%2Fpublic
POST /v1/sites/a%2Fb%20c/look?by=flip&docroot=%2Fw%26x%2Fpublic
POST /v1/sites/a%2Fb%20c/drain?docroot=%2Fw%26x%2Fpublic&release=%2Fr%2F1&timeout=1m30s
POST /v1/sites/a%2Fb%20c/warm?docroot=%2Fw%26x%2Fpublic&release=%2Fr%2F1
POST /v1/sites/a%2Fb%20c/headroom?docroot=%2Fw%26x%2Fpublic&release=%2Fr%2F1
POST /v1/sites/a%2Fb%20c/enter?age=AGE&command=php+a.php&docroot=%2Fw%26x%2Fpublic&pid=7
POST /v1/sites/shop/compile?release=%2Fr%2F1
POST /v1/sites/shop/room
POST /v1/sites/shop/forget?release=%2Fr%2F1`
	if got := strings.Join(asked, "\n"); got != want {
		t.Errorf("asked\n%s\nwant\n%s", got, want)
	}
}

func TestClient_GivesWhoKeepsAReleaseBusy(t *testing.T) {
	c := NewClient(serveOn(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusConflict)
		fmt.Fprint(w, `{"error":"it did not drain","inside":[{"kind":"worker","what":"/a.php","age_seconds":3,"pid":7}]}`)
	})))
	_, err := c.DrainRelease(t.Context(), SiteAddress{Site: "shop"}, "/r/1", time.Second, PinsEnd)
	var busy *BusyError
	if !errors.As(err, &busy) || err.Error() != "it did not drain" || len(busy.Inside) != 1 || busy.Inside[0] != (Occupant{Kind: "worker", What: "/a.php", Age: 3, PID: 7}) {
		t.Errorf("got %#v", err)
	}
}

func TestClient_EntersUntilItCloses(t *testing.T) {
	left := make(chan struct{})
	c := NewClient(serveOn(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintln(w, `{"release":"/r/1","name":"1","include_path":"."}`)
		fmt.Fprintln(w, `{"flipped":"/r/2"}`)
		http.NewResponseController(w).Flush()
		<-r.Context().Done()
		close(left)
	})))
	e, err := c.Enter(t.Context(), SiteAddress{Site: "shop"}, "php a.php", 7, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	if e.Release != "/r/1" || e.Name != "1" || e.IncludePath != "." {
		t.Errorf("got %+v", e)
	}
	if release, err := e.AwaitFlip(); err != nil || release != "/r/2" {
		t.Errorf("flipped to %q, %v", release, err)
	}
	ended := make(chan error)
	go func() {
		_, err := e.AwaitFlip()
		ended <- err
	}()
	e.Close()
	if err := <-ended; err == nil {
		t.Error("a closed entry tells of a flip")
	}
	<-left
}

func TestClient_DoesNotWaitForeverToEnter(t *testing.T) {
	end := make(chan struct{})
	socket := serveOn(t, http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-end }))
	defer close(end)
	_, err := NewClient(socket).Enter(t.Context(), SiteAddress{Site: "shop"}, "true", 7, 10*time.Millisecond)
	if want := "realdocd does not answer on " + socket + ": its log may say why"; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}
