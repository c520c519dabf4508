package doctor

import (
	"fmt"
	"path"
	"slices"
	"strings"
	"time"

	"realdocd/gateway"
	"realdocd/gateway/control"
	"realdocd/gateway/pattern"
	"realdocd/incpath"
)

const (
	// goesOn is how many refusals of the last minute or two are a fault. Fewer are of a
	// stray visitor, and what came before may have been mended.
	goesOn = 3
	// quiet is how long a site may be without its first request.
	quiet = 5 * time.Minute
)

// checkWebServer looks at what web servers have sent with recent requests.
func (x *examination) checkWebServer() {
	if x.view == nil {
		return
	}
	for _, site := range x.config.Sites {
		i := slices.IndexFunc(x.view.Requests, func(r control.SeenRequest) bool { return r.Site == site.Name })
		if i < 0 {
			x.checkUnseen(site)
			continue
		}
		x.checkRequest(site, x.view.Requests[i])
	}
	for _, r := range x.view.Refused {
		switch {
		case r.Recent >= goesOn:
			x.checkRefusal(r)
		case r.Recent > 0:
			x.add(kindRefusalSeldom, Subject{Site: r.Site, Docroot: r.DocumentRoot}, fmt.Sprintf("%s refused in the last minutes (%s): too few to tell of a fault.", count(r.Recent, "request was", "requests were"), r.Cause), "")
		}
	}
}

func count(n uint64, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

// checkUnseen is for a site of which no request has come: the web server may ask somebody
// else still.
func (x *examination) checkUnseen(site gateway.SiteConfig) {
	i := slices.IndexFunc(x.view.Unseen, func(u control.UnseenSite) bool { return u.Site == site.Name })
	if i >= 0 {
		if since := time.Since(x.view.Unseen[i].Since); since > quiet {
			x.add(kindWebServerSilent, Subject{Site: site.Name}, fmt.Sprintf("No request of the site has come since realdocd began to wait for one, %s ago.", since.Round(time.Minute)),
				"If the site has visitors, the web server still asks PHP-FPM itself: see its configuration, and reload it.")
			return
		}
	}
	x.add(kindWebServerUnseen, Subject{Site: site.Name}, "No request of the site has come since the daemon's start or reload: what the web server sends cannot be told.", "")
}

// checkRequest looks at one request.
func (x *examination) checkRequest(site gateway.SiteConfig, r control.SeenRequest) {
	before := len(x.findings)
	x.checkSentPaths(site, r)
	x.checkSentValues(site, r)
	if len(x.findings) == before {
		by := r.ServerSoftware
		if by == "" {
			by = "the web server"
		}
		x.add(kindWebServer, Subject{Site: site.Name}, fmt.Sprintf("What %s sent at %s is as it should be.", by, clock(r.Time)), "")
	}
	if !r.KeepConn {
		x.add(kindKeepConnOff, Subject{Site: site.Name}, "The web server makes a connection for each request.", "With nginx: keepalive in the upstream, and fastcgi_keep_conn on.")
	}
	if r.RedirectStatus == "" {
		x.add(kindRedirectStatusMissing, Subject{Site: site.Name}, "The web server sends no REDIRECT_STATUS, which some PHP programs want.", "With nginx: fastcgi_param REDIRECT_STATUS 200.")
	}
}

// checkSentPaths finds a web server that resolves the link itself: then it
// decides the release, at another moment than realdocd.
func (x *examination) checkSentPaths(site gateway.SiteConfig, r control.SeenRequest) {
	s := Subject{Site: site.Name}
	const do = "With nginx: $document_root instead of $realpath_root, also in fastcgi_params; with Apache: no mod_realdoc."
	docroot := path.Clean(r.DocumentRoot)
	if !site.Has(docroot) {
		if x.runsWith(site.Name, docroot) {
			return // the file says another docroot than the daemon has: reload-pending tells
		}
		x.add(kindDocrootSentResolved, s, fmt.Sprintf("The web server sends DOCUMENT_ROOT already resolved, %s (at %s): it decides the release, not realdocd. A root that is written out so never flips.", docroot, clock(r.Time)), do)
		return
	}
	for _, p := range x.roots {
		if p.site.Name != site.Name || p.Docroot != docroot || !p.HasLink() {
			continue
		}
		if isResolved(path.Clean(gateway.ScriptFile(r.ScriptFilename)), p) {
			x.add(kindScriptSentResolved, s, fmt.Sprintf("The web server sends SCRIPT_FILENAME already resolved, %s (at %s): realdocd maps it, and in the moment of a flip another release's file runs than the web server has looked for.", r.ScriptFilename, clock(r.Time)), do)
		}
		for _, list := range includePaths(r) {
			if slices.ContainsFunc(strings.Split(list, ":"), func(entry string) bool { return isResolved(path.Clean(entry), p) }) {
				x.add(kindIncludePathSentResolved, s, fmt.Sprintf("The web server sends include_path already resolved, %s (at %s): realdocd maps it only if it knows the release.", list, clock(r.Time)),
					"Write it with the link's path: realdocd maps it.")
			}
		}
	}
}

// runsWith says whether the daemon, by the configuration that it has, takes a docroot for
// one of a site's: then the web server has not resolved it.
func (x *examination) runsWith(site, docroot string) bool {
	if x.status == nil {
		return false
	}
	return slices.ContainsFunc(x.status.Sites, func(s control.SiteStatus) bool {
		running := gateway.SiteConfig{Docroot: s.Docroot}
		return s.Name == site && running.Has(docroot)
	})
}

// isResolved says whether a path is in a release of the root, live or not, and was
// not sent by way of the link. Releases lie beside each other, and so may other things.
func isResolved(file string, p *root) bool {
	if incpath.Inside(file, p.Link) || slices.ContainsFunc(p.site.ExtraRoots, func(root string) bool { return incpath.Inside(file, path.Clean(root)) }) {
		return false
	}
	if incpath.Inside(file, p.Release) {
		return true
	}
	beside := path.Dir(p.Release)
	name, below, _ := strings.Cut(strings.TrimPrefix(file, beside+"/"), "/")
	return incpath.Inside(file, beside) && name != "" && p.Below != "" && incpath.Inside("/"+below, p.Below)
}

// includePaths are those that came with the request.
func includePaths(r control.SeenRequest) (lists []string) {
	for _, value := range []string{r.PHPValue, r.PHPAdminValue} {
		_, _, _ = incpath.Rewrite(value, func(list string) string { // what cannot be read, the log tells
			lists = append(lists, list)
			return list
		})
	}
	return lists
}

// checkSentValues finds settings that stay in the worker, for the next request of
// another site.
func (x *examination) checkSentValues(site gateway.SiteConfig, r control.SeenRequest) {
	var keys []string
	for line := range strings.FieldsFuncSeq(r.PHPValue+"\n"+r.PHPAdminValue, func(c rune) bool { return c == '\n' || c == '\r' }) {
		key, _, _ := strings.Cut(line, "=")
		if key = strings.TrimSpace(key); key != "" && key != "include_path" && !strings.HasPrefix(key, ";") {
			keys = append(keys, key)
		}
	}
	if len(keys) > 0 && (site.IsGlob() && !pattern.IsForm(site.Pool) || len(x.sitesOf(site.Pool)) > 1) {
		x.add(kindPHPValueSticks, Subject{Site: site.Name, Pool: site.Pool}, fmt.Sprintf("The web server sends %s in PHP_VALUE or PHP_ADMIN_VALUE: PHP-FPM keeps that in the worker, for requests of other sites of the pool.", strings.Join(keys, ", ")),
			"Set it in FPM's pool (php_value[...]), and give the site a pool of its own.")
	}
}

// checkRefusal looks at requests that were refused for what they came with.
func (x *examination) checkRefusal(r control.SeenRefusal) {
	s := Subject{Site: r.Site}
	times := fmt.Sprintf("%d times in the last minutes, last at %s", r.Recent, clock(r.Last))
	switch r.Cause {
	case "no_site":
		if x.hasSite(r.DocumentRoot) {
			return
		}
		if r.DocumentRoot == "" {
			x.add(kindDocrootUnmatched, s, fmt.Sprintf("Requests came without DOCUMENT_ROOT, and got a 404: %s.", times), "Have the web server send it: with nginx, include fastcgi_params.")
			return
		}
		x.add(kindDocrootUnmatched, Subject{Docroot: r.DocumentRoot}, fmt.Sprintf("No site has the DOCUMENT_ROOT %s, so that requests got a 404: %s.", r.DocumentRoot, times),
			fmt.Sprintf("Add a [site.NAME] with docroot = %q, or correct the web server's root.", r.DocumentRoot))
	case "forbidden":
		x.add(kindScriptRefused, s, fmt.Sprintf("Requests got a 403 since their SCRIPT_FILENAME, %q, is not inside the docroot: %s.", r.ScriptFilename, times),
			"Send $document_root$fastcgi_script_name; or name the script's directory in extra_roots.")
	case "params_too_long":
		x.add(kindParamsTooLong, s, fmt.Sprintf("Requests got a 431 since what the web server sent is too long: %s: %s.", r.Error, times), "Limit headers in the web server.")
	case "include_path":
		x.add(kindIncludePathRefused, s, fmt.Sprintf("Requests got a 500 since their include_path cannot be mapped: %s: %s.", r.Error, times), "Name the release, or the web server's include_path, otherwise.")
	}
}

// hasSite says whether the configuration has a site for a docroot by now.
func (x *examination) hasSite(docroot string) bool {
	return slices.ContainsFunc(x.config.Sites, func(s gateway.SiteConfig) bool { return s.Has(path.Clean(docroot)) })
}

// seenOf are the requests of a pool's sites that the daemon has seen lately.
func (x *examination) seenOf(pool string) (seen []control.SeenRequest) {
	if x.view == nil {
		return nil
	}
	for _, site := range x.sitesOf(pool) {
		for _, r := range x.view.Requests {
			if r.Site == site.Name {
				seen = append(seen, r)
			}
		}
	}
	return seen
}

func clock(t time.Time) string { return t.Local().Format(time.TimeOnly) }
