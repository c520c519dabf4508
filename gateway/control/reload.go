package control

import (
	"context"
	"errors"
	"net/http"
)

// ErrNoFile is a daemon whose configuration came from flags, so that it has none to read again.
var ErrNoFile = errors.New("the configuration came from flags: restart realdocd with others")

// Configured is a daemon that can read its configuration again.
type Configured interface {
	// Reread reads the configuration again and puts it to work. If it has a fault, nothing
	// has changed, and the error has a line for each.
	Reread(ctx context.Context) error
}

// Reload has the daemon read its configuration again, as SIGHUP does, and returns when
// it has taken it. The error says why it has not.
func (c *Client) Reload(ctx context.Context) (Status, error) {
	return ask[Status](ctx, c, http.MethodPost, "/v1/reload")
}

func (h *Handler) reload(r *http.Request) (any, error) {
	if _, err := parameters(r); err != nil {
		return nil, err
	}
	if err := h.daemon.Reread(r.Context()); err != nil {
		return nil, apiErrorf(http.StatusConflict, "%w", err)
	}
	return h.status(r)
}
