package gateway

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"os"
	"path"
	"strings"
	"time"

	"realdocd/deploy"
	"realdocd/gateway/control"
	"realdocd/gateway/sock"
)

// Warm runs a site's warm requests on a release, a directory by its absolute
// path, while visitors still get the live one: through the same rewriting, in
// each FPM of the site's pool, before those who wait for a place. It ends with the first
// that does not go well.
func (s *Server) Warm(ctx context.Context, name, docroot, release string) ([]control.WarmResult, error) {
	st, docroot, v, err := s.enterNamed(name, docroot, release)
	if err != nil {
		return nil, err
	}
	// So that nobody takes the release for idle between two requests.
	defer v.Withdraw()
	pool, err := st.poolOf(docroot)
	if err != nil {
		return nil, err
	}
	results := []control.WarmResult{}
	for _, server := range pool.Up() {
		for _, uri := range st.Warm {
			r := s.warmOne(ctx, st, docroot, v, server, uri)
			results = append(results, r)
			if r.Error != "" && !r.Unasked {
				return results, nil
			}
		}
	}
	return results, nil
}

// maxHead is how much of a response that is not well goes to the operator.
const maxHead = 1 << 10

func (s *Server) warmOne(ctx context.Context, st *site, docroot string, v deploy.Visit, server sock.Addr, uri string) control.WarmResult {
	began := time.Now()
	ctx, cancel := context.WithTimeout(ctx, st.WarmTimeout)
	defer cancel()
	r := control.WarmResult{URI: uri, Server: string(server)}
	errand := &errand{release: v.Path, server: server}
	params, note := warmParams(docroot, v.Docroot, uri)
	answer, err := s.askOurselves(ctx, errand, params)
	r.Took = time.Since(began).Seconds()
	r.Unasked = errand.unasked.Load()
	switch {
	case ctx.Err() != nil:
		r.Error = fmt.Sprintf("no answer within warm_timeout (%s)", st.WarmTimeout)
		r.Unasked = !errand.placed.Load()
	case err != nil:
		r.Error = err.Error()
	default:
		r.Status, r.Note = answer.Status, note
		if to, err := url.Parse(answer.Header().Get("Location")); err == nil && to.Host != "" && to.Host != params["HTTP_HOST"] {
			r.Note = strings.TrimPrefix(note+"; ", "; ") + "it redirects to another host, " + to.Host
		}
		if r.Status < 200 || r.Status > 399 {
			r.Error = fmt.Sprintf("the answer is %d %s", r.Status, http.StatusText(r.Status))
			if r.Unasked {
				r.Error += " of realdocd itself: no FPM has run it"
			}
			r.Head = string(answer.Body()[:min(len(answer.Body()), maxHead)])
			if said := answer.Stderr(); said != "" {
				r.Head = said + "\n" + r.Head
			}
		}
	}
	return r
}

// warmParams are what a web server with a front controller sends: a path that
// names a PHP file runs it, every other runs index.php, which the note says.
func warmParams(docroot, resolved, uri string) (params map[string]string, note string) {
	params = map[string]string{
		"REQUEST_METHOD": http.MethodGet, "SERVER_PROTOCOL": "HTTP/1.1", "GATEWAY_INTERFACE": "CGI/1.1",
		"REMOTE_ADDR": "127.0.0.1", "REMOTE_PORT": "40000", "SERVER_ADDR": "127.0.0.1", "SERVER_SOFTWARE": "realdocd",
		"CONTENT_TYPE": "", "CONTENT_LENGTH": "", "REDIRECT_STATUS": "200", "HTTP_ACCEPT": "*/*",
		"HTTP_USER_AGENT": "realdocd warm-up", "DOCUMENT_ROOT": docroot,
	}
	u, err := url.Parse(uri)
	if err != nil {
		u = &url.URL{Path: uri}
	}
	maps.Copy(params, hostParams(u))
	params["REQUEST_URI"], params["QUERY_STRING"] = u.RequestURI(), u.RawQuery
	script := "/index.php"
	if at := strings.Index(u.Path+"/", ".php/"); at >= 0 {
		named := path.Clean(u.Path[:at+len(".php")])
		if isFile(resolved + named) {
			script = named
			params["PATH_INFO"] = u.Path[at+len(".php"):]
		}
	}
	switch asked := path.Clean("/" + u.Path); {
	case script != "/index.php" || asked == "/" || asked == script:
	case isFile(resolved + asked):
		note = "a file that a web server answers itself: index.php ran"
	default:
		note = "no such file: index.php ran"
	}
	params["SCRIPT_NAME"], params["SCRIPT_FILENAME"], params["DOCUMENT_URI"] = script, docroot+script, script
	return params, note
}

// hostParams are those of a URL's scheme and host, which applications build cache keys and
// links of.
func hostParams(u *url.URL) map[string]string {
	params := map[string]string{"HTTP_HOST": "localhost", "SERVER_NAME": "localhost", "SERVER_PORT": "80", "REQUEST_SCHEME": "http"}
	if u.Host != "" {
		params["HTTP_HOST"], params["SERVER_NAME"] = u.Host, u.Hostname()
	}
	if u.Scheme == "https" {
		params["HTTPS"], params["SERVER_PORT"], params["REQUEST_SCHEME"] = "on", "443", "https"
	}
	if port := u.Port(); port != "" {
		params["SERVER_PORT"] = port
	}
	return params
}

func isFile(path string) bool {
	fi, err := os.Stat(path)
	return err == nil && fi.Mode().IsRegular()
}
