// Package gateway is the daemon: it takes FastCGI requests from web servers,
// pins each to the release that is live when it begins, and passes it on to
// PHP-FPM.
//
// The way of a request is (*Server).run in request.go, and reads top to bottom:
// read the params, find the site and enter its release, rewrite, read the body,
// connect to FPM, relay. Each step is a call down. What a request knows travels
// in one request value.
//
// # Goroutines
//
// One goroutine serves a connection of a web server (webConn.serve), one request
// after another, and does all input and output of a usual request. A body too
// large to be sent at once has a second one beside it (request.sendRequest) for
// as long as the request lasts. One goroutine a server waits for web servers
// that hang up (hangups.run), one a listener accepts (Server.accept).
//
// # What can go wrong
//
// A step that fails returns a *refusal with the status for the visitor and the
// cause for the log; (*request).fail turns it into a complete CGI response. When
// a part of FPM's response has gone out, the connection is broken instead, so
// that the web server can tell. Each request is logged once, at its end.
//
// # Idle connections
//
// A web server may keep thousands of connections. One that waits holds a
// descriptor, a goroutine and no buffer: a sock takes one from a pool only when
// there is something to read.
package gateway
