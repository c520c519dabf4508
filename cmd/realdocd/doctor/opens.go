package doctor

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"realdocd/gateway/fpm"
	"realdocd/gateway/sock"
)

// checkOpens tries what serve opens when it starts, with the rights of the daemon's user
// and of its unit: one thing that it cannot open, and the next restart is the last. What
// the running daemon has open already is well. Nothing is made, and nobody can connect to
// what is tried.
func (x *examination) checkOpens() {
	if file := x.at.ConfigFile; file != "" {
		if err := x.daemon.may(file, unix.R_OK); err != nil {
			x.add(kindConfigUnreadable, Subject{File: file}, fmt.Sprintf("The daemon, as %s, cannot read its configuration: %v.", x.daemonName(), err),
				fmt.Sprintf("chmod o+r %s, or give it to a group of that user.", file))
		}
	}
	x.checkLog()
	x.checkWritable("state_dir", x.config.StateDir)
	x.checkWritable("spool_dir", x.config.SpoolDir)
	x.checkUnit()
	if control := x.config.Control; control != "" {
		x.checkControlDirectory(filepath.Dir(control))
	}
	if x.unasked {
		return // whether it holds the addresses itself cannot be told
	}
	for _, addr := range x.config.Listen {
		if x.status == nil || x.view != nil && !x.view.Inherited && !slices.Contains(x.view.Listen, string(addr)) {
			x.checkAddress("listen", addr)
		}
	}
	if metrics := x.config.Metrics; metrics != "" && (x.status == nil || x.view != nil && x.view.Metrics != "" && x.view.Metrics != metrics) {
		x.checkAddress("metrics", sock.Addr(metrics))
	}
	if x.config.Control != "" && x.status == nil {
		x.checkAddress("control", sock.Addr(x.config.Control))
	}
}

// daemonName is the daemon's user for people.
func (x *examination) daemonName() string {
	if x.daemon == nil {
		return "the user who runs check"
	}
	return x.daemon.name
}

// checkLog sees whether the file of the log can be opened.
func (x *examination) checkLog() {
	file := x.at.LogFile
	if file == "" {
		return
	}
	fi, err := os.Stat(file)
	switch {
	case err == nil && fi.IsDir():
		err = unix.EISDIR
	case err == nil:
		err = x.daemon.may(file, unix.W_OK)
	case errors.Is(err, fs.ErrNotExist):
		if err = x.daemon.may(filepath.Dir(file), unix.W_OK|unix.X_OK); err == nil && !x.unit.letsWrite(file) {
			err = unix.EROFS
		}
	}
	if err != nil {
		x.add(kindLogUnwritable, Subject{File: file}, fmt.Sprintf("The daemon, as %s, cannot open its log: %v. It does not start, or reload, so.", x.daemonName(), err),
			fmt.Sprintf(`Make %s for that user (systemd: LogsDirectory= or ReadWritePaths= in the unit), or take another file, or "stderr", as output in [log].`, filepath.Dir(file)))
	}
}

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

// makes says whether systemd makes a directory before the daemon starts.
func (u unit) makes(dir string) bool {
	return u != nil && slices.Contains(strings.Fields(u["RuntimeDirectory"]), strings.TrimPrefix(dir, "/run/"))
}

func (x *examination) mayMakeIn(dir string) error {
	if _, err := os.Stat(dir); err != nil {
		return err
	}
	return x.daemon.may(dir, unix.W_OK|unix.X_OK)
}

// checkControlDirectory sees whether somebody else could put a socket in the place of the
// control socket. The daemon does not start then.
func (x *examination) checkControlDirectory(dir string) {
	fi, err := os.Stat(dir)
	if err != nil {
		return
	}
	owner, why := ownerOf(fi), ""
	switch {
	case owner != 0 && x.daemon != nil && owner != x.daemon.uid, owner != 0 && x.daemon == nil && int(owner) != os.Geteuid():
		why = fmt.Sprintf("belongs to user %d", owner)
	case fi.Mode()&0o002 != 0 && fi.Mode()&fs.ModeSticky == 0:
		why = "is open to everybody to write"
	default:
		return
	}
	x.add(kindDirectoryUnsafe, Subject{File: dir}, fmt.Sprintf("The directory of control %s, who could put another socket there: the daemon does not start so.", why),
		"Give it to the daemon's user, with mode 0755; or take another path.")
}

// checkWritable sees whether the daemon's user may write to a directory that the running
// daemon has not told of. A state_dir is made if its place is there.
func (x *examination) checkWritable(key, dir string) {
	if dir == "" || x.view != nil && slices.Contains(x.viewedDirectories(), dir) {
		return
	}
	at := dir
	_, err := os.Stat(at)
	if key == "state_dir" && errors.Is(err, fs.ErrNotExist) && x.unit != nil && x.unit.letsWrite(dir) {
		return // of StateDirectory=, which systemd makes
	}
	for key == "state_dir" && errors.Is(err, fs.ErrNotExist) && at != filepath.Dir(at) {
		at = filepath.Dir(at)
		_, err = os.Stat(at)
	}
	if err == nil {
		err = x.daemon.may(at, unix.W_OK|unix.X_OK)
	}
	if err == nil && !x.unit.letsWrite(dir) {
		err = fmt.Errorf("%w: the unit has ProtectSystem=strict", unix.EROFS)
	}
	if err != nil {
		x.add(kindDirectoryUnwritable, Subject{File: dir}, fmt.Sprintf("The daemon, as %s, cannot write to its %s: %v.", x.daemonName(), key, err),
			"Make the directory, give it to the daemon's user, and allow it in the unit (ReadWritePaths=).")
	}
}

func (x *examination) viewedDirectories() (dirs []string) {
	for _, d := range x.view.Directories {
		dirs = append(dirs, d.Path)
	}
	return dirs
}

// checkUnit compares what the configuration needs with what systemd lets the daemon do.
func (x *examination) checkUnit() {
	if x.unit == nil {
		return
	}
	if x.unit["ActiveState"] == "failed" {
		x.add(kindDaemonFailed, Subject{}, fmt.Sprintf("systemd has given the daemon up (%s), so that it does not run.", x.unit["Result"]),
			"See journalctl -u realdocd; then systemctl reset-failed realdocd, and start it.")
	}
	if user := x.unit["User"]; user != "" && user != x.config.User {
		x.add(kindUnitOtherUser, Subject{}, fmt.Sprintf("The unit runs the daemon as %s, and user is %q: root's commands do not believe a daemon of another user.", user, x.config.User),
			fmt.Sprintf("Set user = %q, or User= in the unit.", user))
	}
	if tcp := x.opensTCP(); tcp != "" && !x.unit.letsTCP() {
		x.add(kindUnitForbidsTCP, Subject{}, fmt.Sprintf("The configuration has %s, and the unit of the daemon allows no TCP.", tcp),
			"systemctl edit realdocd: [Service] RestrictAddressFamilies=AF_INET AF_INET6.")
	}
}

// opensTCP names a setting for which the daemon opens TCP; "" if none does.
func (x *examination) opensTCP() string {
	if x.config.Metrics != "" {
		return "metrics = " + x.config.Metrics
	}
	for _, pool := range x.config.Pools {
		for _, addr := range append(slices.Clone(pool.Servers), pool.StatusServer) {
			if addr != "" && !addr.IsUnix() {
				return fmt.Sprintf("server %s in pool %s", addr, pool.Name)
			}
		}
	}
	return ""
}
