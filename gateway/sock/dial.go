package sock

import (
	"net"
	"os"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// A Dialer connects to one listener. Several goroutines may use it.
type Dialer struct {
	addr Addr
	unix *unixAddr // nil for TCP
}

// NewDialer makes a Dialer. The path of a unix socket has at most [MaxUnixPath] bytes.
func NewDialer(addr Addr) *Dialer {
	d := &Dialer{addr: addr}
	if addr.IsUnix() {
		d.unix = newUnixAddr(string(addr))
	}
	return d
}

// Dial makes one attempt to connect. The deadline bounds it over TCP; over a unix
// socket it does not wait: a listener whose backlog is full is unix.EAGAIN. The caller
// closes the connection.
//
// The standard library's Dial would ask for the addresses of both ends, two system
// calls that nobody needs here.
func (d *Dialer) Dial(deadline time.Time) (*Conn, error) {
	if d.unix == nil {
		conn, err := (&net.Dialer{Deadline: deadline}).Dial("tcp", string(d.addr))
		if err != nil {
			return nil, err
		}
		return New(conn.(*net.TCPConn))
	}
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, os.NewSyscallError("socket", err)
	}
	if err := d.unix.connect(fd); err != nil {
		unix.Close(fd)
		return nil, os.NewSyscallError("connect", err)
	}
	c, err := New(os.NewFile(uintptr(fd), string(d.addr)))
	if err == nil {
		c.fd = uintptr(fd)
	}
	return c, err
}

// A unixAddr is a socket's path as the kernel takes it, made once: unix.Connect
// makes it anew each time, in the value that it is given.
type unixAddr struct {
	raw unix.RawSockaddrUnix
	len uintptr
}

func newUnixAddr(path string) *unixAddr {
	a := &unixAddr{raw: unix.RawSockaddrUnix{Family: unix.AF_UNIX}}
	n := copy(unsafe.Slice((*byte)(unsafe.Pointer(&a.raw.Path[0])), MaxUnixPath), path)
	a.len = unsafe.Offsetof(a.raw.Path) + uintptr(n) + 1
	return a
}

// MaxUnixPath is the longest path of a unix socket, in bytes. It leaves room for the
// zero byte behind the path (unix(7)).
const MaxUnixPath = len(unix.RawSockaddrUnix{}.Path) - 1

// connect connects a non-blocking socket; it does not wait, see rawIO.
func (a *unixAddr) connect(fd int) error {
	_, _, errno := unix.RawSyscall(unix.SYS_CONNECT, uintptr(fd), uintptr(unsafe.Pointer(&a.raw)), a.len)
	if errno != 0 {
		return errno
	}
	return nil
}
