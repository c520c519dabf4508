package control

import "net/http"

// A Handler answers the requests of operators with what a [Daemon] says. It is the
// control API of realdocd(8).
//
// Some answers come only when a wait is over. So the http.Server must not have a
// WriteTimeout, and should end the contexts of its requests when it stops.
type Handler struct {
	daemon Daemon
	waits  *waits
	mux    http.ServeMux
}

// NewHandler makes the Handler of a daemon. metrics answers at /metrics, and page, which
// sees its own paths, at /page/.
func NewHandler(d Daemon, metrics, page http.Handler) *Handler {
	h := &Handler{daemon: d, waits: newWaits()}
	for _, r := range []struct {
		method, path string
		handler      http.Handler
	}{
		{http.MethodGet, "/v1/status", endpoint(h.status)},
		{http.MethodGet, "/v1/view", endpoint(h.view)},
		{http.MethodPost, "/v1/reload", endpoint(h.reload)},
		{http.MethodPost, "/v1/checked", endpoint(h.checked)},
		{http.MethodPost, "/v1/fleet", h.waits.movable(h.fleet)},
		{http.MethodGet, "/v1/fleet/wanted", h.waits.movable(h.fleetWanted)},
		{http.MethodGet, "/v1/config", endpoint(h.configuration)},
		{http.MethodGet, "/v1/ready", endpoint(h.ready)},
		{http.MethodGet, "/v1/requests", endpoint(h.requests)},
		{http.MethodPost, "/v1/pools/{pool}/pause", h.waits.movable(h.pause)},
		{http.MethodPost, "/v1/pools/{pool}/resume", h.waits.movable(h.resume)},
		{http.MethodGet, "/v1/sites/{site}", endpoint(h.site)},
		{http.MethodPost, "/v1/sites/{site}/look", endpoint(h.look)},
		{http.MethodPost, "/v1/sites/{site}/drain", h.waits.movable(h.drain)},
		{http.MethodPost, "/v1/sites/{site}/warm", endpoint(h.warm)},
		{http.MethodPost, "/v1/sites/{site}/headroom", endpoint(h.headroom)},
		{http.MethodPost, "/v1/sites/{site}/compile", endpoint(h.compile)},
		{http.MethodPost, "/v1/sites/{site}/room", endpoint(h.room)},
		{http.MethodPost, "/v1/sites/{site}/forget", endpoint(h.forget)},
		{http.MethodPost, "/v1/sites/{site}/deploying", http.HandlerFunc(h.deploying)},
		{http.MethodPost, "/v1/sites/{site}/maintenance", h.waits.movable(h.beginMaintenance)},
		{http.MethodPost, "/v1/sites/{site}/maintenance/end", h.waits.movable(h.endMaintenance)},
		{http.MethodPost, "/v1/sites/{site}/try", http.HandlerFunc(h.try)},
		{http.MethodPost, "/v1/sites/{site}/try/step", h.waits.movable(h.stepTrial)},
		{http.MethodPost, "/v1/sites/{site}/try/end", h.waits.movable(h.endTrial)},
		{http.MethodPost, "/v1/sites/{site}/preview", h.waits.movable(h.preview)},
		{http.MethodPost, "/v1/sites/{site}/hold", http.HandlerFunc(h.hold)},
		{http.MethodPost, "/v1/sites/{site}/enter", http.HandlerFunc(h.enter)},
		{http.MethodGet, "/metrics", metrics},
		{http.MethodGet, "/page/", http.StripPrefix("/page", page)},
		{http.MethodGet, "/healthz", http.HandlerFunc(Healthz)},
		{http.MethodGet, "/readyz", Readyz(d)},
		{http.MethodGet, "/debug/pprof/{profile...}", http.HandlerFunc(profile)},
	} {
		h.mux.Handle(r.method+" "+r.path, wants(leastRole(r.path), r.handler))
		h.mux.Handle(r.path, wrongMethod(r.method))
	}
	h.mux.Handle("/", endpoint(wrongPath))
	return h
}

func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) { h.mux.ServeHTTP(w, r) }

// Move ends all drains that wait, because the daemon hands over to another process.
// It returns when they have undone their pauses. Their clients ask the other process,
// which is the only one that knows what runs in both. Commands that are inside a
// release are told to enter there. While requests of a site are held it fails, and nothing
// has changed.
func (h *Handler) Move() error { return h.waits.end() }

// MoveBack lets drains wait here again, because the handover has failed.
func (h *Handler) MoveBack() { h.waits.begin() }

func (h *Handler) status(r *http.Request) (any, error) {
	if _, err := parameters(r); err != nil {
		return nil, err
	}
	st := h.daemon.Status()
	if st.Pools == nil {
		st.Pools = []PoolStatus{} // clients expect a list, and not null
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

// wrongPath answers for a path that the API does not have.
func wrongPath(r *http.Request) (any, error) {
	return nil, apiErrorf(http.StatusNotFound, "there is nothing at %s: see CONTROL API in realdocd(8)", r.URL.Path)
}

// wrongMethod answers for a method that a path does not take.
func wrongMethod(right string) http.Handler {
	refuse := endpoint(func(r *http.Request) (any, error) {
		return nil, apiErrorf(http.StatusMethodNotAllowed, "%s does not take %s: use %s", r.URL.Path, r.Method, right)
	})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Allow", right)
		refuse.ServeHTTP(w, r)
	})
}
