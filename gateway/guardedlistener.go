package gateway

import (
	"context"
	"io"
	"net"
	"net/http"
	"sync"
	"time"

	"realdocd/gateway/control"
	"realdocd/gateway/webpage"
)

// A client of an adminSocket has to send its request in this time, and its next one.
const adminReadTimeout = 10 * time.Second

// scrapeTimeout bounds the reading of a request for metrics and its answer.
const scrapeTimeout = 30 * time.Second

// How many connections an adminSocket serves at once. Those who may do nothing have a
// few of their own, so that they keep nobody out.
const (
	maxAdmins    = 1024
	maxStrangers = 8
	maxScrapes   = 32 + webpage.MaxViewers
)

// A guardedListener takes connections of an adminSocket, and bounds how many there are.
type guardedListener struct {
	net.Listener
	role      func(net.Conn) control.Role
	insiders  chan struct{} // has one for each connection that is served
	strangers chan struct{}
	full      func() // is told of each connection that is one too many
}

// guard bounds the connections of a listener. role says what the other end may do.
func guard(ln net.Listener, most int, role func(net.Conn) control.Role, full func()) *guardedListener {
	return &guardedListener{ln, role, make(chan struct{}, most), make(chan struct{}, maxStrangers), full}
}

// Accept gives the next connection for which there is room, and closes the others.
func (g *guardedListener) Accept() (net.Conn, error) {
	for {
		conn, err := g.Listener.Accept()
		if err != nil {
			return nil, err
		}
		role := g.role(conn)
		room := g.insiders
		if role == control.RoleNone {
			room = g.strangers
		}
		select {
		case room <- struct{}{}:
			return &guardedConn{Conn: conn, role: role, leave: sync.OnceFunc(func() { <-room })}, nil
		default:
			conn.Close()
			g.full()
		}
	}
}

// A guardedConn is a connection that is counted until it is closed.
type guardedConn struct {
	net.Conn
	role  control.Role
	leave func()
}

// Close closes the connection and makes room for another.
func (c *guardedConn) Close() error {
	defer c.leave()
	return c.Conn.Close()
}

// noteRole is for http.Server.ConnContext.
func noteRole(ctx context.Context, conn net.Conn) context.Context {
	if c, ok := conn.(*guardedConn); ok {
		return control.WithRole(ctx, c.role)
	}
	return ctx
}

// bodyWithin bounds how long a client may take to send the body of a request, whether the
// handler reads it or not. The bound ends with the body: the answer may come much later.
func bodyWithin(patience time.Duration, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.ContentLength != 0 {
			conn := http.NewResponseController(w)
			conn.SetReadDeadline(time.Now().Add(patience))
			r.Body = &promptBody{r.Body, conn}
		}
		next.ServeHTTP(w, r)
	})
}

// A promptBody lifts the deadline of its connection when it has been read.
type promptBody struct {
	io.ReadCloser
	conn *http.ResponseController
}

// Read reads the body; a late one has an error.
func (b *promptBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err == io.EOF {
		b.conn.SetReadDeadline(time.Time{})
	}
	return n, err
}
