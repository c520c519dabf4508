package gateway

import (
	"net"
	"net/http"
	"path/filepath"
	"time"
)

// An adminSocket serves HTTP beside the requests of web servers: the control socket
// or the metrics. A nil one serves nothing, at the address "".
type adminSocket struct {
	addr string
	srv  *http.Server
	ln   net.Listener
}

// controlMode lets the daemon's own user and group in, and nobody else.
const controlMode = 0o660

func openAdmin(addr string, h http.Handler) (*adminSocket, error) {
	if addr == "" {
		return nil, nil
	}
	ln, err := listen(addr, controlMode)
	if err != nil {
		return nil, err
	}
	return &adminSocket{addr, &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second}, ln}, nil
}

func (e *adminSocket) at(addr string) bool {
	if e == nil {
		return addr == ""
	}
	return e.addr == addr
}

// serve begins to answer, until close.
func (e *adminSocket) serve() {
	if e != nil {
		go e.srv.Serve(e.ln)
	}
}

// replacedBy closes the socket and serves another, where addr is not its own.
func (e *adminSocket) replacedBy(other *adminSocket, addr string) *adminSocket {
	if e.at(addr) {
		return e
	}
	e.close()
	other.serve()
	return other
}

func (e *adminSocket) close() {
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
