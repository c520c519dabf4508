package gateway

import (
	"net/http"

	"realdocd/gateway/sock"
)

// ownPage is the address of the page, if it has a socket of its own; else "".
func (c *Config) ownPage() string {
	if c.Page == c.Metrics {
		return ""
	}
	return c.Page
}

// pageOnMetrics is the page if its address is that for metrics: a reload may change that.
func (s *Server) pageOnMetrics(page http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if c := &s.setup.Load().cfg; c.Page != c.Metrics {
			http.NotFound(w, r)
			return
		}
		page.ServeHTTP(w, r)
	})
}

// pageHandler is the page for an address. On a unix socket it is a web server that asks,
// by whichever name its visitor has used.
func (s *Server) pageHandler(addr string) http.Handler {
	if sock.Addr(addr).IsUnix() {
		return s.page.Handler()
	}
	return hostChecked(addr, s.page.Handler())
}
