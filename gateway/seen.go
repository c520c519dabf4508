package gateway

import (
	"net"
	"sync/atomic"

	"realdocd/gateway/control"
)

// ScriptFile is a SCRIPT_FILENAME without the prefix that Apache's mod_proxy_fcgi puts
// before it.
func ScriptFile(scriptFilename string) string {
	_, file := splitProxyPrefix(scriptFilename)
	return file
}

// maxSeen is how much is kept of one param, in bytes.
const maxSeen = 1 << 10

// seenRequests keep what came with the last of a site's requests that was looked at.
// One is looked at every logEvery at most; all others cost one load of an atomic.
type seenRequests struct {
	every limiter
	last  atomic.Pointer[control.SeenRequest]
}

// see keeps what came with the request, if it is time to look at one. The caller has
// not rewritten anything of the request yet. A warm-up is our own request and says
// nothing about the web server.
func (s *seenRequests) see(rq *request) {
	if rq.conn.errand != nil || !s.every.allow(rq.began) {
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

// transport says how the web server has connected: "unix" or "tcp".
func (c *webConn) transport() string {
	if _, tcp := c.web.FileConn.(*net.TCPConn); tcp {
		return "tcp"
	}
	return "unix"
}
