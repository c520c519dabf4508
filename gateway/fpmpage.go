package gateway

import (
	"path"
	"slices"
	"strings"

	"realdocd/gateway/fpm"
)

// probed are the names that FPM's own pages usually have (pm.status_path, ping.path).
var probed = []string{"/ping", "/fpm-ping", "/status", "/fpm-status"}

// takePage has a pool answer a request for a page of FPM's own, its status or its ping,
// that comes without a site: from monitoring, or a virtual host without a root. FPM goes
// by SCRIPT_NAME; it gets no script, so that it answers such a page or that there is none,
// as it would without us. False is for every other request.
func (rq *request) takePage() (bool, error) {
	name := borrow(rq.value(rq.cgi.scriptName))
	pools := rq.setup.pools
	if name == "" {
		return false, nil
	}
	known := slices.Contains(probed, name)
	var has []*fpm.Pool
	for _, p := range pools {
		if p.Config().StatusPath == name {
			has = append(has, p)
		}
	}
	script := borrow(rq.value(rq.cgi.scriptFilename))
	bare := len(rq.value(rq.cgi.documentRoot)) == 0 && (script == "" || script == name) && looksLikePage(name)
	switch {
	case !bare && !known && len(has) == 0:
		return false, nil
	case len(pools) == 1:
		for _, p := range pools {
			has = []*fpm.Pool{p}
		}
	case len(has) != 1:
		return true, refuse(causeNoSite, "%q is a page of PHP-FPM's own, and of which of the pools cannot be told: give them a status_path each, or ask PHP-FPM's own listener", name)
	}
	rq.pool = has[0]
	rq.dropScript()
	return true, nil
}

// looksLikePage says whether a SCRIPT_NAME may be that of a page of FPM's own, and not
// of a script.
func looksLikePage(name string) bool {
	return strings.HasPrefix(name, "/") && len(name) > 1 && strings.IndexByte(path.Base(name), '.') < 0
}

// dropScript leaves FPM no script to run.
func (rq *request) dropScript() {
	for _, at := range [...]param{rq.cgi.scriptFilename, rq.cgi.pathTranslated} {
		if at > 0 {
			rq.pairs[at-1].Name = rq.bytes("ORIG_" + string(rq.pairs[at-1].Name))
		}
	}
	rq.cgi.scriptFilename, rq.cgi.pathTranslated = 0, 0
}
