package control

import (
	"context"
	"errors"
	"net/http"
	"time"

	"realdocd/gateway/nearest"
)

func (h *Handler) pause(r *http.Request) (any, error) {
	name := r.PathValue("pool")
	q, err := parameters(r, "drain")
	if err != nil {
		return nil, err
	}
	if q["drain"] == "" {
		return h.poolAfter(name, h.daemon.Pause(name))
	}
	limit, err := limitOf(q, "drain")
	if err != nil {
		return nil, err
	}
	return h.poolAfter(name, h.drainPool(r.Context(), name, limit))
}

func (h *Handler) resume(r *http.Request) (any, error) {
	if _, err := parameters(r); err != nil {
		return nil, err
	}
	name := r.PathValue("pool")
	return h.poolAfter(name, h.daemon.Resume(name))
}

// drainPool drains a pool for as long as the client waits, within the limit.
func (h *Handler) drainPool(ctx context.Context, name string, limit time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	err := h.daemon.Drain(ctx, name)
	failed := (*DrainError)(nil)
	switch {
	case errors.Is(err, ErrResumed):
		return apiErrorf(http.StatusConflict, "pool %q was resumed while it drained", name)
	case errors.As(err, &failed):
		if failed.Paused {
			return apiErrorf(http.StatusConflict, "pool %q did not drain within %s: %v; end them or allow more time; "+
				"pool %s stays paused: another command paused it too", name, limit, failed, name)
		}
		return apiErrorf(http.StatusConflict, "pool %q did not drain within %s and was resumed: %v; end them or allow more time", name, limit, failed)
	}
	return err
}

// poolAfter answers with the pool after something was done to it. err is how that
// went.
func (h *Handler) poolAfter(name string, err error) (any, error) {
	st := h.daemon.OwnStatus()
	if errors.Is(err, ErrNoPool) {
		var names []string
		for _, p := range st.Pools {
			names = append(names, p.Name)
		}
		return nil, apiErrorf(http.StatusNotFound, "there is no pool %q%s", name, nearest.Or(name, names))
	}
	if err != nil {
		return nil, err
	}
	p, _ := st.pool(name)
	return p, nil
}
