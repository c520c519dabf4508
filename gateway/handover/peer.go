package handover

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// A Peer is the other process of a handover, as this one reaches it. Several
// goroutines may send at the same time; one receives.
type Peer struct {
	conn *net.UnixConn
	wake chan struct{} // has one element while out may have some

	mu     sync.Mutex // guards the following
	out    []outgoing
	closed bool
}

// outgoing is a message that waits to be sent, with the socket whose descriptor
// goes along.
type outgoing struct {
	text   []byte
	socket syscall.Conn // nil for none
	sent   func(error)  // nil if nobody wants to know
}

// Pair makes both ends: ours, and the file for the new process, which the caller
// closes.
func Pair() (*Peer, *os.File, error) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, nil, os.NewSyscallError("socketpair", err)
	}
	theirs := os.NewFile(uintptr(fds[1]), "successor")
	ours, err := Open(os.NewFile(uintptr(fds[0]), "successor"))
	if err != nil {
		theirs.Close()
		return nil, nil, err
	}
	return ours, theirs, nil
}

// Open makes a Peer of an end. The file is closed in any case, and the Peer is the
// caller's to close.
func Open(f *os.File) (*Peer, error) {
	defer f.Close()
	conn, err := net.FileConn(f)
	if err != nil {
		return nil, fmt.Errorf("open the socket pair of a handover: %w", err)
	}
	uc, ok := conn.(*net.UnixConn)
	if !ok {
		conn.Close()
		return nil, errors.New("open the socket pair of a handover: it is not a unix socket")
	}
	p := &Peer{conn: uc, wake: make(chan struct{}, 1)}
	go p.write()
	return p, nil
}

// Send has a message sent, in its turn, and does not wait. If the other process
// has ended nobody is told.
func (p *Peer) Send(m Message) { p.SendSocket(m, nil, nil) }

// SendSocket is Send with a socket's descriptor. The socket must stay open until
// sent is called, if it is not nil: by another goroutine once the message is sent,
// or with an error once it cannot be.
func (p *Peer) SendSocket(m Message, socket syscall.Conn, sent func(error)) {
	text, err := json.Marshal(m)
	if err != nil {
		panic(err) // a Message has nothing that JSON has not
	}
	p.mu.Lock()
	closed := p.closed
	if !closed {
		p.out = append(p.out, outgoing{text, socket, sent})
	}
	p.mu.Unlock()
	if closed {
		if sent != nil {
			sent(net.ErrClosed)
		}
		return
	}
	p.wakeWriter()
}

// Flush waits until all is sent, or for flushTimeout: a process that does not read
// must not keep us.
func (p *Peer) Flush() {
	sent := make(chan struct{})
	p.SendSocket(Message{}, nil, func(error) { close(sent) })
	select {
	case <-sent:
	case <-time.After(flushTimeout):
	}
}

const flushTimeout = 2 * time.Second

// Close ends it at once: what waits to be sent fails, and Receive ends.
func (p *Peer) Close() {
	p.mu.Lock()
	before := p.closed
	p.closed = true
	p.mu.Unlock()
	if !before {
		p.conn.Close()
		p.wakeWriter()
	}
}

func (p *Peer) wakeWriter() {
	select {
	case p.wake <- struct{}{}:
	default:
	}
}

// write sends what waits until Close.
func (p *Peer) write() {
	for range p.wake {
		p.mu.Lock()
		out, closed := p.out, p.closed
		p.out = nil
		p.mu.Unlock()
		for _, o := range out {
			// A message that cannot be sent any more is not a reason to close: the
			// other process may have sent connections before its end, for us to read.
			err := p.writeOne(o)
			if o.sent != nil {
				o.sent(err)
			}
		}
		if closed {
			return
		}
	}
}

func (p *Peer) writeOne(o outgoing) error {
	head := binary.BigEndian.AppendUint32(nil, uint32(len(o.text)))
	if o.socket == nil {
		_, err := p.conn.Write(append(head, o.text...))
		return err
	}
	raw, err := o.socket.SyscallConn()
	if err != nil {
		return err
	}
	ctlErr := raw.Control(func(fd uintptr) {
		_, _, err = p.conn.WriteMsgUnix(head, unix.UnixRights(int(fd)), nil)
	})
	if err = errors.Join(ctlErr, err); err != nil {
		return err
	}
	_, err = p.conn.Write(o.text)
	return err
}
