package sock

import "strings"

// An Addr is where a listener is: the absolute path of a unix socket, or "host:port"
// for TCP.
type Addr string

// IsUnix says whether the address is the path of a unix socket.
func (a Addr) IsUnix() bool { return strings.HasPrefix(string(a), "/") }

// Network is "unix" or "tcp", as package net wants it.
func (a Addr) Network() string {
	if a.IsUnix() {
		return "unix"
	}
	return "tcp"
}

// String is the address as the configuration has it.
func (a Addr) String() string { return string(a) }

// Strings are addresses as texts.
func Strings(addrs []Addr) []string {
	texts := make([]string, len(addrs))
	for i, a := range addrs {
		texts[i] = string(a)
	}
	return texts
}
