package doctor

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"realdocd/gateway/fpm"
	"realdocd/gateway/sock"
)

// checkAddress sees whether an address is free that the daemon will listen at.
func (x *examination) checkAddress(key string, addr sock.Addr) {
	if addr.IsUnix() {
		x.checkSocketPath(key, string(addr))
		return
	}
	if key == "metrics" && !x.unit.letsTCP() {
		return // checkUnit says so
	}
	err := bind(string(addr))
	if err == nil {
		err = x.mayBind(addr)
	}
	switch {
	case err == nil:
	case errors.Is(err, unix.EADDRINUSE):
		x.add(kindAddressTaken, Subject{}, fmt.Sprintf("%s has %s, and another process listens there: the daemon does not start, or reload, so.", key, addr),
			fmt.Sprintf("See who it is (ss -ltnp 'sport = :%s'), or take another port.", portOf(addr)))
	default:
		x.add(kindAddressUnusable, Subject{}, fmt.Sprintf("%s has %s, and nobody can listen there: %v.", key, addr, err),
			"Take an address that this machine has, and a port above 1023.")
	}
}

// mayBind says whether the daemon's user may use a port that root may use.
func (x *examination) mayBind(addr sock.Addr) error {
	if x.daemon.isUs() {
		return nil
	}
	var err error
	x.daemon.do(func() { err = bind(string(addr)) })
	return err
}

// checkSocketPath sees whether a unix socket can be made at a path.
func (x *examination) checkSocketPath(key, path string) {
	dir := filepath.Dir(path)
	if fi, err := os.Lstat(path); err == nil {
		pid, err := fpm.ListenerPID(sock.Addr(path))
		switch {
		case fi.Mode()&fs.ModeSocket == 0:
			x.add(kindAddressTaken, Subject{File: path}, fmt.Sprintf("%s has a path where a file is that is not a socket: the daemon does not start, or reload, so.", key),
				"Remove the file, or take another path.")
			return
		case err == nil && pid == 1:
			return // systemd holds it for the daemon
		case err == nil && x.status == nil:
			x.add(kindAddressTaken, Subject{File: path}, fmt.Sprintf("%s has a socket where another process listens (pid %d): the daemon does not start, or reload, so.", key, pid),
				"Stop that process, or take another path.")
			return
		}
	}
	err := x.mayMakeIn(dir)
	if err == nil || errors.Is(err, fs.ErrNotExist) && x.unit.makes(dir) {
		return
	}
	x.add(kindDirectoryUnwritable, Subject{File: dir}, fmt.Sprintf("The daemon, as %s, cannot make its socket of %s there: %v.", x.daemonName(), key, err),
		"Make the directory and give it to the daemon's user (systemd: RuntimeDirectory=), or take another path.")
}

func (x *examination) mayMakeIn(dir string) error {
	if _, err := os.Stat(dir); err != nil {
		return err
	}
	return x.daemon.may(dir, unix.W_OK|unix.X_OK)
}
