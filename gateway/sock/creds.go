package sock

import (
	"errors"
	"os"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Creds say who is at the other end of a unix socket: who has connected, or who
// began to listen where the connection has arrived. The kernel notes it at that
// moment, and nobody can choose it (SO_PEERCRED and SO_PEERGROUPS in unix(7)).
type Creds struct {
	UID uint32
	// Groups are all groups, the first one of the process foremost.
	Groups []uint32
}

// CredsOf asks the kernel who is at the other end of a connection over a unix socket.
func CredsOf(conn syscall.Conn) (c Creds, err error) {
	raw, err := conn.SyscallConn()
	if err != nil {
		return c, err
	}
	ctlErr := raw.Control(func(fd uintptr) {
		var cred *unix.Ucred
		if cred, err = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED); err != nil {
			err = os.NewSyscallError("getsockopt SO_PEERCRED", err)
			return
		}
		c.UID, c.Groups = cred.Uid, []uint32{cred.Gid}
		var others []uint32
		others, err = peerGroups(fd)
		c.Groups = append(c.Groups, others...)
	})
	return c, errors.Join(ctlErr, err)
}

// peerGroups are the supplementary groups of the other end.
func peerGroups(fd uintptr) ([]uint32, error) {
	groups := make([]uint32, 64)
	for {
		size := uint32(len(groups)) * 4
		_, _, errno := unix.Syscall6(unix.SYS_GETSOCKOPT, fd, unix.SOL_SOCKET, unix.SO_PEERGROUPS,
			uintptr(unsafe.Pointer(&groups[0])), uintptr(unsafe.Pointer(&size)), 0)
		switch {
		case errno == 0:
			return groups[:size/4], nil
		case errno == unix.ERANGE && int(size/4) > len(groups):
			groups = make([]uint32, size/4)
		default:
			return nil, os.NewSyscallError("getsockopt SO_PEERGROUPS", errno)
		}
	}
}
