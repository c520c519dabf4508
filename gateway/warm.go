package gateway

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"path"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"realdocd/deploy"
	"realdocd/gateway/control"
	"realdocd/gateway/fpm"
)

// Warm runs a site's warm requests on a release, a directory by its absolute
// path, while visitors still get the live one: through the same rewriting, in
// the site's pool. It ends with the first that does not go well.
func (s *Server) Warm(ctx context.Context, name, docroot, release string) ([]control.WarmResult, error) {
	st, docroot, err := s.site(name, docroot)
	if err != nil {
		return nil, err
	}
	v, err := st.releases.EnterRelease(docroot, release)
	if err != nil {
		return nil, err
	}
	// So that nobody takes the release for idle between two requests.
	defer v.Withdraw()
	results := []control.WarmResult{}
	for _, uri := range st.Warm {
		r := s.warmOne(ctx, st, docroot, v, uri)
		results = append(results, r)
		if r.Error != "" {
			break
		}
	}
	return results, nil
}

// maxHead is how much of a response that is not well goes to the operator.
const maxHead = 1 << 10

func (s *Server) warmOne(ctx context.Context, st *site, docroot string, v deploy.Visit, uri string) control.WarmResult {
	began := time.Now()
	ctx, cancel := context.WithTimeout(ctx, st.WarmTimeout)
	defer cancel()
	r := control.WarmResult{URI: uri}
	answer, err := s.askOurselves(ctx, v.Path, warmParams(docroot, v.Docroot, uri))
	r.Took = time.Since(began).Seconds()
	switch {
	case ctx.Err() != nil:
		r.Error = fmt.Sprintf("no answer within warm_timeout (%s)", st.WarmTimeout)
	case err != nil:
		r.Error = err.Error()
	default:
		r.Status = answer.Status
		if r.Status < 200 || r.Status > 399 {
			r.Error = fmt.Sprintf("the answer is %d %s", r.Status, http.StatusText(r.Status))
			r.Head = string(answer.Body()[:min(len(answer.Body()), maxHead)])
			if said := answer.Stderr(); said != "" {
				r.Head = said + "\n" + r.Head
			}
		}
	}
	return r
}

// askOurselves sends a request to the Server itself, as a web server would, on
// a connection whose requests run on a release that need not be live.
func (s *Server) askOurselves(ctx context.Context, release string, params map[string]string) (*fpm.Response, error) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return nil, os.NewSyscallError("socketpair", err)
	}
	var ends [2]net.Conn
	for i, fd := range fds {
		f := os.NewFile(uintptr(fd), "warm-up")
		conn, connErr := net.FileConn(f)
		f.Close()
		if connErr != nil {
			err = connErr
			continue
		}
		ends[i] = conn
	}
	if err != nil {
		return nil, fmt.Errorf("connect to ourselves: %w", err)
	}
	s.openPinned(ends[0], release)
	defer ends[1].Close()
	return fpm.RunOver(ctx, ends[1], params)
}

// warmParams are what a web server with a front controller sends: a path that
// names a PHP file runs it, every other runs index.php.
func warmParams(docroot, resolved, uri string) map[string]string {
	params := map[string]string{
		"REQUEST_METHOD": http.MethodGet, "SERVER_PROTOCOL": "HTTP/1.1", "GATEWAY_INTERFACE": "CGI/1.1",
		"REMOTE_ADDR": "127.0.0.1", "SERVER_SOFTWARE": "realdocd", "REDIRECT_STATUS": "200",
		"HTTP_USER_AGENT": "realdocd warm-up", "DOCUMENT_ROOT": docroot, "HTTP_HOST": "localhost", "SERVER_NAME": "localhost",
	}
	u, err := url.Parse(uri)
	if err != nil {
		u = &url.URL{Path: uri}
	}
	if u.Host != "" {
		params["HTTP_HOST"], params["SERVER_NAME"] = u.Host, u.Hostname()
	}
	if u.Scheme == "https" {
		params["HTTPS"] = "on"
	}
	params["REQUEST_URI"], params["QUERY_STRING"] = u.RequestURI(), u.RawQuery
	script := "/index.php"
	if at := strings.Index(u.Path+"/", ".php/"); at >= 0 {
		named := path.Clean(u.Path[:at+len(".php")])
		if fi, err := os.Stat(resolved + named); err == nil && fi.Mode().IsRegular() {
			script = named
			params["PATH_INFO"] = u.Path[at+len(".php"):]
		}
	}
	params["SCRIPT_NAME"], params["SCRIPT_FILENAME"], params["DOCUMENT_URI"] = script, docroot+script, script
	return params
}
