package gateway

import (
	"net/url"
	"path"
	"regexp"
	"slices"
	"strings"

	"realdocd/incpath"
)

// rewriteScript maps SCRIPT_FILENAME and keeps it inside the docroot or one of the
// site's extra roots. Apache's prefix stays in place, because FPM goes by it
// (php-src sapi/fpm/fpm/fpm_main.c, init_request_info). Where it is missing, FPM
// takes PATH_TRANSLATED; without both it runs no script, and answers its own pages.
func (rq *request) rewriteScript(m *incpath.Mapping) error {
	at, name := rq.cgi.scriptFilename, "SCRIPT_FILENAME"
	if len(rq.value(at)) == 0 {
		at, name = rq.cgi.pathTranslated, "PATH_TRANSLATED"
	}
	sent := borrow(rq.value(at))
	if asked := borrow(rq.value(rq.cgi.scriptName)); (sent == "" || sent == asked) && looksLikePage(asked) {
		rq.dropScript() // FPM's own page: see takePage
		return nil
	}
	if sent == "" {
		return refuse(causeForbidden, "the web server sent no SCRIPT_FILENAME: pass it as a FastCGI parameter")
	}
	prefix, script := splitProxyPrefix(sent)
	if script == "" || script[0] != '/' {
		return refuse(causeForbidden, "%s %q is not inside %s: it is relative, and to what only PHP-FPM knows; pass $document_root$fastcgi_script_name, or the like", name, sent, rq.visit.Docroot)
	}
	encodes := prefix != "" && needsEncoding(m.Release) && rq.pool.DecodesScripts()
	if !encodes && rq.mapPlainScript(at, m, prefix, script) {
		return nil
	}
	mapped, ok := rq.locateScript(m, script)
	if !ok && rq.learnSpelling(m, path.Dir(script)) {
		mapped, ok = rq.locateScript(m, script)
	}
	if !ok && prefix != "" && strings.IndexByte(script, '%') >= 0 {
		// As Apache's ProxyPass encodes it: compared decoded, written encoded.
		if decoded, err := url.PathUnescape(script); err == nil {
			if mapped, ok = rq.locateScript(m, decoded); ok {
				rq.setPath(at, prefix, encodePath(mapped))
				return nil
			}
		}
	}
	if !ok {
		return refuse(causeForbidden, "%s %q is not inside %s nor an extra root of site %s", name, sent, rq.visit.Docroot, rq.site.Name)
	}
	if mapped == script {
		return nil
	}
	if encodes {
		mapped = encodeRelease(mapped, m.Release)
	}
	rq.setPath(at, prefix, mapped)
	return nil
}

// mapPlainScript maps a script that is written as the configuration has the docroot,
// without an allocation.
func (rq *request) mapPlainScript(at param, m *incpath.Mapping, prefix, script string) bool {
	plain := m.Spellings[0]
	out := append(rq.text, prefix...)
	path := len(out)
	out, ok := incpath.Append(out, script, plain[0], plain[1])
	if !ok || !incpath.Inside(borrow(out[path:]), rq.visit.Docroot) {
		return false
	}
	rq.pairs[at-1].Value, rq.text = out[len(rq.text):], out
	return true
}

// learnSpelling asks the disk how a directory that is written in an unknown way comes
// to the request's release, and adds that to the mapping.
func (rq *request) learnSpelling(m *incpath.Mapping, dir string) bool {
	s, now := rq.conn.s, rq.setup
	at := now.arrivals.find(dir, rq.began, func(dir string) *arrival { return s.locate(now, dir) })
	if at == nil || at.site != rq.site || at.as == "" {
		return false
	}
	m.Spellings = append(slices.Clip(m.Spellings), at.spelling(m.Release))
	return true
}

// locateScript tells where a script lies for this request; ok is whether it may run.
func (rq *request) locateScript(m *incpath.Mapping, script string) (mapped string, ok bool) {
	mapped, _ = m.Path(script)
	if rq.mayRun(m, mapped) {
		return mapped, true
	}
	if rq.mayRun(m, script) && !rq.site.releases.InClosed(script) { // an extra root that lies in a release, say
		return script, true
	}
	for _, release := range [...]string{m.Release, rq.visit.Home()} {
		if rest, ok := besideRelease(script, release, rq.visit.Below()); ok && rq.mayRun(m, m.Release+rest) {
			return m.Release + rest, true
		}
	}
	return script, false
}

// besideRelease gives what is below a release of a path that is in a directory beside
// it, with the same way down to the docroot or, if there is none, with a name of the
// same shape. Nobody may have seen it live.
func besideRelease(script, release, below string) (rest string, ok bool) {
	in, ok := strings.CutPrefix(script, path.Dir(release)+"/")
	name, rest, more := strings.Cut(in, "/")
	switch {
	case !ok || name == "":
		return "", false
	case below == "":
		ok = sameShape(name, path.Base(release))
	default:
		ok = incpath.Inside("/"+rest, below)
	}
	if more {
		rest = "/" + rest
	}
	return rest, ok
}

// sameShape says whether two names differ in their numbers only, as rel-41 and rel-42,
// or are both the hashes of commits.
func sameShape(a, b string) bool { return a != "" && shape(a) == shape(b) && shape(a) != a }

var hash = regexp.MustCompile(`^[0-9a-f]{7,40}$`)

func shape(name string) string {
	if hash.MatchString(name) {
		return "#"
	}
	return digits.ReplaceAllString(name, "#")
}

var digits = regexp.MustCompile(`[0-9]+`)

func (rq *request) mayRun(m *incpath.Mapping, script string) bool {
	if incpath.Inside(script, rq.visit.Docroot) || incpath.Inside(script, rq.visit.RealDocroot()) {
		return true
	}
	for _, root := range rq.site.ExtraRoots {
		mapped, _ := m.Path(root)
		if incpath.Inside(script, path.Clean(mapped)) {
			return true
		}
	}
	return false
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

// encodeRelease encodes the release of a path of which the rest is as the web server
// has sent it: PHP decodes both.
func encodeRelease(path, release string) string {
	rest, ok := strings.CutPrefix(path, release)
	if !ok {
		return path
	}
	return encodePath(release) + rest
}

// needsEncoding says whether encodePath changes a path.
func needsEncoding(path string) bool {
	for i := range len(path) {
		if !isPlainByte(path[i]) {
			return true
		}
	}
	return false
}

func isPlainByte(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.IndexByte("$-_.+!*'(),:@&=/~", c) >= 0
}

// encodePath encodes as Apache does (ap_os_escape_path, which leaves a "+" alone and
// takes "%" for itself).
func encodePath(path string) string {
	const hex = "0123456789abcdef"
	var b strings.Builder
	for i := range len(path) {
		c := path[i]
		if isPlainByte(c) {
			b.WriteByte(c)
			continue
		}
		b.Write([]byte{'%', hex[c>>4], hex[c&15]})
	}
	return b.String()
}
