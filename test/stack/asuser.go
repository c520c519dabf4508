package stack

import (
	"net"
	"os"
	"runtime"
	"unsafe"

	"golang.org/x/sys/unix"
)

// DialAs connects to a unix socket as another user, which root can: the kernel tells
// the other side that user, and those groups. The caller closes the connection.
func DialAs(socket string, uid, gid int, groups ...int) (conn net.Conn, err error) {
	as(uid, gid, groups, func() {
		var fd int
		if fd, err = unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0); err != nil {
			return
		}
		file := os.NewFile(uintptr(fd), socket)
		defer file.Close()
		if err = unix.Connect(fd, &unix.SockaddrUnix{Name: socket}); err == nil {
			conn, err = net.FileConn(file)
		}
	}, func(failed error) { err = failed })
	return conn, err
}

// ListenAs listens on a unix socket as another user, in a directory that the user may
// write to. The caller closes the listener.
func ListenAs(socket string, uid, gid int) (ln net.Listener, err error) {
	as(uid, gid, nil, func() {
		var fd int
		if fd, err = unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0); err != nil {
			return
		}
		file := os.NewFile(uintptr(fd), socket)
		defer file.Close()
		if err = unix.Bind(fd, &unix.SockaddrUnix{Name: socket}); err != nil {
			return
		}
		if err = unix.Listen(fd, 16); err == nil {
			ln, err = net.FileListener(file)
		}
	}, func(failed error) { err = failed })
	return ln, err
}

// as runs do on a thread that is the user's, and ends the thread: the kernel has
// these for each thread, and only libraries make them one of the process.
func as(uid, gid int, groups []int, do func(), failed func(error)) {
	over := make(chan struct{})
	go func() {
		defer close(over)
		runtime.LockOSThread() // never unlocked: the thread ends with the goroutine
		list := make([]uint32, len(groups)+1)
		for i, g := range groups {
			list[i] = uint32(g)
		}
		for _, call := range [][4]uintptr{
			{unix.SYS_SETGROUPS, uintptr(len(groups)), uintptr(unsafe.Pointer(&list[0])), 0},
			{unix.SYS_SETRESGID, uintptr(gid), uintptr(gid), uintptr(gid)},
			{unix.SYS_SETRESUID, uintptr(uid), uintptr(uid), uintptr(uid)},
		} {
			if _, _, errno := unix.RawSyscall(call[0], call[1], call[2], call[3]); errno != 0 {
				failed(os.NewSyscallError("become another user", errno))
				return
			}
		}
		runtime.KeepAlive(list)
		do()
	}()
	<-over
}
