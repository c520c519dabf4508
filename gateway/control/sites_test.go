package control

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"realdocd/deploy"
)

// fakeSites are a daemon that says what is in testdata/v1, or fails with err.
type fakeSites struct {
	Daemon // nothing else is asked

	err   error
	left  []Occupant
	asked []string
}

func (f *fakeSites) ask(what ...string) error {
	f.asked = append(f.asked, strings.Join(what, " "))
	return f.err
}

func (f *fakeSites) View() View { return v1Cases["view"].(View) }

func (f *fakeSites) Configuration() Configuration { return v1Cases["config"].(Configuration) }

func (f *fakeSites) Site(name, docroot string) (SiteDetail, error) {
	return v1Cases["site"].(SiteDetail), f.ask("site", name, docroot)
}

func (f *fakeSites) Look(name, docroot, by string) (SiteDetail, error) {
	return v1Cases["site"].(SiteDetail), f.ask("look", name, docroot, by)
}

func (f *fakeSites) DrainRelease(ctx context.Context, name, docroot, release string, pins Pins) ([]Occupant, error) {
	if limit, ok := ctx.Deadline(); !ok || time.Until(limit) > time.Hour {
		return nil, fmt.Errorf("the drain ends at %v", limit)
	}
	return f.left, f.ask("drain", name, docroot, release)
}

func (f *fakeSites) Warm(_ context.Context, name, docroot, release string) ([]WarmResult, error) {
	return v1Cases["warm"].([]WarmResult), f.ask("warm", name, docroot, release)
}

func (f *fakeSites) Headroom(_ context.Context, name, docroot, release string) (Headroom, error) {
	return v1Cases["headroom"].(Headroom), f.ask("headroom", name, docroot, release)
}

func (f *fakeSites) Compile(_ context.Context, name, docroot, release string) ([]CompiledResult, error) {
	return v1Cases["compiled"].([]CompiledResult), f.ask("compile", name, docroot, release)
}

func (f *fakeSites) MakeRoom(_ context.Context, name, docroot string) ([]RoomResult, error) {
	return v1Cases["room"].([]RoomResult), f.ask("room", name, docroot)
}

func (f *fakeSites) Forget(_ context.Context, name, docroot, release string) ([]ForgottenResult, error) {
	return v1Cases["forgotten"].([]ForgottenResult), f.ask("forget", name, docroot, release)
}

func TestClient_GetsWhatTheDaemonSays(t *testing.T) {
	at, ctx := SiteAddress{"a/b c", "/w&x/public"}, t.Context()
	for _, tt := range []struct {
		says, asked string
		ask         func(*Client) (any, error)
	}{
		{"view", "", func(c *Client) (any, error) { return c.View(ctx) }},
		{"site", "site shop ", func(c *Client) (any, error) { return c.Site(ctx, SiteAddress{Site: "shop"}) }},
		{"site", "site a/b c /w&x/public", func(c *Client) (any, error) { return c.Site(ctx, at) }},
		{"site", "look a/b c /w&x/public flip", func(c *Client) (any, error) { return c.Look(ctx, at, "flip") }},
		{"site", "drain a/b c /w&x/public /r/1, site a/b c /w&x/public", func(c *Client) (any, error) { return c.DrainRelease(ctx, at, "/r/1", time.Hour, PinsEnd) }},
		{"warm", "warm a/b c /w&x/public /r/1", func(c *Client) (any, error) { return c.Warm(ctx, at, "/r/1") }},
		{"headroom", "headroom a/b c /w&x/public /r/1", func(c *Client) (any, error) { return c.Headroom(ctx, at, "/r/1") }},
		{"compiled", "compile a/b c /w&x/public /r/1", func(c *Client) (any, error) { return c.Compile(ctx, at, "/r/1") }},
		{"room", "room a/b c /w&x/public", func(c *Client) (any, error) { return c.MakeRoom(ctx, at) }},
		{"forgotten", "forget a/b c /w&x/public /r/1", func(c *Client) (any, error) { return c.Forget(ctx, at, "/r/1") }},
	} {
		f := &fakeSites{}
		got, err := tt.ask(NewClient(serveOn(t, NewHandler(f, http.NotFoundHandler()))))
		if diff := cmp.Diff(v1Cases[tt.says], got); err != nil || diff != "" {
			t.Errorf("%s: %v (-said +got):\n%s", tt.asked, err, diff)
		}
		if asked := strings.Join(f.asked, ", "); asked != tt.asked {
			t.Errorf("the daemon was asked %q, want %q", asked, tt.asked)
		}
	}
}

func TestHandler_GivesAnErrorOfTheDaemonAStatus(t *testing.T) {
	for _, tt := range []struct {
		err    error
		status int
		want   string
	}{
		{fmt.Errorf("%w: \"shop\"", ErrNoSite), 404, `there is no such site: "shop"`},
		{fmt.Errorf("drain /r/1: %w", deploy.ErrLive), 409, deploy.ErrLive.Error() + ": flip to another first"},
		{errors.New("the link is gone"), 409, "the link is gone"},
	} {
		api := NewHandler(&fakeSites{err: tt.err}, http.NotFoundHandler())
		for _, path := range []string{"look", "drain?release=/r/1&timeout=1s", "warm?release=/r/1", "headroom?release=/r/1", "compile?release=/r/1", "room", "forget?release=/r/1"} {
			w := control(api, "POST", "/v1/sites/shop/"+path, "")
			if text := strings.ReplaceAll(w.Body.String(), `\"`, `"`); w.Code != tt.status || !strings.Contains(text, tt.want) {
				t.Errorf("%s: got %d %s, want %d %s", path, w.Code, text, tt.status, tt.want)
			}
		}
	}
}

func TestClient_HearsWhoKeepsAReleaseBusy(t *testing.T) {
	f := &fakeSites{err: context.DeadlineExceeded, left: v1Inside}
	_, err := NewClient(serveOn(t, NewHandler(f, http.NotFoundHandler()))).DrainRelease(t.Context(), SiteAddress{Site: "shop"}, "/r/1", time.Second, PinsEnd)
	var busy *BusyError
	if !errors.As(err, &busy) || err.Error() != "release /r/1 did not drain within 1s" || !slices.Equal(busy.Inside, v1Inside) {
		t.Errorf("got %#v", err)
	}
}
