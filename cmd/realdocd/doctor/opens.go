package doctor

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"golang.org/x/sys/unix"

	"realdocd/deploy"
	"realdocd/gateway"
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
	x.checkPinKeys()
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

// checkPinKeys sees whether the daemon can read the keys of pins, if it needs those of a file
// that somebody else makes.
func (x *examination) checkPinKeys() {
	file := x.config.PinKeyFile
	pins := slices.ContainsFunc(x.config.Sites, func(s gateway.SiteConfig) bool { return s.Pin != gateway.PinOff })
	if file == "" || !pins || !x.daemon.canBeTold() {
		return
	}
	var err error
	x.daemon.do(func() { _, err = deploy.ReadSecret(file) })
	if err != nil {
		x.add(kindPinKeysUnreadable, Subject{File: file}, fmt.Sprintf("The daemon, as %s, cannot read the keys of pins: %v. It does not start, or reload, so.", x.daemonName(), err),
			"Make the file, with mode 0600, and give it to the daemon's user: see pin_key_file in realdocd.toml(5).")
	}
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
