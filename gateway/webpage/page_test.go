package webpage

import (
	"fmt"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"realdocd/gateway/control"
)

// A fakeSource is a daemon with sites whose counters the test sets.
type fakeSource struct {
	mu     sync.Mutex
	now    Snapshot
	detail map[string]control.SiteDetail
}

func (f *fakeSource) Snapshot() Snapshot {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.now
}

func (f *fakeSource) Site(name, docroot string) (control.SiteDetail, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	d, ok := f.detail[name]
	if !ok {
		return d, fmt.Errorf("%w: %q", control.ErrNoSite, name)
	}
	return d, nil
}

func (f *fakeSource) Watch() func() { return func() {} }

func newFakeSource() *fakeSource {
	at := time.Now()
	return &fakeSource{
		now:    Snapshot{Time: at, Version: "1.0", Status: control.Status{PID: 7, Started: at.Add(-time.Hour), Pools: []control.PoolStatus{{Name: "www", MaxConns: 4, Running: 1}}}},
		detail: map[string]control.SiteDetail{},
	}
}

func TestWhatAVisitorHasWrittenIsNoHTML(t *testing.T) {
	f := newFakeSource()
	f.now.Docroots = []Docroot{{Name: "shop", Site: "shop", Docroot: "/srv/shop/current", Releases: []Release{{Path: "/r/1", Name: "1", Live: true}}}}
	f.detail["shop"] = control.SiteDetail{
		SiteStatus: control.SiteStatus{Name: "shop", Docroot: "/srv/shop/current", Release: "/r/1"},
		Docroots: []control.DocrootStatus{{Docroot: "/srv/shop/current", Releases: []control.ReleaseStatus{{
			Path: "/r/1", Name: "1", Live: true, Inside: []control.Occupant{{Kind: "request", What: "GET /<script>alert(1)</script>", RequestID: `"><img>`}},
		}}}},
	}
	rec := httptest.NewRecorder()
	New(f, true).Handler().ServeHTTP(rec, httptest.NewRequest("GET", "/site?name=shop", nil))
	if body := rec.Body.String(); rec.Code != 200 || strings.Contains(body, "<script>alert") || strings.Contains(body, "<img>") || !strings.Contains(body, "GET /&lt;script&gt;") {
		t.Errorf("%d %s", rec.Code, body)
	}
}
