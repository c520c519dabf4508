package control

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"time"
)

// An endpoint answers a request with a value or an error. Both go out as JSON.
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
		if busy := (*BusyError)(nil); errors.As(err, &busy) {
			failure.Inside = busy.Inside
		}
		answer = failure
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(answer) // fails only if the client has left
}

// parameters reads the parameters of a request. Only those in names may come, each
// once: a misspelt name must not turn a drain into a pause.
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

// limitOf reads the parameter that says how long to wait.
func limitOf(q map[string]string, name string) (time.Duration, error) {
	limit, err := time.ParseDuration(q[name])
	if err != nil || limit <= 0 {
		return 0, apiErrorf(http.StatusBadRequest, "%s: want a duration above 0s such as 30s, not %q", name, q[name])
	}
	return limit, nil
}

// An apiError is an error that has an HTTP status.
type apiError struct {
	status int
	error
}

func (e *apiError) Unwrap() error { return e.error }

func apiErrorf(status int, format string, args ...any) error {
	return &apiError{status, fmt.Errorf(format, args...)}
}

// An apiFailure is an error in JSON.
type apiFailure struct {
	Error string `json:"error"`
	// Inside is who was left in a release that did not drain.
	Inside []Occupant `json:"inside,omitempty"`
	// Moved is true if another process takes over: the client asks that process.
	Moved bool `json:"moved,omitempty"`
}
