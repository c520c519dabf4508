package gateway

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"os"
	"slices"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"realdocd/gateway/sock"
)

// A listener is a socket that web servers connect to.
type listener struct {
	addr sock.Addr // of the configuration, or the socket's if it was inherited
	net.Listener
	crowd *crowd // that it has accepted
}

// listen opens one socket. who is for a unix socket.
func listen(addr sock.Addr, who access) (net.Listener, error) {
	if addr.IsUnix() {
		return listenUnix(string(addr), who)
	}
	ln, err := net.Listen("tcp", string(addr))
	if errors.Is(err, unix.EAFNOSUPPORT) {
		err = fmt.Errorf("%w: the unit allows no TCP; run systemctl edit realdocd, and add [Service] RestrictAddressFamilies=AF_INET AF_INET6", err)
	}
	return ln, longBacklog(ln, err)
}

// listenUnix opens a unix socket in the place of one that nobody listens on any more.
// Nobody can connect before it is whose it is to be: so if anybody can, all can who may.
func listenUnix(path string, who access) (net.Listener, error) {
	if err := removeStale(path); err != nil {
		return nil, err
	}
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return nil, os.NewSyscallError("socket", err)
	}
	file := os.NewFile(uintptr(fd), path)
	defer file.Close()
	if err := unix.Bind(fd, &unix.SockaddrUnix{Name: path}); err != nil {
		return nil, os.NewSyscallError("bind", err)
	}
	ln, err := opened(file, who)
	if err != nil {
		return nil, errors.Join(err, os.Remove(path))
	}
	unlinkOnClose(ln, true)
	return ln, nil
}

// removeStale makes room for a unix socket.
func removeStale(path string) error {
	if conn, err := net.Dial("unix", path); err == nil {
		conn.Close()
		return errors.New("another process listens there: stop it first")
	}
	switch fi, err := os.Lstat(path); {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	case fi.Mode()&os.ModeSocket == 0:
		return errors.New("the file there is not a socket: remove it or choose another path")
	}
	return os.Remove(path)
}

// opened lets others connect to a socket that has its path.
func opened(file *os.File, who access) (net.Listener, error) {
	if err := who.set(file.Name()); err != nil {
		return nil, err
	}
	if err := unix.Listen(int(file.Fd()), backlog); err != nil {
		return nil, os.NewSyscallError("listen", err)
	}
	return net.FileListener(file)
}

// backlog is how many connections may wait to be accepted, where the kernel allows it.
const backlog = 4096

// longBacklog gives a TCP listener the whole backlog. Go takes that of net.core.somaxconn,
// and 128 if it may not read it, as in a unit with ProcSubset=pid.
func longBacklog(ln net.Listener, err error) error {
	if err != nil {
		return err
	}
	raw, err := ln.(syscall.Conn).SyscallConn()
	if err == nil {
		ctlErr := raw.Control(func(fd uintptr) { err = unix.Listen(int(fd), backlog) })
		err = errors.Join(ctlErr, err)
	}
	if err != nil {
		ln.Close()
		return fmt.Errorf("set the backlog: %w", err)
	}
	return nil
}

// Adopt has Serve begin with connections of web servers that another process
// has accepted. They are the Server's to close.
func (s *Server) Adopt(conns ...net.Conn) { s.adopted = append(s.adopted, conns...) }

func (s *Server) startAccepting(ln listener) {
	s.accepting.Go(func() { s.accept(ln) })
}

// accept takes connections from one listener until it is closed.
func (s *Server) accept(ln listener) {
	for {
		conn, err := ln.Accept()
		switch {
		case errors.Is(err, net.ErrClosed), errors.Is(err, os.ErrDeadlineExceeded):
			return // it is closed, a successor takes it over, or these were the last
		case err != nil:
			var ne net.Error
			if errors.As(err, &ne) {
				s.spare()
				time.Sleep(acceptPause)
				continue
			}
			select {
			case s.failed <- fmt.Errorf("accept on %s: %w", ln.addr, err):
			default:
			}
			return
		}
		s.awaitRoom()
		s.welcome(conn, ln)
	}
}

// lastAccepts is how long a listener takes who has connected already.
const lastAccepts = 10 * time.Millisecond

// takeLast has accept take who has connected already, and end. Their requests may be on the
// way, and to close a listener breaks their connections off. The listener is to be closed then;
// no other process may have it.
func (ln listener) takeLast() {
	if raw, err := ln.Listener.(syscall.Conn).SyscallConn(); err == nil && ln.addr.IsUnix() {
		raw.Control(func(fd uintptr) { unix.Shutdown(int(fd), unix.SHUT_RD) }) // nobody else connects
	}
	ln.Listener.(deadliner).SetDeadline(time.Now().Add(lastAccepts))
}

// welcome begins to serve a connection, if it is of somebody who may connect and there are
// not too many. The zero listener is of connections that were accepted before.
func (s *Server) welcome(conn net.Conn, ln listener) {
	cfg := &s.setup.Load().cfg
	refused := ""
	switch {
	case !cfg.allowsAddress(conn.RemoteAddr()):
		refused = "connection refused: the address is not in allowed_clients"
	case !cfg.allowsUser(conn):
		refused = "connection refused: the user is not in allowed_users"
	}
	if refused != "" {
		s.refused.event(s.log.Warn(), time.Now()).Str("client", describePeer(conn)).Msg(refused)
		conn.Close()
		return
	}
	most := cfg.maxConnections(len(s.sockets.Load().listeners))
	if !ln.crowd.enter(most) {
		s.metrics.crowded.Inc()
		s.tooMany.event(s.log.Error(), time.Now()).Str("listen", string(ln.addr)).Int("max_connections", most).
			Msg("connection refused: there are max_connections; see what opens so many, or raise it and LimitNOFILE")
		conn.Close()
		return
	}
	s.openFrom(conn, ln.crowd, nil)
}

func (c *Config) allowsAddress(addr net.Addr) bool {
	tcp, ok := addr.(*net.TCPAddr)
	if !ok {
		return true
	}
	ip, _ := netip.AddrFromSlice(tcp.IP)
	for _, p := range c.AllowedClients {
		if p.Contains(ip.Unmap()) {
			return true
		}
	}
	return false
}

// allowsUser is about unix sockets. The kernel has noted who has connected.
func (c *Config) allowsUser(conn net.Conn) bool {
	if len(c.AllowedUsers) == 0 || conn.LocalAddr().Network() != "unix" {
		return true
	}
	raw, ok := conn.(syscall.Conn)
	if !ok {
		return false
	}
	who, err := sock.CredsOf(raw)
	return err == nil && (who.UID == 0 || slices.Contains(c.AllowedUsers, who.UID))
}

// describePeer names the other end of a connection for the log.
func describePeer(conn net.Conn) string {
	if raw, ok := conn.(syscall.Conn); ok && conn.LocalAddr().Network() == "unix" {
		if who, err := sock.CredsOf(raw); err == nil {
			return fmt.Sprintf("uid %d", who.UID)
		}
	}
	return conn.RemoteAddr().String()
}
