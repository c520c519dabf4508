package stack

import (
	"fmt"
	"sync"
	"time"
)

// A Network is a switch in a space of its own, with a wire to each space that has joined it.
type Network struct {
	hub    *Space
	name   string // of the bridge
	prefix string // of its addresses: "10.91.1."

	mu    sync.Mutex // guards the following
	wires int
}

// Network makes a switch in hub, which has an address on it as well. Addresses begin with prefix, such as
// "10.91.1."; name has at most four letters.
func (s *Stack) Network(hub *Space, name, prefix string) *Network {
	s.t.Helper()
	s.check(hub.ip(
		"link add name "+name+" type bridge",
		"addr add "+prefix+"254/24 dev "+name,
		"link set dev "+name+" up",
	))
	return &Network{hub: hub, name: name, prefix: prefix}
}

// A Wire connects a space with a network. It can be cut, and made bad.
type Wire struct {
	Addr string // of the space on this network

	network *Network
	space   *Space
	port    string // its end at the switch
	detour  *detour
}

// Join lays a wire. What listens in the space listens there from now on, if main is set.
func (s *Stack) Join(space *Space, n *Network, main bool) *Wire {
	s.t.Helper()
	n.mu.Lock()
	n.wires++
	no := n.wires
	n.mu.Unlock()
	w := &Wire{Addr: fmt.Sprint(n.prefix, no), network: n, space: space, port: fmt.Sprint(n.name, no)}
	s.check(n.hub.ip(
		fmt.Sprintf("link add name %s type veth peer name %s netns %s", w.port, n.name, space.path()),
		fmt.Sprintf("link set dev %s master %s", w.port, n.name),
		fmt.Sprintf("link set dev %s up", w.port),
	))
	s.check(space.ip(
		fmt.Sprintf("addr add %s/24 dev %s", w.Addr, n.name),
		fmt.Sprintf("link set dev %s up", n.name),
	))
	if main {
		space.addr = w.Addr
	}
	s.atClose(func() error { w.straight(); return nil })
	return w
}

// Cut pulls the wire out of the switch. The ends do not learn of it but by hearing nothing.
func (w *Wire) Cut() error {
	w.straight()
	return w.network.hub.ip("link set dev " + w.port + " nomaster")
}

// Mend makes the wire as it was at first.
func (w *Wire) Mend() error {
	w.straight()
	return w.network.hub.ip("link set dev " + w.port + " master " + w.network.name)
}

// A Trouble is what is wrong with a wire: each direction takes so much longer, or loses all.
type Trouble struct {
	Delay time.Duration
	Deaf  bool // nothing arrives at the space, and what it sends does
	Mute  bool // nothing that the space sends arrives
}

// Worsen makes the wire a bad one, while connections go on over it.
func (w *Wire) Worsen(t Trouble) error {
	w.straight()
	d, err := w.newDetour(t)
	if err != nil {
		return err
	}
	w.detour = d
	return nil
}

// straight ends a detour, if there is one.
func (w *Wire) straight() {
	if w.detour != nil {
		w.detour.close()
		w.detour = nil
	}
}
