package gateway

import (
	"bytes"
	"fmt"
	"path"
	"strings"

	"realdocd/incpath"
)

// rewrite makes everything that PHP can see of the docroot agree with the
// release. Pairs that do not name it go on byte for byte.
func (rq *request) rewrite() error {
	if rq.visit.Release == nil {
		return rq.rewriteIncludePath()
	}
	if err := rq.rewriteScript(); err != nil {
		return err
	}
	rq.set(rq.cgi.documentRoot, "DOCUMENT_ROOT", rq.bytes(rq.visit.Docroot))
	rq.rewritePath(rq.cgi.pathTranslated)
	rq.rewritePath(rq.cgi.contextDocumentRoot)
	if err := rq.rewriteIncludePath(); err != nil {
		return err
	}
	rq.set(0, "REALDOC_RELEASE", rq.bytes(rq.visit.Name))
	rq.sendRequestID()
	return nil
}

// rewriteScript maps SCRIPT_FILENAME and keeps it inside the resolved docroot
// or one of the site's extra roots. Apache's prefix stays in place, because
// FPM goes by it (php-src sapi/fpm/fpm/fpm_main.c, init_request_info).
func (rq *request) rewriteScript() error {
	sent := borrow(rq.value(rq.cgi.scriptFilename))
	if sent == "" {
		return refuse(causeForbidden, "the web server sent no SCRIPT_FILENAME: pass it as a FastCGI parameter")
	}
	prefix, script := splitProxyPrefix(sent)
	mapped, _ := incpath.Map(script, rq.visit.Link, rq.visit.Path)
	if !rq.mayRun(mapped) {
		return refuse(causeForbidden, "SCRIPT_FILENAME %q is not inside %s nor an extra root of site %s",
			sent, rq.visit.Docroot, rq.site.Name)
	}
	if mapped != script {
		rq.setPath(rq.cgi.scriptFilename, prefix, mapped)
	}
	return nil
}

// splitProxyPrefix takes "proxy:fcgi://host[:port]" or "proxy:balancer://name",
// which Apache's mod_proxy_fcgi writes before a script's path, off it.
func splitProxyPrefix(script string) (prefix, file string) {
	for _, scheme := range [...]string{"proxy:fcgi://", "proxy:balancer://"} {
		if !strings.HasPrefix(script, scheme) {
			continue
		}
		if slash := strings.IndexByte(script[len(scheme):], '/'); slash >= 0 {
			return script[:len(scheme)+slash], script[len(scheme)+slash:]
		}
	}
	return "", script
}

func (rq *request) mayRun(script string) bool {
	if incpath.Inside(script, rq.visit.Docroot) {
		return true
	}
	for _, root := range rq.site.ExtraRoots {
		mapped, _ := incpath.Map(root, rq.visit.Link, rq.visit.Path)
		if incpath.Inside(script, path.Clean(mapped)) {
			return true
		}
	}
	return false
}

func (rq *request) rewritePath(at param) {
	if at == 0 {
		return
	}
	prefix, sent := splitProxyPrefix(borrow(rq.value(at)))
	if mapped, ok := incpath.Map(sent, rq.visit.Link, rq.visit.Path); ok {
		rq.setPath(at, prefix, mapped)
	}
}

// setPath gives a variable that is there a path behind its prefix.
func (rq *request) setPath(at param, prefix, path string) {
	start := len(rq.text)
	rq.text = append(append(rq.text, prefix...), path...)
	rq.pairs[at-1].Value = rq.text[start:]
}

// bytes copies s to where it lives as long as the request.
func (rq *request) bytes(s string) []byte {
	at := len(rq.text)
	rq.text = append(rq.text, s...)
	return rq.text[at:]
}

// rewriteIncludePath maps include_path where the web server sends one, and
// otherwise sends the site's. On a pool where anything sets include_path every
// request carries one, since FPM leaves it set in the worker for the next.
func (rq *request) rewriteIncludePath() error {
	carried := false
	for _, at := range [...]param{rq.cgi.phpValue, rq.cgi.phpAdminValue} {
		sent := rq.value(at)
		if !bytes.Contains(sent, []byte("include_path")) {
			continue
		}
		out, found, err := rq.mapValue(borrow(sent))
		if err != nil {
			return refuse(causeIncludePath, "map include_path in %s: %w", rq.pairs[at-1].Name, err)
		}
		carried = carried || found
		rq.pairs[at-1].Value = out
	}
	if carried {
		rq.pool.SetsIncludePath.Store(true)
		return nil
	}
	if !rq.pool.SetsIncludePath.Load() {
		return nil
	}
	out, err := rq.addIncludePath(borrow(rq.value(rq.cgi.phpValue)))
	if err != nil {
		return refuse(causeIncludePath, "add include_path to PHP_VALUE: %w", err)
	}
	rq.set(rq.cgi.phpValue, "PHP_VALUE", out)
	return nil
}

// mapValue maps the include_path directives of a PHP_VALUE.
func (rq *request) mapValue(value string) (out []byte, found bool, err error) {
	if rq.visit.Release == nil {
		text, found, err := incpath.Rewrite(value, func(s string) string { return s })
		return []byte(text), found, err
	}
	if v := rq.site.mapped.get(rq.visit.Release, value); v != nil {
		return v.out, v.found, nil
	}
	if err := rq.mayStandInList(); err != nil {
		return nil, false, err
	}
	text, found, err := incpath.Rewrite(value, rq.mapping().List)
	if err != nil {
		return nil, false, err
	}
	return rq.site.mapped.put(rq.visit.Release, value, text, found), found, nil
}

// mayStandInList refuses a release that would fall into two entries of an
// include_path.
func (rq *request) mayStandInList() error {
	if strings.Contains(rq.visit.Path, ":") {
		return fmt.Errorf("release %q has a \":\", which separates the entries of include_path: name it without", rq.visit.Path)
	}
	return nil
}

// addIncludePath adds the site's include_path, or the pool's where the site
// has none.
func (rq *request) addIncludePath(value string) ([]byte, error) {
	if rq.visit.Release == nil {
		text, err := incpath.AppendDirective(value, rq.pool.Config().IncludePath)
		return []byte(text), err
	}
	if v := rq.site.added.get(rq.visit.Release, value); v != nil {
		return v.out, nil
	}
	includePath := rq.pool.Config().IncludePath
	if rq.site.IncludePath != "" {
		if err := rq.mayStandInList(); err != nil {
			return nil, err
		}
		includePath = rq.mapping().List(rq.site.IncludePath)
	}
	text, err := incpath.AppendDirective(value, includePath)
	if err != nil {
		return nil, err
	}
	return rq.site.added.put(rq.visit.Release, value, text, true), nil
}
