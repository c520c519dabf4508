package sock

import (
	"errors"
	"io"
	"net"
	"os"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Shut has the other side see what it sees when a connection is closed, and keeps the
// descriptor, so that [Conn.AwaitTaken] can tell when the other side is done with it.
// last is sent before, if the kernel takes it at once; nil is nothing. Over TCP only our
// direction ends: nothing else would leave a way to tell.
func (c *Conn) Shut(last []byte) {
	how := unix.SHUT_WR
	if c.IsLocal() {
		how = unix.SHUT_RDWR
	}
	c.raw.Control(func(fd uintptr) {
		if len(last) > 0 {
			rawIO(unix.SYS_WRITE, fd, last)
		}
		unix.Shutdown(int(fd), how)
	})
}

// IsLocal says whether it is a unix socket that a [Dialer] has opened.
func (c *Conn) IsLocal() bool {
	_, tcp := c.FileConn.(*net.TCPConn)
	return !tcp
}

// AwaitTaken waits until the other side of a connection that is shut has taken or thrown
// away all that was sent, which it does at its end at the latest, and until the deadline
// at most. Over TCP it waits for the other side's end; ErrSpeaks says that something else
// has come. The error is os.ErrDeadlineExceeded if the time was over first.
func (c *Conn) AwaitTaken(deadline time.Time) error {
	if c.IsLocal() {
		c.SetWriteDeadline(deadline)
		return c.raw.Write(taken)
	}
	c.SetReadDeadline(deadline)
	err := c.Fill()
	switch {
	case err == nil:
		return ErrSpeaks
	case errors.Is(err, os.ErrDeadlineExceeded):
		return err
	case !errors.Is(err, io.EOF) && !errors.Is(err, unix.ECONNRESET):
		return err
	}
	return nil
}

// ErrSpeaks is a connection on which something came where the end was awaited.
var ErrSpeaks = errors.New("the other side still sends")

// taken says whether the other side has read all that was sent, or has gone. The kernel
// counts what lies in its memory, and one more while it frees the last of it.
func taken(fd uintptr) bool {
	unread := int32(0)
	_, _, errno := unix.RawSyscall(unix.SYS_IOCTL, fd, unix.SIOCOUTQ, uintptr(unsafe.Pointer(&unread)))
	return errno != 0 || unread <= 1
}
