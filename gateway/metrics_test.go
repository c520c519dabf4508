package gateway

import (
	"net/http"
	"net/http/httptest"
	"testing"
)

func TestMetrics_AreNoWayToTheProfiles(t *testing.T) {
	metrics := newMetrics().mux()
	for _, path := range []string{"/debug/pprof/", "/debug/pprof/profile?seconds=1", "/debug/pprof/cmdline", "/v1/status"} {
		w := httptest.NewRecorder()
		metrics.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
		if w.Code != http.StatusNotFound {
			t.Errorf("%s: %d", path, w.Code)
		}
	}
}
