package control

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
)

func (h *Handler) pause(r *http.Request) (any, error) {
	name := r.PathValue("pool")
	q, err := parameters(r, "drain")
	if err != nil {
		return nil, err
	}
	if q["drain"] == "" {
		return h.poolAfter(name, h.holds.pause(name))
	}
	limit, err := limitOf(q, "drain")
	if err != nil {
		return nil, err
	}
	return h.poolAfter(name, h.holds.drain(r.Context(), name, limit))
}

func (h *Handler) resume(r *http.Request) (any, error) {
	if _, err := parameters(r); err != nil {
		return nil, err
	}
	name := r.PathValue("pool")
	return h.poolAfter(name, h.holds.resume(name))
}

// poolAfter answers with the pool after something was done to it. err is how that
// went.
func (h *Handler) poolAfter(name string, err error) (any, error) {
	st := h.daemon.OwnStatus()
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
