package gateway

import (
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"realdocd/fcgi"
)

// fileConn is what *net.UnixConn, *net.TCPConn and *os.File share.
type fileConn interface {
	io.WriteCloser
	syscall.Conn
	SetReadDeadline(time.Time) error
	SetWriteDeadline(time.Time) error
}

// A sock is one end of a connection, read as records. It takes a buffer only
// when there is something to read, so that one which waits holds none.
type sock struct {
	fileConn
	raw syscall.RawConn
	in  fcgi.Reader

	try func(fd uintptr) bool // readOnce, made a func value once
	out []byte                // what readOnce is to write first
	n   int                   // what it got
	err error

	trySend func(fd uintptr) bool // sendOnce
	rest    []byte                // what it is to write
	sendErr error

	fd     uintptr // of a unix socket to FPM, for ready
	unread int32   // what ready found
	peeked byte
}

func newSock(c fileConn) (*sock, error) {
	raw, err := c.SyscallConn()
	if err != nil {
		return nil, err
	}
	s := &sock{fileConn: c, raw: raw}
	s.try, s.trySend = s.readOnce, s.sendOnce
	return s, nil
}

// fill waits until something has come and reads it into in. The end of the
// stream is io.EOF.
func (s *sock) fill() error {
	if err := s.raw.Read(s.try); err != nil {
		return err
	}
	switch {
	case s.err != nil:
		return os.NewSyscallError("read", s.err)
	case s.n == 0:
		return io.EOF
	}
	return nil
}

// send writes all of b, as Write does, for the one goroutine that reads the
// connection too.
func (s *sock) send(b []byte) error {
	s.rest, s.sendErr = b, nil
	err := s.raw.Write(s.trySend)
	if err == nil && s.sendErr != nil {
		err = os.NewSyscallError("write", s.sendErr)
	}
	return err
}

// sendOnce writes what the kernel takes; false when it takes no more.
func (s *sock) sendOnce(fd uintptr) bool {
	for len(s.rest) > 0 {
		n, err := rawIO(unix.SYS_WRITE, fd, s.rest)
		switch err {
		case nil:
			s.rest = s.rest[n:]
		case unix.EINTR:
		case unix.EAGAIN:
			return false
		default:
			s.sendErr = err
			return true
		}
	}
	return true
}

// errUnsent is a write of which the kernel took nothing.
var errUnsent = errors.New("FPM has closed the connection")

// exchange writes out, and then does what fill does. Between the poller's reset
// and the wait the write replaces the read that would find nothing, so it must
// be out that makes the other side send. What cannot be written at once, which
// a connection with empty buffers has room for, is an error: errUnsent where not
// even a part was.
func (s *sock) exchange(out []byte) error {
	s.out = out
	err := s.fill()
	if s.out != nil && err != nil {
		err = fmt.Errorf("%w: %w", errUnsent, err)
	}
	s.out = nil
	return err
}

// readOnce reads what is there; false when nothing is.
func (s *sock) readOnce(fd uintptr) bool {
	if s.out != nil {
		s.n, s.err = rawIO(unix.SYS_WRITE, fd, s.out)
		if s.err != nil {
			return true
		}
		if s.n < len(s.out) {
			s.err = unix.ENOBUFS
		}
		s.out = nil
		return s.err != nil
	}
	for {
		s.n, s.err = rawIO(unix.SYS_READ, fd, s.in.Space())
		if s.err != unix.EINTR {
			break
		}
	}
	if s.n > 0 {
		s.in.Advance(s.n)
	}
	if s.n <= 0 {
		s.in.Release()
	}
	return s.err != unix.EAGAIN
}

// interrupt makes reads and writes that wait, and later ones, fail with
// os.ErrDeadlineExceeded. It may be called by any goroutine.
func (s *sock) interrupt() {
	past := time.Unix(1, 0)
	s.SetReadDeadline(past)
	s.SetWriteDeadline(past)
}

// close closes the connection and gives its buffer back.
func (s *sock) close() {
	s.Close()
	s.in.Discard()
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
