package sock

import (
	"fmt"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Ready says whether the other side has read all that was sent, and has sent nothing
// itself. A connection that is alive may yet become ready; one that is not alive was
// closed, or has something to read. It is for connections of a [Dialer] over a unix
// socket: over TCP the kernel counts what was not acknowledged, which says nothing.
func (c *Conn) Ready() (ready, alive bool) {
	_, _, errno := unix.RawSyscall(unix.SYS_IOCTL, c.fd, unix.SIOCOUTQ, uintptr(unsafe.Pointer(&c.unread)))
	if errno != 0 || c.unread > 0 {
		return false, errno == 0
	}
	_, _, errno = unix.RawSyscall6(unix.SYS_RECVFROM, c.fd, uintptr(unsafe.Pointer(&c.peeked)), 1, unix.MSG_PEEK|unix.MSG_DONTWAIT, 0, 0)
	return errno == unix.EAGAIN, errno == unix.EAGAIN
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
