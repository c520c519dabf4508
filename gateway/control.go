package gateway

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// ErrNoPool is a pool that is not in the configuration.
var ErrNoPool = errors.New("there is no such pool")

// controls are what the control API asks of the Server.
type controls interface {
	Status() Status
	// Paused says whether a pool is paused; one that it does not know is not.
	Paused(pool string) bool
	// Pause lets new requests of the pool wait, and running ones go on.
	// Like Drain and Resume it gives ErrNoPool for a name that it does not know.
	Pause(pool string) error
	// Drain waits until nothing runs in a paused pool and none of its
	// connections is kept. It gives ctx.Err() when that ends first, and leaves
	// the pool paused in any case.
	Drain(ctx context.Context, pool string) error
	Resume(pool string) error
}

// newControl is the control API that realdocd(8) documents, with the given
// handler at /metrics and more routes, those of the sites. What is below /v1 may
// gain paths and fields, and loses none; /v2 would be for that. Profiles are below
// /debug/pprof.
//
// A drain is answered when it is over: the http.Server must not have a
// WriteTimeout, and should end the requests' contexts when it stops.
func newControl(c controls, w *waits, metrics http.Handler, more ...route) http.Handler {
	a := &controlAPI{c, &holds{controls: c, pools: map[string]*hold{}}}
	mux := http.NewServeMux()
	routes := []route{
		{http.MethodGet, "/v1/status", endpoint(a.status)},
		{http.MethodPost, "/v1/pools/{pool}/pause", w.movable(a.pause)},
		{http.MethodPost, "/v1/pools/{pool}/resume", endpoint(a.resume)},
		{http.MethodGet, "/metrics", metrics},
		profileRoute(),
	}
	for _, route := range append(routes, more...) {
		mux.Handle(route.method+" "+route.path, route.handler)
		mux.Handle(route.path, wrongMethod(route.method))
	}
	mux.Handle("/", endpoint(wrongPath))
	return mux
}

type route struct {
	method, path string
	handler      http.Handler
}

// controlAPI answers the requests of operators.
type controlAPI struct {
	controls controls
	holds    *holds
}

func (a *controlAPI) status(r *http.Request) (any, error) {
	if _, err := parameters(r); err != nil {
		return nil, err
	}
	st := a.controls.Status()
	if st.Pools == nil {
		st.Pools = []PoolStatus{} // a list in JSON is never null
	}
	if st.Sites == nil {
		st.Sites = []SiteStatus{}
	}
	return st, nil
}

func (a *controlAPI) pause(r *http.Request) (any, error) {
	name := r.PathValue("pool")
	q, err := parameters(r, "drain")
	if err != nil {
		return nil, err
	}
	if q["drain"] == "" {
		return a.poolAfter(name, a.holds.pause(name))
	}
	limit, err := limitOf(q, "drain")
	if err != nil {
		return nil, err
	}
	return a.poolAfter(name, a.holds.drain(r.Context(), name, limit))
}

func (a *controlAPI) resume(r *http.Request) (any, error) {
	if _, err := parameters(r); err != nil {
		return nil, err
	}
	name := r.PathValue("pool")
	return a.poolAfter(name, a.holds.resume(name))
}

// poolAfter is the pool once something was done to it, or the error of that.
func (a *controlAPI) poolAfter(name string, err error) (any, error) {
	st := a.controls.Status()
	if errors.Is(err, ErrNoPool) {
		var names []string
		for _, p := range st.Pools {
			names = append(names, fmt.Sprintf("%q", p.Name))
		}
		return nil, apiErrorf(http.StatusNotFound, "there is no pool %q: take one of %s", name, strings.Join(names, ", "))
	}
	if err != nil {
		return nil, err
	}
	p, _ := st.pool(name)
	return p, nil
}

// pool finds a pool by its name.
func (st Status) pool(name string) (PoolStatus, bool) {
	for _, p := range st.Pools {
		if p.Name == name {
			return p, true
		}
	}
	return PoolStatus{}, false
}

// parameters are a request's, of those that it may have, each at most once. A
// misspelt one must not turn a drain into a pause.
func parameters(r *http.Request, names ...string) (map[string]string, error) {
	if r.ContentLength != 0 {
		return nil, apiErrorf(http.StatusBadRequest, "the request has a body: parameters go into the URL, as in ?drain=30s")
	}
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return nil, apiErrorf(http.StatusBadRequest, "read the parameters: %w", err)
	}
	got := map[string]string{}
	for key, values := range query {
		if !slices.Contains(names, key) {
			return nil, apiErrorf(http.StatusBadRequest, "unknown parameter %q: leave it out", key)
		}
		if len(values) > 1 || values[0] == "" {
			return nil, apiErrorf(http.StatusBadRequest, "%s: want one value", key)
		}
		got[key] = values[0]
	}
	return got, nil
}

// limitOf reads a parameter that says how long to wait.
func limitOf(q map[string]string, name string) (time.Duration, error) {
	limit, err := time.ParseDuration(q[name])
	if err != nil || limit <= 0 {
		return 0, apiErrorf(http.StatusBadRequest, "%s: want a duration above 0s such as 30s, not %q", name, q[name])
	}
	return limit, nil
}

// An endpoint answers a request with a value or an error, either in JSON.
type endpoint func(*http.Request) (any, error)

func (e endpoint) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	status := http.StatusOK
	answer, err := e(r)
	if err != nil {
		status = http.StatusInternalServerError
		if known := (*apiError)(nil); errors.As(err, &known) {
			status = known.status
		}
		failure := apiFailure{Error: err.Error(), Moved: errors.Is(err, errMoved)}
		if o := (occupied{}); errors.As(err, &o) {
			failure.Inside = o.left
		}
		answer = failure
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(answer) // fails where nobody waits for it any more
}

func wrongPath(r *http.Request) (any, error) {
	return nil, apiErrorf(http.StatusNotFound, "there is nothing at %s: see CONTROL API in realdocd(8)", r.URL.Path)
}

func wrongMethod(right string) http.Handler {
	refuse := endpoint(func(r *http.Request) (any, error) {
		return nil, apiErrorf(http.StatusMethodNotAllowed, "%s does not take %s: use %s", r.URL.Path, r.Method, right)
	})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Allow", right)
		refuse.ServeHTTP(w, r)
	})
}

// An apiError is an error with its HTTP status.
type apiError struct {
	status int
	error
}

func (e *apiError) Unwrap() error { return e.error }

func apiErrorf(status int, format string, args ...any) error {
	return &apiError{status, fmt.Errorf(format, args...)}
}

// An apiFailure is an error as JSON.
type apiFailure struct {
	Error string `json:"error"`
	// Inside is who kept a release from draining.
	Inside []Occupant `json:"inside,omitempty"`
	// Moved is set when the process that takes over has to be asked.
	Moved bool `json:"moved,omitempty"`
}
