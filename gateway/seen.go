package gateway

import (
	"net"
	"sync/atomic"

	"realdocd/gateway/control"
)

// ScriptFile is a SCRIPT_FILENAME without what Apache's mod_proxy_fcgi writes before it.
func ScriptFile(scriptFilename string) string {
	_, file := splitProxyPrefix(scriptFilename)
	return file
}

// maxSeen bounds, in bytes, what is kept of one param.
const maxSeen = 1 << 10

// seenRequests keep what came with one of a site's requests, a new one every
// logEvery at most: what a request costs where it is none of those is one load.
type seenRequests struct {
	every limiter
	last  atomic.Pointer[control.SeenRequest]
}

// see keeps the request, now and then. It is called before anything of the
// request is rewritten. A warm-up is our own and tells nothing.
func (s *seenRequests) see(rq *request) {
	if rq.conn.pin != "" || !s.every.allow(rq.began) {
		return
	}
	seen := &control.SeenRequest{
		Site: rq.site.Name, Time: rq.began, Transport: rq.conn.transport(), KeepConn: rq.conn.keep,
		DocumentRoot: keepSeen(rq.value(rq.cgi.documentRoot)), ScriptFilename: keepSeen(rq.value(rq.cgi.scriptFilename)),
		PHPValue: keepSeen(rq.value(rq.cgi.phpValue)), PHPAdminValue: keepSeen(rq.value(rq.cgi.phpAdminValue)),
	}
	for _, p := range rq.pairs {
		switch string(p.Name) {
		case "SERVER_SOFTWARE":
			seen.ServerSoftware = keepSeen(p.Value)
		case "REDIRECT_STATUS":
			seen.RedirectStatus = keepSeen(p.Value)
		}
	}
	s.last.Store(seen)
}

func keepSeen(value []byte) string { return string(value[:min(len(value), maxSeen)]) }

// transport is how the web server has connected.
func (c *webConn) transport() string {
	if _, tcp := c.web.FileConn.(*net.TCPConn); tcp {
		return "tcp"
	}
	return "unix"
}
