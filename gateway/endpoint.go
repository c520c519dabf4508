package gateway

import (
	"net"
	"net/http"
	"path/filepath"
	"time"
)

// An endpoint serves HTTP beside the requests of web servers: the control socket
// or the metrics. A nil endpoint serves nothing, at the address "".
type endpoint struct {
	addr string
	srv  *http.Server
	ln   net.Listener
}

// controlMode lets the daemon's own user and group in, and nobody else.
const controlMode = 0o660

func openEndpoint(addr string, h http.Handler) (*endpoint, error) {
	if addr == "" {
		return nil, nil
	}
	ln, err := listen(addr, controlMode)
	if err != nil {
		return nil, err
	}
	return &endpoint{addr, &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second}, ln}, nil
}

func (e *endpoint) at(addr string) bool {
	if e == nil {
		return addr == ""
	}
	return e.addr == addr
}

// serve begins to answer, until close.
func (e *endpoint) serve() {
	if e != nil {
		go e.srv.Serve(e.ln)
	}
}

// replacedBy closes the endpoint and serves another, where addr is not its own.
func (e *endpoint) replacedBy(other *endpoint, addr string) *endpoint {
	if e.at(addr) {
		return e
	}
	e.close()
	other.serve()
	return other
}

func (e *endpoint) close() {
	if e != nil {
		e.srv.Close()
		e.ln.Close()
	}
}

// controlDir is where the control socket is; "" where there is none.
func controlDir(socket string) string {
	if socket == "" {
		return ""
	}
	return filepath.Dir(socket)
}
