package doctor

import (
	"io/fs"
	"net"
	"os"
	"syscall"

	"golang.org/x/sys/unix"

	"realdocd/gateway/sock"
)

// bind sees whether an address could be listened at, without doing so: nobody can connect
// meanwhile. It is one thread's system calls, for identity.do.
func bind(addr string) error {
	tcp, err := net.ResolveTCPAddr("tcp", addr)
	if err != nil {
		return err
	}
	var at unix.Sockaddr
	family := unix.AF_INET6
	if ip := tcp.IP.To4(); ip != nil {
		family = unix.AF_INET
		at = &unix.SockaddrInet4{Port: tcp.Port, Addr: [4]byte(ip)}
	} else {
		six := &unix.SockaddrInet6{Port: tcp.Port}
		copy(six.Addr[:], tcp.IP)
		at = six
	}
	fd, err := unix.Socket(family, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return os.NewSyscallError("socket", err)
	}
	defer unix.Close(fd)
	if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEADDR, 1); err != nil {
		return os.NewSyscallError("setsockopt", err)
	}
	return os.NewSyscallError("bind", unix.Bind(fd, at))
}

func portOf(addr sock.Addr) string {
	_, port, _ := net.SplitHostPort(string(addr))
	return port
}

func ownerOf(fi fs.FileInfo) uint32 {
	st, ok := fi.Sys().(*syscall.Stat_t)
	if !ok {
		return 0
	}
	return st.Uid
}

func groupIDOf(fi fs.FileInfo) uint32 {
	st, ok := fi.Sys().(*syscall.Stat_t)
	if !ok {
		return 0
	}
	return st.Gid
}
