package gateway

import (
	"slices"

	"realdocd/incpath"
)

// rewrite makes everything that PHP can see of the docroot agree with the
// release. Pairs that do not name it go on byte for byte.
func (rq *request) rewrite() error {
	if rq.visit.Release == nil {
		if err := rq.rewriteValues(nil); err != nil {
			return err
		}
		if err := rq.translate(); err != nil {
			return err
		}
		return rq.carryValues()
	}
	m := rq.mapping()
	if rq.arrival != nil && rq.arrival.as != "" {
		m.Spellings = append(slices.Clip(m.Spellings), rq.arrival.spelling(m.Release))
	}
	if err := rq.rewriteScript(&m); err != nil {
		return err
	}
	rq.set(rq.cgi.documentRoot, "DOCUMENT_ROOT", rq.bytes(rq.arrival.root(rq.visit, &m)))
	if err := rq.rewriteTranslated(&m); err != nil {
		return err
	}
	rq.rewriteParams(&m)
	if err := rq.rewriteValues(&m); err != nil {
		return err
	}
	rq.set(0, "REALDOC_RELEASE", rq.bytes(rq.visit.Name))
	rq.sendRequestID()
	rq.sendTraceparent()
	if rq.site.readsPins.Load() && rq.conn.errand == nil {
		rq.tellPin()
	}
	if err := rq.translate(); err != nil {
		return err
	}
	return rq.carryValues()
}

// rewriteTranslated maps PATH_TRANSLATED. Where there is a REDIRECT_URL, and SCRIPT_FILENAME
// is another path and not Apache's, PHP-FPM takes it for the script (php-src
// sapi/fpm/fpm/fpm_main.c, init_request_info): then it must lie inside, too.
func (rq *request) rewriteTranslated(m *incpath.Mapping) error {
	at := rq.cgi.pathTranslated
	if len(rq.value(at)) == 0 {
		return nil
	}
	prefix, sent := splitProxyPrefix(borrow(rq.value(at)))
	if mapped, ok := m.Path(sent); ok && mapped != sent && !rq.site.keepParams["PATH_TRANSLATED"] {
		rq.setPath(at, prefix, mapped)
	}
	if rq.cgi.redirectURL == 0 {
		return nil
	}
	runs, script := borrow(rq.value(at)), borrow(rq.value(rq.cgi.scriptFilename))
	if ofApache, _ := splitProxyPrefix(script); ofApache != "" || runs == script || rq.mayRun(m, runs) {
		return nil
	}
	return refuse(causeForbidden, "PATH_TRANSLATED %q, which PHP-FPM runs where there is a REDIRECT_URL, is not inside %s nor an extra root of site %s", runs, rq.visit.Docroot, rq.site.Name)
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
