package control

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// fakePools are a daemon with the pools "www", in which a request runs until
// the test ends it, and "a/b c".
type fakePools struct {
	Daemon // nothing else is asked

	draining chan string // each drain that has begun to wait

	mu    sync.Mutex
	pools []PoolStatus
	idle  chan struct{} // closed when nothing runs

	others  bool          // another command has paused "www" too
	resumed chan struct{} // closed and replaced by each Resume
}

func newFakePools() *fakePools {
	server := ServerStatus{Address: "/run/php.sock", Up: true, Running: 1, Kept: 2, Reuse: "on"}
	return &fakePools{
		draining: make(chan string, 10),
		idle:     make(chan struct{}),
		resumed:  make(chan struct{}),
		pools: []PoolStatus{
			{Name: "www", Running: 1, MaxConns: 12, Queue: 1024, Servers: []ServerStatus{server}},
			{Name: "a/b c", Servers: []ServerStatus{{Address: "/b.sock", Up: true}}},
		},
	}
}

func (f *fakePools) Status() Status { return f.OwnStatus() }

func (f *fakePools) OwnStatus() Status {
	f.mu.Lock()
	defer f.mu.Unlock()
	return Status{PID: 42, Pools: append([]PoolStatus(nil), f.pools...)}
}

func (f *fakePools) set(pool string, paused bool) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	for i := range f.pools {
		if f.pools[i].Name == pool {
			f.pools[i].Paused = paused
			return nil
		}
	}
	return fmt.Errorf("%w: %s", ErrNoPool, pool)
}

func (f *fakePools) Pause(pool string) error { return f.set(pool, true) }
func (f *fakePools) Resume(pool string) error {
	f.mu.Lock()
	close(f.resumed)
	f.resumed = make(chan struct{})
	f.mu.Unlock()
	return f.set(pool, false)
}

// Drain waits as a pool does. What becomes of pauses is tested with the pool.
func (f *fakePools) Drain(ctx context.Context, pool string) error {
	if err := f.set(pool, true); err != nil {
		return err
	}
	f.mu.Lock()
	resumed := f.resumed
	f.mu.Unlock()
	f.draining <- pool
	select {
	case <-f.idle:
		return nil
	case <-resumed:
		return ErrResumed
	case <-ctx.Done():
		f.set(pool, f.others)
		return &DrainError{Paused: f.others, Running: 1, Kept: 2}
	}
}

// finish ends what runs.
func (f *fakePools) finish() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.pools[0].Running, f.pools[0].Servers[0].Running, f.pools[0].Servers[0].Kept = 0, 0, 0
	close(f.idle)
}

// control asks the API once.
func control(api http.Handler, method, uri, body string) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	api.ServeHTTP(w, httptest.NewRequest(method, uri, strings.NewReader(body)))
	return w
}

func newTestHandler() (*fakePools, *Handler) {
	f := newFakePools()
	return f, NewHandler(f, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, "realdocd_up 1\n")
	}))
}

func TestHandler_StatusIsTheStatusAsJSON(t *testing.T) {
	f, api := newTestHandler()
	w := control(api, "GET", "/v1/status", "")
	var got Status
	if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	want := f.Status()
	want.Sites = []SiteStatus{}
	if diff := cmp.Diff(want, got); diff != "" || w.Code != 200 || w.Header().Get("Content-Type") != "application/json" {
		t.Errorf("status %d, header %v (-want +got):\n%s", w.Code, w.Header(), diff)
	}
	if !strings.Contains(w.Body.String(), `"sites":[]`) {
		t.Errorf("no sites are not an empty list: %s", w.Body)
	}
}

func TestHandler_MetricsAreThere(t *testing.T) {
	_, api := newTestHandler()
	if w := control(api, "GET", "/metrics", ""); w.Body.String() != "realdocd_up 1\n" {
		t.Errorf("got %q", w.Body)
	}
}

func TestHandler_RefusalsAreJSONAndChangeNothing(t *testing.T) {
	noPool := `there is no pool "ww"; did you mean "www"?`
	for _, tt := range []struct {
		method, uri, body string
		status            int
		want              string
	}{
		{"POST", "/v1/pools/ww/pause", "", 404, noPool},
		{"POST", "/v1/pools/ww/pause?drain=1s", "", 404, noPool},
		{"POST", "/v1/pools/ww/resume", "", 404, noPool},
		{"GET", "/v2/status", "", 404, `there is nothing at /v2/status: see CONTROL API in realdocd(8)`},
		{"GET", "/", "", 404, `there is nothing at /: see CONTROL API in realdocd(8)`},
		{"POST", "/v1/pools/www/stop", "", 404, `there is nothing at /v1/pools/www/stop: see CONTROL API in realdocd(8)`},
		{"GET", "/v1/pools/www/pause", "", 405, `/v1/pools/www/pause does not take GET: use POST`},
		{"POST", "/v1/status", "", 405, `/v1/status does not take POST: use GET`},
		{"DELETE", "/metrics", "", 405, `/metrics does not take DELETE: use GET`},
		{"POST", "/debug/pprof/", "", 405, `/debug/pprof/ does not take POST: use GET`},
		{"POST", "/debug/pprof/symbol", "", 405, `/debug/pprof/symbol does not take POST: use GET`},
		{"POST", "/v1/pools/www/pause?drain=soon", "", 400, `drain: want a duration above 0s such as 30s, not "soon"`},
		{"POST", "/v1/pools/www/pause?drain=30", "", 400, `drain: want a duration above 0s such as 30s, not "30"`},
		{"POST", "/v1/pools/www/pause?drain=0s", "", 400, `drain: want a duration above 0s such as 30s, not "0s"`},
		{"POST", "/v1/pools/www/pause?drain=-1s", "", 400, `drain: want a duration above 0s such as 30s, not "-1s"`},
		{"POST", "/v1/pools/www/pause?drain=", "", 400, `drain: want one value`},
		{"POST", "/v1/pools/www/pause?drain=1s&drain=2s", "", 400, `drain: want one value`},
		{"POST", "/v1/pools/www/pause?drian=30s", "", 400, `unknown parameter "drian": leave it out`},
		{"POST", "/v1/pools/www/pause?drain=%zz", "", 400, `read the parameters: invalid URL escape "%zz"`},
		{"POST", "/v1/pools/www/pause", "drain=30s", 400, `the request has a body: parameters go into the URL, as in ?drain=30s`},
		{"POST", "/v1/pools/www/resume?drain=1s", "", 400, `unknown parameter "drain": leave it out`},
		{"GET", "/v1/status?pool=www", "", 400, `unknown parameter "pool": leave it out`},
	} {
		t.Run(tt.method+" "+tt.uri, func(t *testing.T) {
			f, api := newTestHandler()
			before := f.Status()
			w := control(api, tt.method, tt.uri, tt.body)
			var got map[string]string
			if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil {
				t.Fatalf("%v in %s", err, w.Body)
			}
			if w.Code != tt.status || len(got) != 1 || got["error"] != tt.want {
				t.Errorf("got %d\n\t%s\nwant %d\n\t%s", w.Code, got, tt.status, tt.want)
			}
			if diff := cmp.Diff(before, f.Status()); diff != "" {
				t.Errorf("it changed something:\n%s", diff)
			}
			if allow := w.Header().Get("Allow"); (tt.status == 405) != (allow != "") {
				t.Errorf("Allow: %q", allow)
			}
		})
	}
}

func (f *fakePools) wantPaused(t *testing.T, pool string, want bool) {
	t.Helper()
	if p, _ := f.Status().pool(pool); p.Paused != want {
		t.Errorf("pool %s is paused: %v, want %v", pool, p.Paused, want)
	}
}

func TestHandler_PauseAndResumeGiveThePool(t *testing.T) {
	f, api := newTestHandler()
	for _, pool := range []string{"www", "a%2Fb%20c"} {
		for verb, paused := range map[string]bool{"pause": true, "resume": false} {
			w := control(api, "POST", "/v1/pools/"+pool+"/"+verb, "")
			var got PoolStatus
			if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil || w.Code != 200 || got.Paused != paused || got.Name == "" {
				t.Errorf("%s %s: %d %s (%v)", verb, pool, w.Code, w.Body, err)
			}
			f.wantPaused(t, got.Name, paused)
		}
	}
}

// A drain is one that waits until its client leaves or nothing runs.
type drain struct {
	answer chan *httptest.ResponseRecorder
	leave  context.CancelFunc
}

// drain asks for a drain of "www" and returns when it waits.
func (f *fakePools) drain(api http.Handler, limit string) drain {
	return f.drainFor(context.Background(), api, limit)
}

func (f *fakePools) drainFor(ctx context.Context, api http.Handler, limit string) drain {
	ctx, leave := context.WithCancel(ctx)
	d := drain{make(chan *httptest.ResponseRecorder, 1), leave}
	go func() {
		w := httptest.NewRecorder()
		api.ServeHTTP(w, httptest.NewRequestWithContext(ctx, "POST", "/v1/pools/www/pause?drain="+limit, nil))
		d.answer <- w
	}()
	<-f.draining
	return d
}

func (d drain) wants(t *testing.T, status int, text string) {
	t.Helper()
	if w := <-d.answer; w.Code != status || !strings.Contains(w.Body.String(), text) {
		t.Errorf("the drain got %d %s, want %d and %s", w.Code, w.Body, status, text)
	}
}

func TestHandler_ADrainIsAnsweredWhenNothingRuns(t *testing.T) {
	f, api := newTestHandler()
	d := f.drain(api, "1h")
	f.wantPaused(t, "www", true)
	f.finish()
	d.wants(t, 200, `"paused":true,"running":0`)
	f.wantPaused(t, "www", true)
}

func TestHandler_ADrainThatTakesTooLongIsUndoneAndSaysWhatRuns(t *testing.T) {
	f, api := newTestHandler()
	f.drain(api, "10ms").wants(t, 409, `pool \"www\" did not drain within 10ms and was resumed: `+
		`requests that run 1, connections kept 2; end them or allow more time`)
	f.wantPaused(t, "www", false)
}

func TestHandler_ADrainWhoseClientLeavesIsUndone(t *testing.T) {
	f, api := newTestHandler()
	d := f.drain(api, "1h")
	d.leave()
	d.wants(t, 409, "was resumed")
	f.wantPaused(t, "www", false)
}

func TestHandler_AFailedDrainSaysThatAnotherCommandPausedThePoolToo(t *testing.T) {
	f, api := newTestHandler()
	f.others = true
	f.drain(api, "10ms").wants(t, 409, `pool \"www\" did not drain within 10ms: requests that run 1, connections kept 2; `+
		`end them or allow more time; pool www stays paused: another command paused it too`)
}

// What the operator of the drain does next relies on the pause.
func TestHandler_AResumeFailsTheDrainsThatWait(t *testing.T) {
	f, api := newTestHandler()
	d := f.drain(api, "1h")
	if w := control(api, "POST", "/v1/pools/www/resume", ""); w.Code != 200 {
		t.Errorf("got %d %s", w.Code, w.Body)
	}
	d.wants(t, 409, `pool \"www\" was resumed while it drained`)
	f.wantPaused(t, "www", false)
}
