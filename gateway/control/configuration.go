package control

import (
	"context"
	"net/http"
)

// A Configuration is what a daemon runs on, key by key, with the names and the values of
// realdocd.toml(5).
type Configuration struct {
	// Files are those that it was read from, the main one first; none if it came from
	// flags.
	Files []string `json:"files"`
	// Tables are the top of the file, and then its tables.
	Tables []ConfigTable `json:"tables"`
}

// A ConfigTable is a table of the configuration.
type ConfigTable struct {
	// Name is the way to it, as "site" and "shop"; none for the top of the file.
	Name []string `json:"name"`
	// Keys are all keys with their values. A secret is as it is written, as in
	// "${credential:token}".
	Keys map[string]any `json:"keys"`
	// Defaults are those of them that have their default.
	Defaults []string `json:"defaults"`
}

// Configuration asks what the daemon runs on.
func (c *Client) Configuration(ctx context.Context) (Configuration, error) {
	return askAgain[Configuration](ctx, c, http.MethodGet, "/v1/config")
}

func (h *Handler) configuration(r *http.Request) (any, error) {
	if _, err := parameters(r); err != nil {
		return nil, err
	}
	c := h.daemon.Configuration()
	if c.Files == nil {
		c.Files = []string{}
	}
	if c.Tables == nil {
		c.Tables = []ConfigTable{}
	}
	return c, nil
}
