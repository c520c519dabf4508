package control

import (
	"net/http"
	"net/http/pprof"
)

// profile answers with one profile of net/http/pprof, or with the list of them, in the
// way that go tool pprof expects. Profiles show the command line and what runs, and
// they cost time, so only the control socket has them: net/http/pprof also puts them
// on http.DefaultServeMux, which realdocd never serves.
//
// A path of its own for each profile would be in conflict with wrongMethod's path, so
// this function tells them apart.
func profile(w http.ResponseWriter, r *http.Request) {
	switch r.PathValue("profile") {
	case "cmdline":
		pprof.Cmdline(w, r)
	case "profile":
		pprof.Profile(w, r)
	case "symbol":
		pprof.Symbol(w, r)
	case "trace":
		pprof.Trace(w, r)
	default:
		pprof.Index(w, r)
	}
}
