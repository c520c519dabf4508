package sock

import (
	"fmt"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Ready says whether the other side has read all that was sent, and has sent nothing
// itself. A connection that is alive may yet become ready; one that is not alive was
// closed, or has something to read. It is for connections of a [Dialer] over a unix
// socket: over TCP the kernel counts what was not acknowledged, which says nothing.
//
// The second look cannot be spared: a worker of PHP-FPM that ends closes its half, and then
// reads and throws away what comes.
func (c *Conn) Ready() (ready, alive bool) {
	if read, err := c.readAll(); !read {
		return false, err == nil
	}
	_, _, errno := unix.RawSyscall6(unix.SYS_RECVFROM, c.fd, uintptr(unsafe.Pointer(&c.peeked)), 1, unix.MSG_PEEK|unix.MSG_DONTWAIT, 0, 0)
	return errno == unix.EAGAIN, errno == unix.EAGAIN
}

// IsRead says whether the other side has read all that was sent, as Ready does, which does
// not ask again before the next [Conn.Exchange].
func (c *Conn) IsRead() bool {
	read, _ := c.readAll()
	c.isRead = read
	return read
}

func (c *Conn) readAll() (read bool, err error) {
	if c.isRead {
		return true, nil
	}
	_, _, errno := unix.RawSyscall(unix.SYS_IOCTL, c.fd, unix.SIOCOUTQ, uintptr(unsafe.Pointer(&c.unread)))
	if errno != 0 {
		return false, errno
	}
	return c.unread == 0, nil
}

// AwaitReady waits until the connection is [Conn.Ready], and says whether it is: for at
// most so long, and no longer than it is alive. The kernel tells when the other side
// reads: a socket can then take more. Nobody else may use the connection meanwhile.
func (c *Conn) AwaitReady(most time.Duration) (ready bool) {
	if c.tryReady == nil {
		c.tryReady = c.readyOnce
	}
	if c.SetWriteDeadline(time.Now().Add(most)) != nil {
		return false
	}
	c.ready = false
	err := c.raw.Write(c.tryReady)
	return err == nil && c.ready && c.SetWriteDeadline(time.Time{}) == nil
}

// readyOnce notes whether the connection is ready; false if that is to be waited for.
func (c *Conn) readyOnce(uintptr) bool {
	ready, alive := c.Ready()
	c.ready = ready
	return ready || !alive
}

// Peer is the process that began to listen where the connection has arrived
// (SO_PEERCRED in unix(7)). It is for connections of a [Dialer] over a unix socket.
func (c *Conn) Peer() (pid int32, err error) {
	cred, err := unix.GetsockoptUcred(int(c.fd), unix.SOL_SOCKET, unix.SO_PEERCRED)
	if err != nil {
		return 0, fmt.Errorf("whose listener it is cannot be told: %w", err)
	}
	return cred.Pid, nil
}
