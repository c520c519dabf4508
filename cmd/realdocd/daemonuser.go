package main

import (
	"os"
	"os/user"
	"strconv"
)

// warnOfUser says if no command of another user than ours will believe this daemon.
func (d *daemonProcess) warnOfUser() {
	// Process 1 is that of a container, in which commands run as its user.
	if d.config.Gateway.Control == "" || d.readAgain == nil || os.Geteuid() == 0 || os.Getpid() == 1 {
		return
	}
	id := strconv.Itoa(os.Geteuid())
	want := d.config.Gateway.User
	if u, err := user.Lookup(want); want == id || err == nil && u.Uid == id {
		return
	}
	d.log.Warn().Str("user", want).Str("uid", id).
		Msg("root's commands do not believe this daemon: user in realdocd.toml names another than it runs as")
}
