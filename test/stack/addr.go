package stack

import (
	"context"
	"net"
	"strings"
	"time"
)

// Addr is where a part listens, as realdocd and PHP-FPM write it: the path of a unix socket or host:port.
type Addr string

// Unix tells whether the address is the path of a unix socket.
func (a Addr) Unix() bool { return strings.HasPrefix(string(a), "/") }

// Network is the address's network for net.Dial.
func (a Addr) Network() string {
	if a.Unix() {
		return "unix"
	}
	return "tcp"
}

// Dial connects, or fails within a second.
func (a Addr) Dial() (net.Conn, error) {
	return net.DialTimeout(a.Network(), string(a), time.Second)
}

// dialFrom is Dial from within a space; nil is where the test runs.
func (a Addr) dialFrom(space *Space) (net.Conn, error) {
	if space == nil || a.Unix() {
		return a.Dial()
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	return space.Dial(ctx, a.Network(), string(a))
}

// nginx is the address as nginx writes it.
func (a Addr) nginx() string {
	if a.Unix() {
		return "unix:" + string(a)
	}
	return string(a)
}

// haproxy is the address as HAProxy writes it.
func (a Addr) haproxy() string {
	if a.Unix() {
		return "unix@" + string(a)
	}
	return string(a)
}
