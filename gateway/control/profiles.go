package control

import (
	"net/http"
	"net/http/pprof"
)

// profile gives one profile of net/http/pprof, or the list of them, as go tool pprof
// asks for them. The package puts them on http.DefaultServeMux too, which nothing
// here serves: they tell the command line and what runs, and cost time, so they are
// for the control socket alone. It has to tell them apart itself,
// since a path of the mux and wrongMethod's of one above it would be in conflict.
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
