package doctor

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
	"time"

	"realdocd/gateway"
	"realdocd/gateway/control"
	"realdocd/gateway/fpm"
	"realdocd/gateway/sock"
)

// daemonTimeout bounds the wait for the daemon, which has its answers at hand.
const daemonTimeout = 3 * time.Second

// askDaemon asks the running daemon, and compares it with the configuration and
// with the program on disk. It is not a fault if no daemon runs: check is for before the
// first start too.
func (x *examination) askDaemon() {
	const skipped = "whether it is up to date and what web servers send was not looked at"
	if x.config.Control == "" {
		x.add(kindDaemonNotAsked, Subject{}, `The configuration has control = "", so the daemon cannot be asked: `+skipped+".",
			"Name a control socket: status, deploy and drain need it too.")
		return
	}
	client := control.NewClient(x.config.Control, x.config.User)
	ctx, cancel := context.WithTimeout(x.ctx, daemonTimeout)
	defer cancel()
	st, err := client.Status(ctx)
	switch {
	case control.IsNotRunning(err):
		x.add(kindDaemonNotAsked, Subject{}, "No daemon listens on "+x.config.Control+": "+skipped+".",
			"Start it (systemctl start realdocd) and check again.")
		return
	case errors.Is(err, fs.ErrPermission):
		x.unasked = true
		x.add(kindDaemonForbidden, Subject{}, fmt.Sprintf("The daemon may not be asked: %v: %s.", err, skipped),
			"Run check as root.")
		return
	case err != nil:
		x.unasked = true
		x.add(kindDaemonSilent, Subject{}, fmt.Sprintf("The control socket does not answer as it should: %v.", err),
			"See realdocd's log; restart it if it hangs.")
		return
	}
	x.status = &st
	if view, err := client.View(ctx); err == nil {
		x.view = &view
	}
	x.add(kindDaemon, Subject{}, fmt.Sprintf("The daemon runs since %s, with pid %d.", st.Started.Local().Format(time.DateTime), st.PID), "")
	if st.Unheld {
		x.add(kindSocketNotHeld, Subject{}, "systemd runs the daemon and holds no socket for it: requests fail while it is restarted.",
			"systemctl enable --now realdocd.socket, and restart realdocd.")
	}
	x.compareBinary(st)
	x.compareConfiguration(st)
	x.compareListeners()
	for _, p := range st.Pools {
		if p.Paused {
			x.add(kindPoolPaused, Subject{Pool: p.Name}, fmt.Sprintf("The pool is paused; %d requests wait.", p.Waiting),
				"When what it was paused for is done: realdocd resume "+p.Name+".")
		}
	}
}

// findDaemonUser finds out by whose rights files are to be judged: the user whom the
// daemon runs as, or will.
func (x *examination) findDaemonUser() {
	var err error
	if x.status != nil || x.unasked {
		if x.daemon, err = identityOfListener(x.config.Control); err == nil {
			return
		}
	}
	name := x.config.User
	if user := x.unit["User"]; user != "" {
		name = user
	}
	if x.daemon, err = identityOf(name); err != nil && x.unit != nil {
		x.add(kindUserUnknown, Subject{}, fmt.Sprintf("The daemon is to run as %s, and there is no such user: %v.", name, err),
			"Make the user (systemd-sysusers), or name another in the unit and as user in realdocd.toml.")
	}
}

// compareBinary sees whether the daemon runs this program.
func (x *examination) compareBinary(st control.Status) {
	running, err := os.Stat(fmt.Sprintf("/proc/%d/exe", st.PID))
	if err != nil {
		return // another user's process, or in another pid namespace
	}
	self, program := x.at.Program, x.at.Program
	if program == "" {
		self, _ = os.Executable()
		program = "/proc/self/exe"
	}
	ours, err := os.Stat(program)
	if err != nil || os.SameFile(running, ours) {
		return
	}
	x.add(kindDaemonOtherBinary, Subject{}, fmt.Sprintf("The daemon that runs is not %s: it was started from another file, or before an upgrade replaced it.", self),
		"Restart it, or have it upgraded (systemctl restart realdocd).")
}

// compareConfiguration sees whether the daemon has this configuration.
func (x *examination) compareConfiguration(st control.Status) {
	var differ []string
	for _, c := range x.config.Sites {
		i := slices.IndexFunc(st.Sites, func(s control.SiteStatus) bool { return s.Name == c.Name })
		if i < 0 || path.Clean(st.Sites[i].Docroot) != path.Clean(c.Docroot) || st.Sites[i].Pool != c.Pool {
			differ = append(differ, "site "+c.Name)
		}
	}
	for _, s := range st.Sites {
		if !slices.ContainsFunc(x.config.Sites, func(c gateway.SiteConfig) bool { return c.Name == s.Name }) {
			differ = append(differ, "site "+s.Name)
		}
	}
	for _, c := range x.config.Pools {
		if p := x.poolStatus(c.Name); p == nil || p.MaxConnsAuto != (c.MaxConns == fpm.Auto) || !p.MaxConnsAuto && p.MaxConns != c.MaxConns || p.Queue != c.Queue || !slices.Equal(addresses(p), sock.Strings(c.Servers)) {
			differ = append(differ, "pool "+c.Name)
		}
	}
	if len(differ) > 0 {
		x.add(kindReloadPending, Subject{}, "The daemon runs with another configuration: "+strings.Join(differ, ", ")+".",
			"systemctl reload realdocd; its log says why if it does not take it.")
	}
}

// poolStatus is a pool as the daemon has it; nil if it is not known.
func (x *examination) poolStatus(name string) *control.PoolStatus {
	if x.status == nil {
		return nil
	}
	for i, p := range x.status.Pools {
		if p.Name == name {
			return &x.status.Pools[i]
		}
	}
	return nil
}

func addresses(p *control.PoolStatus) (all []string) {
	for _, s := range p.Servers {
		all = append(all, s.Address)
	}
	return all
}

// compareListeners sees whether the daemon listens at the addresses of the
// configuration.
func (x *examination) compareListeners() {
	if x.view == nil {
		return
	}
	var missing []string
	for _, addr := range x.config.Listen {
		if !slices.Contains(x.view.Listen, string(addr)) {
			missing = append(missing, string(addr))
		}
	}
	if len(missing) == 0 {
		return
	}
	do := "systemctl reload realdocd; its log says why if it does not listen there."
	if x.view.Inherited {
		do = "systemd has passed those of realdocd.socket: make ListenStream= and listen name the same."
	}
	x.add(kindListenDiffers, Subject{}, fmt.Sprintf("The configuration has listen %s, and the daemon listens on %s.",
		strings.Join(missing, ", "), strings.Join(x.view.Listen, ", ")), do)
}
