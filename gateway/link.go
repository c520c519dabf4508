package gateway

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// A link joins a daemon and its successor, from the beginning of a handover to
// the end of the older one. It carries messages in both directions, and with
// them descriptors. Each is a length of four bytes, which the descriptors come
// with, and JSON.
type link struct {
	conn *net.UnixConn

	mu     sync.Mutex
	out    []outgoing
	wake   chan struct{} // has one element while out may have some
	closed bool
}

// outgoing is a message that waits to be sent, with the socket whose
// descriptor goes along.
type outgoing struct {
	text   []byte
	socket syscall.Conn
	sent   func(error) // nil where nobody wants to know
}

// maxMessage is above what any message takes: one about a site has its docroots
// with somebody inside, and of those at most maxOccupants.
const maxMessage = 1 << 30

// newLinks makes both ends of a link: ours, and the file for the successor.
func newLinks() (*link, *os.File, error) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, nil, os.NewSyscallError("socketpair", err)
	}
	theirs := os.NewFile(uintptr(fds[1]), "successor")
	ours, err := newLink(os.NewFile(uintptr(fds[0]), "successor"))
	if err != nil {
		theirs.Close()
		return nil, nil, err
	}
	return ours, theirs, nil
}

// newLink takes an end of a link over. The file is closed in any case.
func newLink(f *os.File) (*link, error) {
	defer f.Close()
	conn, err := net.FileConn(f)
	if err != nil {
		return nil, fmt.Errorf("open the link of a handover: %w", err)
	}
	uc, ok := conn.(*net.UnixConn)
	if !ok {
		conn.Close()
		return nil, errors.New("the link of a handover is no unix socket")
	}
	l := &link{conn: uc, wake: make(chan struct{}, 1)}
	go l.write()
	return l, nil
}

// send has a message sent, in its turn, and does not wait.
func (l *link) send(m message) { l.sendSocket(m, nil, nil) }

// sendSocket is send with a socket's descriptor. The socket must stay open until
// sent is called.
func (l *link) sendSocket(m message, socket syscall.Conn, sent func(error)) {
	text, err := json.Marshal(m)
	if err != nil {
		panic(err) // the types above have nothing that JSON has not
	}
	l.mu.Lock()
	closed := l.closed
	if !closed {
		l.out = append(l.out, outgoing{text, socket, sent})
	}
	l.mu.Unlock()
	if closed {
		if sent != nil {
			sent(net.ErrClosed)
		}
		return
	}
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

// write sends what waits until the link is closed.
func (l *link) write() {
	for range l.wake {
		l.mu.Lock()
		out, closed := l.out, l.closed
		l.out = nil
		l.mu.Unlock()
		for _, o := range out {
			// What cannot be sent any more is no reason to close: the other side
			// may have sent connections before its end, for us to read.
			err := l.writeOne(o)
			if o.sent != nil {
				o.sent(err)
			}
		}
		if closed {
			return
		}
	}
}

func (l *link) writeOne(o outgoing) error {
	head := binary.BigEndian.AppendUint32(nil, uint32(len(o.text)))
	if o.socket == nil {
		_, err := l.conn.Write(append(head, o.text...))
		return err
	}
	raw, err := o.socket.SyscallConn()
	if err != nil {
		return err
	}
	ctlErr := raw.Control(func(fd uintptr) {
		_, _, err = l.conn.WriteMsgUnix(head, unix.UnixRights(int(fd)), nil)
	})
	if err = errors.Join(ctlErr, err); err != nil {
		return err
	}
	_, err = l.conn.Write(o.text)
	return err
}

// receive waits for the next message. The caller closes the file, which is nil
// where no descriptor came along. The end of the link is io.EOF.
func (l *link) receive() (m message, f *os.File, err error) {
	var head [4]byte
	oob := make([]byte, unix.CmsgSpace(4))
	n, oobn, _, _, err := l.conn.ReadMsgUnix(head[:], oob)
	if err == nil && n == 0 {
		err = io.EOF
	}
	if err != nil {
		return m, nil, err
	}
	if f, err = fileIn(oob[:oobn]); err != nil {
		return m, nil, err
	}
	defer func() {
		if err != nil && f != nil {
			f.Close()
			f = nil
		}
	}()
	if _, err = io.ReadFull(l.conn, head[n:]); err != nil {
		return m, f, noEOF(err)
	}
	size := binary.BigEndian.Uint32(head[:])
	if size > maxMessage {
		return m, f, fmt.Errorf("a message of %d bytes", size)
	}
	text := make([]byte, size)
	if _, err = io.ReadFull(l.conn, text); err != nil {
		return m, f, noEOF(err)
	}
	err = json.Unmarshal(text, &m)
	return m, f, err
}

// fileIn is the descriptor in a control message; nil where there is none.
func fileIn(oob []byte) (*os.File, error) {
	if len(oob) == 0 {
		return nil, nil
	}
	messages, err := unix.ParseSocketControlMessage(oob)
	if err != nil || len(messages) != 1 {
		return nil, fmt.Errorf("read a descriptor: %d messages, %w", len(messages), err)
	}
	fds, err := unix.ParseUnixRights(&messages[0])
	if err != nil || len(fds) != 1 {
		return nil, fmt.Errorf("read a descriptor: %d came, %w", len(fds), err)
	}
	unix.CloseOnExec(fds[0])
	return os.NewFile(uintptr(fds[0]), "handed over"), nil
}

// isEnd says whether an error of receive is the end of the other process, which
// may have left something unread.
func isEnd(err error) bool { return errors.Is(err, io.EOF) || errors.Is(err, unix.ECONNRESET) }

// flush waits until all is sent; a process that does not read must not keep us.
func (l *link) flush() {
	sent := make(chan struct{})
	l.sendSocket(message{}, nil, func(error) { close(sent) })
	select {
	case <-sent:
	case <-time.After(flushTimeout):
	}
}

const flushTimeout = 2 * time.Second

// close ends the link at once.
func (l *link) close() {
	l.mu.Lock()
	before := l.closed
	l.closed = true
	l.mu.Unlock()
	if !before {
		l.conn.Close()
		select {
		case l.wake <- struct{}{}:
		default:
		}
	}
}
