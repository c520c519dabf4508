package gateway

import (
	"bytes"
)

// noteParams notes where the variables are that decide something, and leaves out what
// must not go on: HTTP_PROXY, which programs take for their own proxy and every visitor
// can send (httpoxy), what is ours to set, and all but the last of a
// variable that decides and came twice. PHP takes the last, and others the first: a
// script that was checked would not be the one that runs.
func (rq *request) noteParams() {
	drop := false
	for i, p := range rq.pairs {
		if mayNotPass(p.Name) {
			rq.pairs[i].Name, drop = nil, true
			continue
		}
		at := rq.cgi.field(p.Name)
		if at == nil {
			continue
		}
		if *at != 0 {
			rq.pairs[*at-1].Name, drop = nil, true
		}
		*at = param(i + 1)
	}
	if !drop {
		return
	}
	kept := rq.pairs[:0]
	for _, p := range rq.pairs {
		if p.Name == nil {
			continue
		}
		kept = append(kept, p)
		if at := rq.cgi.field(p.Name); at != nil {
			*at = param(len(kept))
		}
	}
	clear(rq.pairs[len(kept):])
	rq.pairs = kept
}

// byteOrderMark is what PHP's scanner of INI texts passes over at the beginning, and only
// there (php-src, Zend/zend_ini_scanner.l).
var byteOrderMark = []byte("\ufeff")

// dropMarks leaves out the marks before the directives that PHP is to set: behind one, the
// first would have another name for us than for PHP. Of several PHP passes over the first,
// and would over the next if we left only that out.
func (rq *request) dropMarks() {
	for _, at := range [...]param{rq.cgi.phpValue, rq.cgi.phpAdminValue} {
		for bytes.HasPrefix(rq.value(at), byteOrderMark) {
			rq.pairs[at-1].Value = rq.pairs[at-1].Value[len(byteOrderMark):]
		}
	}
}

func mayNotPass(name []byte) bool {
	switch string(name) {
	case "HTTP_PROXY", "REALDOC_RELEASE", "REALDOC_ASK", "REALDOC_PIN", queueParam:
		return true
	}
	return false
}

// checkPaths refuses a path with a byte that PHP, or whoever reads its log, takes for an
// end. A line's end in PATH_INFO is how PHP-FPM was made to write where it must not
// (CVE-2019-11043), and a NUL ends a script's name for the kernel, but not for us.
func (rq *request) checkPaths() error {
	for _, at := range [...]param{rq.cgi.scriptFilename, rq.cgi.pathTranslated, rq.cgi.pathInfo, rq.cgi.documentRoot} {
		if i := bytes.IndexAny(rq.value(at), "\x00\r\n"); i >= 0 {
			p := rq.pairs[at-1]
			return refuse(causeBadRequest, "%s %q has, at byte %d, what is in no path", p.Name, p.Value, i)
		}
	}
	return nil
}
