package doctor

import (
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"os"

	"realdocd/gateway/control"
	"realdocd/gateway/fpm"
)

const (
	// fullBelow is how much room, in bytes, a directory for bodies should have.
	fullBelow = 64 << 20
	// filesBeside is how many descriptors the daemon needs beside requests: sockets,
	// logs, and a reserve.
	filesBeside = 100
)

// checkMachine looks at what surrounds the daemon: who may reach it, and what it
// may write and open.
func (x *examination) checkMachine() {
	x.checkListeners()
	if x.view == nil {
		return
	}
	for _, d := range x.view.Directories {
		x.checkDirectory(d)
	}
	x.checkOpenFiles()
}

func (x *examination) checkDirectory(d control.DirectoryView) {
	s := Subject{File: d.Path}
	switch {
	case d.Error != "":
		x.add(kindDirectoryUnwritable, s, fmt.Sprintf("The daemon cannot write to its %s: %s.", d.Key, d.Error),
			"Make the directory, give it to the daemon's user, and allow it in the unit (ReadWritePaths=).")
	case d.Key == "spool_dir" && d.Free < fullBelow:
		x.add(kindDirectoryFull, s, fmt.Sprintf("The %s has %d MiB left; a request body above 64 KiB that does not fit is answered with 507.", d.Key, d.Free>>20),
			"Make room, or name another directory.")
	case d.Key == "spool_dir" && d.Memory:
		x.add(kindSpoolInMemory, s, fmt.Sprintf("The %s is in memory (tmpfs): request bodies above 64 KiB take memory, %d MiB at the most.", d.Key, d.Free>>20),
			"Set spool_dir to a directory on a disk, or max_spool to what the memory allows.")
	default:
		x.add(kindDirectory, s, fmt.Sprintf("The daemon can write to its %s, which has %d MiB left.", d.Key, d.Free>>20), "")
	}
}

// checkOpenFiles sees whether the requests of all places, and of the longest queue, have
// descriptors: two each, for the connections, or a large body beside one. That several
// pools have full queues at once is not counted on: with hundreds of pools it would take more
// than any machine has.
func (x *examination) checkOpenFiles() {
	all, queue := 0, 0
	for _, p := range x.config.Pools {
		places := max(0, p.MaxConns)
		if st := x.poolStatus(p.Name); st != nil && p.MaxConns == fpm.Auto {
			places = st.MaxConns
		}
		all, queue = all+places, max(queue, p.Queue)
	}
	if bound := x.config.MaxConns; bound > 0 {
		all = min(all, bound)
	}
	needs := filesBeside + 2*uint64(all+queue)
	if has := x.view.MaxOpenFiles; has > 0 && has < needs {
		x.add(kindOpenFilesFew, Subject{}, fmt.Sprintf("The daemon may open %d files, and with all places taken and a full queue it needs about %d.", has, needs),
			fmt.Sprintf("Set LimitNOFILE=%d or more in the unit and restart it.", needs))
	}
}

// checkListeners sees who may connect: over FastCGI that is who may run PHP.
func (x *examination) checkListeners() {
	tcp, unix := false, false
	for _, addr := range x.config.Listen {
		tcp, unix = tcp || !addr.IsUnix(), unix || addr.IsUnix()
	}
	for _, p := range x.config.AllowedClients {
		if tcp && p.Bits() == 0 {
			x.add(kindListenOpen, Subject{}, fmt.Sprintf("allowed_clients has %s: whoever reaches the port may run PHP code.", p),
				"Name the addresses of the web servers.")
		}
	}
	if inherited := x.view != nil && x.view.Inherited; inherited {
		x.checkPassedSockets()
	} else if unix && x.config.ListenMode&0o002 != 0 {
		x.add(kindListenWorldWritable, Subject{}, fmt.Sprintf("listen_mode is %#o: every user of the machine may run PHP code by the socket.", x.config.ListenMode),
			`Take "0660", with the web server in the socket's group.`)
	}
	if host, _, err := net.SplitHostPort(x.config.Metrics); err == nil && isOpen(host) {
		x.add(kindMetricsOpen, Subject{}, fmt.Sprintf("metrics = %q is open to everybody who reaches the machine.", x.config.Metrics),
			"Take a loopback or an inside address.")
	}
}

// checkPassedSockets looks at the sockets that systemd has passed: for them, listen_mode
// has no effect.
func (x *examination) checkPassedSockets() {
	for _, addr := range x.view.Listen {
		fi, err := os.Stat(addr)
		if err == nil && fi.Mode()&fs.ModeSocket != 0 && fi.Mode()&0o002 != 0 {
			x.add(kindListenWorldWritable, Subject{File: addr}, fmt.Sprintf("The socket has the mode %#o: every user of the machine may run PHP code by it.", fi.Mode().Perm()),
				"Set SocketMode=0660 in the socket unit, with the web server in SocketGroup=.")
		}
	}
}

// isOpen says whether a listener on host can be reached from the internet.
func isOpen(host string) bool {
	ip, err := netip.ParseAddr(host)
	if err != nil {
		return host == "" // a name is what somebody has chosen
	}
	return ip.IsUnspecified() || ip.IsGlobalUnicast() && !ip.IsPrivate()
}
