package sock

import (
	"errors"
	"fmt"
	"io"
	"os"
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"realdocd/fcgi"
)

// A FileConn is what *net.UnixConn, *net.TCPConn and *os.File share.
type FileConn interface {
	io.WriteCloser
	syscall.Conn
	SetReadDeadline(time.Time) error
	SetWriteDeadline(time.Time) error
}

// A Conn is one end of a connection, read as records. Close it with [Conn.End].
type Conn struct {
	FileConn
	// In has what was read and not taken. Its records are parts of the buffer, up to
	// the next Fill.
	In fcgi.Reader

	// LastID is the request id of the request that was sent last. It is for the owner.
	LastID uint16

	// Limit says until when Send may wait; zero sets no bound. It is asked whenever the other
	// side takes no more. nil sets no bound.
	Limit func() time.Time

	raw syscall.RawConn

	try func(fd uintptr) bool // readOnce, made a func value once
	out []byte                // what readOnce is to write first
	n   int                   // what it got
	err error

	tryReady func(fd uintptr) bool // readyOnce; nil until it is needed

	trySend func(fd uintptr) bool // sendOnce
	rest    []byte                // what it is to write
	sendErr error
	limited atomic.Bool // a write deadline is set

	fd     uintptr // of a unix socket that a Dialer has opened, for Ready
	unread int32   // what Ready found
	ready  bool    // what readyOnce found
	isRead bool    // what IsRead has found, since the last Exchange
	peeked byte

	watched watched
}

// New takes a connection over.
func New(conn FileConn) (*Conn, error) {
	raw, err := conn.SyscallConn()
	if err != nil {
		return nil, err
	}
	c := &Conn{FileConn: conn, raw: raw}
	c.try, c.trySend = c.readOnce, c.sendOnce
	return c, nil
}

// Fill waits until something has come and reads it into In. The end of the stream is
// io.EOF.
func (c *Conn) Fill() error {
	if err := c.raw.Read(c.try); err != nil {
		return err
	}
	switch {
	case c.err != nil:
		return os.NewSyscallError("read", c.err)
	case c.n == 0:
		return io.EOF
	}
	return nil
}

// Send writes all of b, as Write does, for the one goroutine that reads the connection
// too. If the other side takes nothing for too long, as Limit says, the error is
// os.ErrDeadlineExceeded.
func (c *Conn) Send(b []byte) error {
	c.rest, c.sendErr = b, nil
	if c.limited.CompareAndSwap(true, false) {
		c.SetWriteDeadline(time.Time{})
	}
	err := c.raw.Write(c.trySend)
	if err == nil && c.sendErr != nil {
		err = os.NewSyscallError("write", c.sendErr)
	}
	return err
}

// sendOnce writes what the kernel takes; false if it takes no more.
func (c *Conn) sendOnce(fd uintptr) bool {
	for len(c.rest) > 0 {
		n, err := rawIO(unix.SYS_WRITE, fd, c.rest)
		switch err {
		case nil:
			c.rest = c.rest[n:]
		case unix.EINTR:
		case unix.EAGAIN:
			if c.Limit != nil {
				c.limited.Store(true)
				c.SetWriteDeadline(c.Limit())
			}
			return false
		default:
			c.sendErr = err
			return true
		}
	}
	return true
}

// WriteBy writes all of b until the deadline. Any goroutine may call it.
func (c *Conn) WriteBy(b []byte, deadline time.Time) error {
	c.limited.Store(true)
	c.SetWriteDeadline(deadline)
	_, err := c.Write(b)
	return err
}

// CloseWrite ends our direction of the connection: the other side sees the end of the
// stream, and may still send.
func (c *Conn) CloseWrite() error {
	var err error
	if ctlErr := c.raw.Control(func(fd uintptr) { err = unix.Shutdown(int(fd), unix.SHUT_WR) }); ctlErr != nil {
		return ctlErr
	}
	return err
}

// ErrUnsent is a write of which the kernel took nothing.
var ErrUnsent = errors.New("the other side has closed the connection")

// Exchange writes out, and then does what Fill does. Go's poller is asked before the
// write, so the write takes the place of a read that would find nothing: out must be
// what makes the other side send. All of it must fit the buffers of the connection.
// What cannot be written at once is an error: [ErrUnsent] if nothing of it was.
func (c *Conn) Exchange(out []byte) error {
	c.out, c.isRead = out, false
	err := c.Fill()
	if c.out != nil && err != nil {
		err = fmt.Errorf("%w: %w", ErrUnsent, err)
	}
	c.out = nil
	return err
}

// readOnce reads what is there; false if nothing is.
func (c *Conn) readOnce(fd uintptr) bool {
	if c.out != nil {
		c.n, c.err = rawIO(unix.SYS_WRITE, fd, c.out)
		if c.err != nil {
			return true
		}
		if c.n < len(c.out) {
			c.err = unix.ENOBUFS
		}
		c.out = nil
		return c.err != nil
	}
	for {
		c.n, c.err = rawIO(unix.SYS_READ, fd, c.In.Space())
		if c.err != unix.EINTR {
			break
		}
	}
	if c.n > 0 {
		c.In.Advance(c.n)
	}
	if c.n <= 0 {
		c.In.Release()
	}
	return c.err != unix.EAGAIN
}

// Interrupt makes reads and writes that wait, and later ones, fail with
// os.ErrDeadlineExceeded. Any goroutine may call it.
func (c *Conn) Interrupt() {
	past := time.Unix(1, 0)
	c.SetReadDeadline(past)
	c.SetWriteDeadline(past)
}

// End closes the connection and gives its buffer back.
func (c *Conn) End() {
	c.Close()
	c.In.Discard()
}

// rawIO reads or writes a non-blocking descriptor. Since that cannot wait, Go's
// scheduler need not be told: it would take the processor away when the kernel
// happens to run something else, and wake its monitor thread, which then polls
// every 20 µs for a millisecond.
func rawIO(trap, fd uintptr, b []byte) (int, error) {
	n, _, errno := unix.RawSyscall(trap, fd, uintptr(unsafe.Pointer(unsafe.SliceData(b))), uintptr(len(b)))
	if errno != 0 {
		return 0, errno
	}
	return int(n), nil
}
