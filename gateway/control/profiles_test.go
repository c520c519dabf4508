package control

import (
	"net/http"
	"strings"
	"testing"
)

func TestHandler_ProfilesAreThere(t *testing.T) {
	_, api := newTestHandler()
	const gzipped = "\x1f\x8b"
	for path, want := range map[string]string{
		"":                       "goroutine",
		"goroutine?debug=1":      "goroutine profile:",
		"heap":                   gzipped,
		"allocs":                 gzipped,
		"profile?seconds=1":      gzipped,
		"trace?seconds=0.1":      "go 1.",
		"symbol":                 "num_symbols: 1",
		"cmdline":                ".test",
		"goroutine?debug=2":      "realdocd/gateway/control.profile(",
		"mutex?debug=1":          "--- mutex",
		"threadcreate?debug=1":   "threadcreate profile:",
		"block?debug=1&seconds=": "--- contention",
	} {
		if w := control(api, "GET", "/debug/pprof/"+path, ""); w.Code != http.StatusOK || !strings.Contains(w.Body.String(), want) {
			t.Errorf("%s: %d, %q is not in\n%.200s", path, w.Code, want, w.Body)
		}
	}
	if w := control(api, "GET", "/debug/pprof/nothing", ""); w.Code != http.StatusNotFound {
		t.Errorf("a profile that there is not: %d", w.Code)
	}
}
