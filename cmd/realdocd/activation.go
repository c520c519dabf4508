package main

import (
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"syscall"

	"github.com/coreos/go-systemd/v22/activation"
	"golang.org/x/sys/unix"

	"realdocd/cmd/realdocd/conf"
	"realdocd/gateway"
)

// connName is the name under which systemd keeps connections of web servers from the
// end of one process to the start of the next (FileDescriptorStoreMax= in systemd.service(5)).
const connName = "webconn"

// takePassed takes the sockets that systemd has passed: listeners, which it returns, and
// connections that the process before has left with systemd.
func (d *daemonProcess) takePassed() (listeners []net.Listener, err error) {
	var conns []net.Conn
	for _, f := range activation.Files(true) {
		if f.Name() == connName {
			if conn, err := net.FileConn(f); err == nil {
				conns = append(conns, conn) // one that has ended meanwhile is not missed
			}
			f.Close()
			continue
		}
		ln, err := net.FileListener(f)
		f.Close()
		if err != nil {
			return nil, errors.New("systemd passed a socket that is not a stream listener: use ListenStream= in the socket unit")
		}
		if err := checkPassed(ln, d.config.Gateway); err != nil {
			return nil, err
		}
		listeners = append(listeners, ln)
	}
	if len(conns) > 0 {
		d.log.Info().Int("connections", len(conns)).Msg("connections of web servers taken from systemd")
		d.srv.Adopt(conns...)
		// systemd has them open too: as long as it does, a close here ends none of them.
		d.notify("FDSTOREREMOVE=1\nFDNAME="+connName, "starting")
	}
	return listeners, nil
}

// checkPassed refuses a listener that the configuration would have been refused for.
func checkPassed(ln net.Listener, c gateway.Config) error {
	if ln.Addr().Network() != "unix" && len(c.AllowedClients) == 0 {
		return fmt.Errorf("systemd passed the socket %s, which is open to the network: say who may connect with allowed_clients", ln.Addr())
	}
	return nil
}

// warnOfSockets says what systemd's sockets are not as the operator may think.
func (d *daemonProcess) warnOfSockets() {
	if d.passed {
		d.warnOfListen()
	} else if d.srv.Unheld() {
		d.log.Warn().Msg("systemd holds no socket for realdocd, so that requests fail while it is restarted: systemctl enable --now realdocd.socket, and then systemctl restart realdocd")
	}
}

// warnOfListen says which keys of the configuration have no effect, since systemd has
// passed sockets and these win.
func (d *daemonProcess) warnOfListen() {
	c := d.config.Gateway
	for _, addr := range c.Listen {
		if !slices.Contains(d.addrs, string(addr)) {
			d.log.Warn().Str("listen", string(addr)).Msg("not listened on: systemd has passed sockets, and they win; add it to the socket unit")
		}
	}
	if mode := conf.DefaultListenMode; c.ListenMode != mode {
		d.log.Warn().Str("listen_mode", fmt.Sprintf("%#o", c.ListenMode)).Msg("listen_mode has no effect: systemd has made the socket; set SocketMode= in the socket unit (systemctl edit realdocd.socket)")
	}
	if c.ListenGroup != "" {
		d.log.Warn().Str("listen_group", c.ListenGroup).Msg("listen_group has no effect: systemd has made the socket; set SocketGroup= in the socket unit (systemctl edit realdocd.socket)")
	}
}

// storeConn leaves a connection with systemd for the next process.
func storeConn(conn syscall.Conn) error {
	raw, err := conn.SyscallConn()
	if err != nil {
		return err
	}
	out, err := unix.Socket(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return os.NewSyscallError("socket", err)
	}
	defer unix.Close(out)
	manager := &unix.SockaddrUnix{Name: os.Getenv("NOTIFY_SOCKET")}
	ctlErr := raw.Control(func(fd uintptr) {
		err = unix.Sendmsg(out, []byte("FDSTORE=1\nFDNAME="+connName), unix.UnixRights(int(fd)), manager, 0)
	})
	if err := errors.Join(ctlErr, err); err != nil {
		return fmt.Errorf("leave a connection with systemd: %w", err)
	}
	return nil
}
