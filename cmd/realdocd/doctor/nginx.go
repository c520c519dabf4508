package doctor

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"realdocd/cmd/realdocd/nginxconf"
)

// checkNginx looks at what nginx is told, where it says more than the requests do that came.
func (x *examination) checkNginx() {
	for _, n := range x.findNginx() {
		concerned, before := false, len(x.findings)
		for _, p := range n.passings() {
			if p.site == nil {
				continue
			}
			concerned = true
			if p.asksFPM() {
				if x.status == nil {
					continue // it does right until realdocd runs
				}
				x.add(kindWebServerNotSwitched, p.at(p.pass), fmt.Sprintf("nginx passes requests of the site to PHP-FPM itself, %s: they are not pinned.", p.pass.Arg(0)),
					fmt.Sprintf("Pass them to realdocd: fastcgi_pass %s; and reload nginx.", x.ourAddress()))
				continue
			}
			p.checkParams()
			p.checkTimeouts()
			p.checkFileCache()
		}
		if concerned {
			n.checkReach()
			if x.status != nil { // before, there was no reason to
				n.checkReloaded()
			}
			if len(x.findings) == before {
				x.add(kindNginx, Subject{File: n.file}, "nginx passes requests of the sites to realdocd as it should.", "")
			}
		}
	}
}

// ourAddress is where web servers find realdocd, as they write it.
func (x *examination) ourAddress() string {
	switch {
	case len(x.config.Listen) == 0:
		return "its listen"
	case x.config.Listen[0].IsUnix():
		return "unix:" + string(x.config.Listen[0])
	}
	return string(x.config.Listen[0])
}

// checkReach sees whether nginx may connect to realdocd.
func (n *nginx) checkReach() {
	for _, addr := range n.config.Listen {
		if !addr.IsUnix() {
			continue
		}
		for _, who := range n.workers {
			err := who.identity.may(string(addr), unix.W_OK)
			if err == nil || !errors.Is(err, fs.ErrPermission) {
				continue
			}
			n.add(kindWebServerForbidden, Subject{File: string(addr)}, fmt.Sprintf("nginx, as %s, may not connect to the socket: visitors get a 502.", who.identity.name),
				fmt.Sprintf("Make it a member of the socket's group, %s: usermod -aG %s %s, and restart nginx; or set listen_group (systemd: SocketGroup=).", groupOf(string(addr)), groupOf(string(addr)), who.identity.name))
			return
		}
	}
}

// checkReloaded sees whether nginx has read what its files say now.
func (n *nginx) checkReloaded() {
	var began time.Time
	for _, w := range n.workers {
		if w.began.After(began) {
			began = w.began
		}
	}
	if began.IsZero() {
		return
	}
	files := []string{n.file}
	nginxconf.Each(n.conf, func(d *nginxconf.Directive) {
		if !slices.Contains(files, d.File) {
			files = append(files, d.File)
		}
	})
	for _, file := range files {
		if fi, err := os.Stat(file); err == nil && fi.ModTime().After(began.Add(2*time.Second)) {
			n.add(kindWebServerNotReloaded, Subject{File: file}, fmt.Sprintf("The file was changed at %s, and nginx has not been reloaded since %s.", clock(fi.ModTime()), clock(began)),
				"systemctl reload nginx.")
			return
		}
	}
}
