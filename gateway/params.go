package gateway

import (
	"bytes"
	"strings"

	"realdocd/incpath"
)

// rewriteParams maps what else the web server has set: a variable that is a path at or
// below the link, whole or as an item of a list that is joined by ":". What the client
// can write stays as it is, unless the site names it in map_params.
func (rq *request) rewriteParams(m *incpath.Mapping) {
	for i := range rq.pairs {
		p := &rq.pairs[i]
		if len(p.Value) < 2 || p.Value[0] != '/' && !bytes.Contains(p.Value, pathInList) {
			if !rq.site.mapParams[string(p.Name)] {
				continue
			}
		}
		sent := borrow(p.Value)
		switch {
		case isWritten(p.Name) || rq.site.keepParams[string(p.Name)]:
		case rq.site.mapParams[string(p.Name)]:
			if mapped := m.Text(sent); mapped != sent {
				rq.setPath(param(i+1), "", mapped)
			}
		case !clientMayWrite(borrow(p.Name)):
			if mapped := m.List(sent); mapped != sent {
				rq.setPath(param(i+1), "", mapped)
			}
		}
	}
}

var pathInList = []byte(":/")

// isWritten says whether a variable has its own way of being mapped.
func isWritten(name []byte) bool {
	switch string(name) {
	case "DOCUMENT_ROOT", "SCRIPT_FILENAME", "PHP_VALUE", "PHP_ADMIN_VALUE":
		return true
	}
	return false
}

// clientMayWrite says whether a variable's value comes from the client, all of it or a
// part: its headers, its URL, and what is made of them (RFC 3875, and what nginx,
// Apache, lighttpd, Caddy and PHP add).
func clientMayWrite(name string) bool {
	for strings.HasPrefix(name, "REDIRECT_") { // Apache's copies, one for each internal redirect
		name = name[len("REDIRECT_"):]
	}
	name = strings.TrimPrefix(name, "ORIG_") // as PHP writes
	switch name {
	case "REQUEST_URI", "QUERY_STRING", "PATH_INFO", "SCRIPT_NAME", "DOCUMENT_URI", "PHP_SELF", "REQUEST_METHOD",
		"URL", "SCRIPT_URL", "SCRIPT_URI", "REQUEST_URL", "UNENCODED_URL", "THE_REQUEST", "REQUEST", "ARGS",
		"CONTENT_TYPE", "CONTENT_LENGTH", "SERVER_NAME", "SERVER_PROTOCOL", "REQUEST_SCHEME",
		"REMOTE_USER", "REMOTE_IDENT", "REMOTE_HOST", "REMOTE_ADDR", "AUTH_TYPE", "REQUEST_ID", "UNIQUE_ID":
		return true
	}
	return strings.HasPrefix(name, "HTTP_") || strings.HasPrefix(name, "PHP_AUTH_") || strings.HasPrefix(name, "SSL_CLIENT_")
}

// setOf is a set of names; nil for none.
func setOf(names []string) map[string]bool {
	if len(names) == 0 {
		return nil
	}
	set := map[string]bool{}
	for _, name := range names {
		set[name] = true
	}
	return set
}
