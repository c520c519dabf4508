package gateway

import (
	"context"
	"net"
	"net/http"
	"path/filepath"
	"time"

	"realdocd/gateway/sock"
)

// An adminSocket is a listener that is not for web servers: the control socket, or the
// one for metrics. It speaks HTTP. A nil one has the address "" and serves nothing.
type adminSocket struct {
	addr string
	srv  *http.Server
	ln   net.Listener
}

// controlMode lets the daemon's own user and group in, and nobody else.
const controlMode = 0o660

// openAdmin opens a socket, or takes over one that is open already.
func openAdmin(addr string, open net.Listener, h http.Handler) (*adminSocket, error) {
	if addr == "" {
		return nil, nil
	}
	ln := open
	if ln == nil {
		var err error
		if ln, err = listen(sock.Addr(addr), controlMode); err != nil {
			return nil, err
		}
	}
	return &adminSocket{addr, &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second}, ln}, nil
}

// at says whether the socket has an address.
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

// replacedBy closes the socket and serves another, if addr is not its own.
func (e *adminSocket) replacedBy(other *adminSocket, addr string) *adminSocket {
	if e.at(addr) {
		return e
	}
	e.close()
	other.serve()
	return other
}

// leave ends the socket here; a successor has it too. Answers that are under way come to
// their end first. The channel is closed when they have, or when ctx is done.
func (e *adminSocket) leave(ctx context.Context) <-chan struct{} {
	over := make(chan struct{})
	if e == nil {
		close(over)
		return over
	}
	leave(e.ln)
	go func() {
		defer close(over)
		if e.srv.Shutdown(ctx) != nil {
			e.srv.Close()
		}
	}()
	return over
}

func (e *adminSocket) close() {
	if e != nil {
		e.srv.Close()
		e.ln.Close()
	}
}

// controlDir is the directory of the control socket; "" if there is none.
func controlDir(socket string) string {
	if socket == "" {
		return ""
	}
	return filepath.Dir(socket)
}
