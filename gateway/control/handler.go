package control

import (
	"net/http"
)

// A Handler is the control API that realdocd(8) documents: it answers what
// operators ask of a Daemon. Profiles are below /debug/pprof.
//
// A drain is answered when it is over: the http.Server must not have a
// WriteTimeout, and should end the requests' contexts when it stops.
type Handler struct {
	daemon Daemon
	waits  *waits
	mux    http.ServeMux
}

// NewHandler makes the Handler of a daemon, with metrics at /metrics.
func NewHandler(d Daemon, metrics http.Handler) *Handler {
	h := &Handler{daemon: d, waits: newWaits()}
	for _, r := range []struct {
		method, path string
		handler      http.Handler
	}{
		{http.MethodGet, "/v1/status", endpoint(h.status)},
		{http.MethodGet, "/v1/view", endpoint(h.view)},
		{http.MethodPost, "/v1/pools/{pool}/pause", h.waits.movable(h.pause)},
		{http.MethodPost, "/v1/pools/{pool}/resume", endpoint(h.resume)},
		{http.MethodGet, "/v1/sites/{site}", endpoint(h.site)},
		{http.MethodPost, "/v1/sites/{site}/look", endpoint(h.look)},
		{http.MethodPost, "/v1/sites/{site}/drain", h.waits.movable(h.drain)},
		{http.MethodPost, "/v1/sites/{site}/warm", endpoint(h.warm)},
		{http.MethodPost, "/v1/sites/{site}/headroom", endpoint(h.headroom)},
		{http.MethodPost, "/v1/sites/{site}/enter", http.HandlerFunc(h.enter)},
		{http.MethodGet, "/metrics", metrics},
		{http.MethodGet, "/debug/pprof/{profile...}", http.HandlerFunc(profile)},
	} {
		h.mux.Handle(r.method+" "+r.path, r.handler)
		h.mux.Handle(r.path, wrongMethod(r.method))
	}
	h.mux.Handle("/", endpoint(wrongPath))
	return h
}

func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) { h.mux.ServeHTTP(w, r) }

// Move is for a daemon that hands over to another process. It ends the requests
// that wait for something to be over, and returns when they have undone what they
// did. Their clients ask the other process: only that one knows what runs in both.
func (h *Handler) Move() { h.waits.end() }

// MoveBack is for a daemon whose handover has failed: requests may wait again.
func (h *Handler) MoveBack() { h.waits.begin() }

func (h *Handler) status(r *http.Request) (any, error) {
	if _, err := parameters(r); err != nil {
		return nil, err
	}
	st := h.daemon.Status()
	if st.Pools == nil {
		st.Pools = []PoolStatus{} // a list in JSON is never null
	}
	if st.Sites == nil {
		st.Sites = []SiteStatus{}
	}
	return st, nil
}

func (h *Handler) view(r *http.Request) (any, error) {
	if _, err := parameters(r); err != nil {
		return nil, err
	}
	return h.daemon.View(), nil
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
