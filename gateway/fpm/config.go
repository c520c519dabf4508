package fpm

import (
	"time"

	"realdocd/gateway/sock"
)

// A Config is one pool: PHP-FPM listeners that serve the same sites.
type Config struct {
	// Name is the pool's name in the configuration.
	Name string
	// Servers are the FPM listeners; at least one.
	Servers []sock.Addr
	// Map are paths that FPM sees elsewhere, in a container or a chroot: each ours and
	// then FPM's. Every path that goes to FPM is written as it has it.
	Map [][2]string
	// ConnectTimeout bounds the wait for FPM to take a connection, a full
	// backlog included.
	ConnectTimeout time.Duration
	// IncludePath is what a request of a site without its own include_path
	// carries if anything on the pool sets one; "" is what PHP says it has.
	IncludePath string
	// ReadTimeout is the longest silence of FPM within a request; 0 sets no bound.
	ReadTimeout time.Duration
	// RequestTimeout bounds a request from the connection to FPM to its end;
	// 0 sets no bound.
	RequestTimeout time.Duration
	// MaxConns bounds the requests in FPM at once; 0 sets no bound, and [Auto] what FPM
	// can run at once.
	MaxConns int
	// Sharers counts the pools that use a listener, of those that several use. Their
	// connections are not kept, and they share what FPM can run.
	Sharers map[sock.Addr]int
	// Queue bounds the requests that wait for a place, or for a paused pool.
	Queue int
	// QueueTimeout bounds how long one waits.
	QueueTimeout time.Duration
	// Reuse keeps connections to FPM for further requests if that is provably
	// safe; see keep.go.
	Reuse bool
	// StatusServer is FPM's pm.status_listen; "" is none. StatusPath is its
	// pm.status_path.
	StatusServer sock.Addr
	StatusPath   string
}
