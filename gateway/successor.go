package gateway

import (
	"errors"
	"fmt"
	"net"
	"os"
	"sync"

	"realdocd/gateway/handover"
)

// A Successor is the process that takes over from this one while both run. See
// "Live upgrades" in the package documentation for the steps.
type Successor struct {
	s    *Server
	peer *handover.Peer
	file *os.File // its end of the socket pair

	prepared, serving, gone chan struct{}
	pid                     int // once it is prepared
	stop                    chan struct{}
	stopOnce, orphanOnce    sync.Once
}

// ErrSuccession says that a Server has a successor already.
var ErrSuccession = errors.New("another process takes over already")

// NewSuccessor prepares a handover. The caller starts a process that has File
// open and calls NewPredecessor with it, and then HandOver.
func (s *Server) NewSuccessor() (*Successor, error) {
	peer, theirs, err := handover.Pair()
	if err != nil {
		return nil, fmt.Errorf("join the successor: %w", err)
	}
	return &Successor{
		s: s, peer: peer, file: theirs,
		prepared: make(chan struct{}), serving: make(chan struct{}), gone: make(chan struct{}), stop: make(chan struct{}),
	}, nil
}

// File is what the new process inherits; HandOver closes it.
func (n *Successor) File() *os.File { return n.file }

// Stop is closed when the successor wants this process to end.
func (n *Successor) Stop() <-chan struct{} { return n.stop }

// PID is the process id of a successor that serves.
func (n *Successor) PID() int { return n.pid }

// Leave parts from the successor: nothing runs here any more, and this process lives on.
// It is for after Retire.
func (n *Successor) Leave() {
	n.orphanOnce.Do(func() {}) // nothing is to be taken back when the successor ends
	n.peer.Close()
}

// Abandon is called instead of HandOver if no process could be started.
func (n *Successor) Abandon() {
	n.file.Close()
	n.peer.Close()
}

// MakeMain tells the successor that it is the service's main process now.
func (n *Successor) MakeMain() { n.peer.Send(handover.Message{Main: true}) }

// listen takes what the successor says until it ends.
func (n *Successor) listen() {
	defer n.end()
	for {
		m, f, err := n.peer.Receive()
		if f != nil {
			f.Close()
		}
		if err != nil {
			if !handover.IsEnd(err) && !errors.Is(err, net.ErrClosed) {
				n.s.log.Error().Err(err).Msg("the successor is not understood any more")
			}
			return
		}
		n.hear(m)
	}
}

// end ends what listen serves: the successor has ended.
func (n *Successor) end() {
	n.peer.Close()
	close(n.gone)
	if n.s.heir() == n { // else HandOver takes everything back
		n.orphanOnce.Do(n.orphan)
	}
}

// orphan makes the pools ours again, if a successor has ended that served. What
// waits here is served within the limits of the configuration. Pools are resumed:
// nobody is left whom an operator could ask for that.
func (n *Successor) orphan() {
	n.s.log.Error().Int("pid", n.pid).Msg("the process that had taken over has ended: start realdocd again")
	for _, p := range n.s.setup.Load().pools {
		p.TakeBack()
		p.Resume()
	}
}

// hear takes a message of the successor.
func (n *Successor) hear(m handover.Message) {
	switch {
	case m.Prepared > 0:
		n.pid = m.Prepared
		close(n.prepared)
	case m.Serving:
		close(n.serving)
	case m.Grant != nil:
		if p := n.s.setup.Load().pools[m.Grant.Pool]; p != nil {
			p.Grant(m.Grant.Granted)
		}
	case m.Ask != nil:
		go n.answer(*m.Ask)
	case m.Stop:
		n.stopOnce.Do(func() { close(n.stop) })
	}
}
