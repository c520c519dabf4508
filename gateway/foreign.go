package gateway

import (
	"fmt"
	"net"
	"time"

	"golang.org/x/sys/unix"
)

// foreignEvery is how often a client that does not speak FastCGI is logged: it asks again
// and again, as a health check does.
const foreignEvery = time.Minute

// noteForeign tells of a client that speaks another protocol, and who it is.
func (c *webConn) noteForeign(err error) {
	now, last := int64(sinceEpoch(time.Now())), c.s.foreign.Load()
	if last != 0 && now-last < int64(foreignEvery) || !c.s.foreign.CompareAndSwap(last, now) {
		return
	}
	c.s.log.Warn().Str("client", c.client()).Str("error", cut(err.Error())).
		Msg("a client that does not speak FastCGI was turned away: see what its configuration connects to this socket")
}

// client says who has connected.
func (c *webConn) client() string {
	if conn, ok := c.web.FileConn.(*net.TCPConn); ok {
		return conn.RemoteAddr().String()
	}
	who := "unknown"
	raw, err := c.web.SyscallConn()
	if err != nil {
		return who
	}
	raw.Control(func(fd uintptr) {
		if cred, err := unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED); err == nil {
			who = fmt.Sprintf("process %d of uid %d", cred.Pid, cred.Uid)
		}
	})
	return who
}
