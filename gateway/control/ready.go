package control

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
)

// A Readiness says whether a daemon can serve requests now, by what was looked at.
type Readiness struct {
	Ready  bool    `json:"ready"`
	Checks []Check `json:"checks"`
}

// A Check is one thing that was looked at.
type Check struct {
	// Name is "process", "sockets", or "pool" and a pool's name.
	Name string `json:"name"`
	OK   bool   `json:"ok"`
	// Why says what is wrong; "" if nothing is.
	Why string `json:"why,omitempty"`
}

// Add notes what was looked at; err is what is wrong with it.
func (r *Readiness) Add(name string, err error) {
	c := Check{Name: name, OK: err == nil}
	if err != nil {
		c.Why = err.Error()
		r.Ready = false
	}
	r.Checks = append(r.Checks, c)
}

// String has a line for each check, as probes of Kubernetes have them.
func (r Readiness) String() string {
	var out strings.Builder
	for _, c := range r.Checks {
		if c.OK {
			fmt.Fprintf(&out, "[+] %s ok\n", c.Name)
			continue
		}
		fmt.Fprintf(&out, "[-] %s: %s\n", c.Name, strings.ReplaceAll(c.Why, "\n", "; "))
	}
	return out.String()
}

// Health is what those ask who decide whether requests are sent to a daemon.
type Health interface {
	// Ready looks whether the daemon serves, its sockets are open, and an FPM of each
	// pool answers; of one pool, if it is named. The error is ErrNoPool. It takes no
	// longer than FPM may take to answer, about a second.
	Ready(ctx context.Context, pool string) (Readiness, error)
}

// Healthz answers 200 for as long as the process answers at all.
func Healthz(w http.ResponseWriter, r *http.Request) {
	if _, err := parameters(r); err != nil {
		probeRefused(w, err)
		return
	}
	probeAnswer(w, http.StatusOK, "ok\n")
}

// Readyz answers 200 if a daemon is ready, and 503 with what is wrong if not. With
// ?pool=NAME it looks at one pool.
func Readyz(d Health) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		q, err := parameters(r, "pool")
		if err != nil {
			probeRefused(w, err)
			return
		}
		ready, err := d.Ready(r.Context(), q["pool"])
		switch {
		case err != nil:
			probeRefused(w, &apiError{http.StatusNotFound, err})
		case ready.Ready:
			probeAnswer(w, http.StatusOK, ready.String())
		default:
			probeAnswer(w, http.StatusServiceUnavailable, ready.String())
		}
	})
}

func probeAnswer(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	fmt.Fprint(w, text) // fails only if the client has left
}

func probeRefused(w http.ResponseWriter, err error) {
	status := http.StatusInternalServerError
	if known := (*apiError)(nil); errors.As(err, &known) {
		status = known.status
	}
	probeAnswer(w, status, err.Error()+"\n")
}

// ready is Readyz as JSON, with 200 in both cases.
func (h *Handler) ready(r *http.Request) (any, error) {
	q, err := parameters(r, "pool")
	if err != nil {
		return nil, err
	}
	ready, err := h.daemon.Ready(r.Context(), q["pool"])
	if err != nil {
		return nil, &apiError{http.StatusNotFound, err}
	}
	return ready, nil
}
