package doctor

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"realdocd/cmd/realdocd/nginxconf"
	"realdocd/gateway"
	"realdocd/gateway/fpm"
	"realdocd/gateway/sock"
)

// A passing is a block of nginx's configuration that passes requests on over FastCGI, to
// realdocd or past it.
type passing struct {
	*nginx
	pass    *nginxconf.Directive // fastcgi_pass
	targets []sock.Addr
	root    string // "" if it has a variable, or none is set
	site    *gateway.SiteConfig
}

// checkNginx looks at what nginx is told, where it says more than the requests do that came.
func (x *examination) checkNginx() {
	for _, n := range x.findNginx() {
		concerned := false
		for _, p := range n.passings() {
			if p.site == nil {
				continue
			}
			concerned = true
			if p.asksFPM() {
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
			n.checkReloaded()
		}
	}
}

// ourAddress is where web servers find realdocd, as they write it.
func (x *examination) ourAddress() string {
	for _, addr := range x.config.Listen {
		if addr.IsUnix() {
			return "unix:" + string(addr)
		}
		return string(addr)
	}
	return "its listen"
}

// passings are the blocks that pass requests to realdocd or to PHP-FPM.
func (n *nginx) passings() (all []*passing) {
	upstreams := map[string][]string{}
	nginxconf.Each(n.conf, func(d *nginxconf.Directive) {
		if d.Name == "upstream" {
			for _, server := range d.Own("server") {
				upstreams[d.Arg(0)] = append(upstreams[d.Arg(0)], server.Arg(0))
			}
		}
	})
	nginxconf.Each(n.conf, func(d *nginxconf.Directive) {
		if d.Name != "fastcgi_pass" || d.In == nil {
			return
		}
		p := &passing{nginx: n, pass: d}
		for _, target := range append(slices.Clone(upstreams[d.Arg(0)]), d.Arg(0)) {
			p.targets = append(p.targets, sock.Addr(strings.TrimPrefix(target, "unix:")))
		}
		if root := d.In.Get("root"); root != nil && !strings.Contains(root.Arg(0), "$") {
			p.root = path.Clean(root.Arg(0))
		}
		if p.asksFPM() || p.asksUs() {
			i := slices.IndexFunc(n.config.Sites, func(s gateway.SiteConfig) bool { return p.root != "" && s.Has(p.root) })
			if i >= 0 {
				p.site = &n.config.Sites[i]
			}
			all = append(all, p)
		}
	})
	return all
}

func (p *passing) asksUs() bool {
	ours := p.config.Listen
	if p.view != nil {
		for _, addr := range p.view.Listen {
			ours = append(slices.Clone(ours), sock.Addr(addr))
		}
	}
	return slices.ContainsFunc(p.targets, func(addr sock.Addr) bool { return slices.Contains(ours, addr) })
}

func (p *passing) asksFPM() bool {
	return slices.ContainsFunc(p.targets, func(addr sock.Addr) bool {
		return slices.ContainsFunc(p.config.Pools, func(pool fpm.Config) bool { return slices.Contains(pool.Servers, addr) })
	})
}

// at is a directive as findings of the passing name it.
func (p *passing) at(d *nginxconf.Directive) Subject {
	return Subject{Site: p.site.Name, File: d.File, Line: d.Line}
}

// mappedParams are those that realdocd maps, however they are written.
var mappedParams = []string{"DOCUMENT_ROOT", "SCRIPT_FILENAME", "PHP_VALUE", "PHP_ADMIN_VALUE", "PATH_TRANSLATED", "CONTEXT_DOCUMENT_ROOT"}

const accelMapping = "HTTP_X_ACCEL_MAPPING"

// checkParams finds paths that nginx resolves by itself, in another moment than realdocd.
func (p *passing) checkParams() {
	for _, param := range p.pass.In.Inherited("fastcgi_param") {
		name, value := param.Arg(0), param.Arg(1)
		mapped := name != accelMapping || slices.Contains(p.site.MapParams, name)
		switch {
		case slices.Contains(mappedParams, name):
		case strings.Contains(value, "$realpath_root"):
			do := "Take $document_root, which realdocd maps."
			if !mapped {
				do = fmt.Sprintf("Take $document_root, and name the param in the site: map_params = [%q].", name)
			}
			p.add(kindParamSentResolved, p.at(param), fmt.Sprintf("nginx sends %s with $realpath_root: after a flip it names another release than the one that the request runs on.", name), do)
		case !mapped && strings.Contains(value, "$document_root"):
			p.add(kindAccelMappingUnmapped, p.at(param), fmt.Sprintf("nginx sends %s with the link, and realdocd maps no param that a client could send: PHP has paths of the release, and none of them fits.", name),
				fmt.Sprintf("Name it in the site: map_params = [%q].", name))
		}
	}
}

// nginxReadTimeout is nginx's default of fastcgi_read_timeout.
const nginxReadTimeout = time.Minute

// checkTimeouts sees who is the first to give a script up. It should be realdocd, which
// says so in its log.
func (p *passing) checkTimeouts() {
	at, theirs := p.pass, nginxReadTimeout
	set := p.pass.In.Get("fastcgi_read_timeout")
	if set != nil {
		at, theirs = set, nginxTime(set.Arg(0))
	}
	i := slices.IndexFunc(p.config.Pools, func(pool fpm.Config) bool { return pool.Name == p.site.Pool })
	if i < 0 || theirs == 0 {
		return
	}
	ours := p.config.Pools[i].ReadTimeout
	if p.site.ReadTimeout != nil {
		ours = *p.site.ReadTimeout
	}
	switch {
	case theirs < ours:
		p.add(kindWebServerTimeoutShort, p.at(at), fmt.Sprintf("nginx gives a script up after fastcgi_read_timeout = %s, before realdocd's read_timeout = %s: visitors get nginx's 504, and the script runs on.", theirs, ours),
			fmt.Sprintf("Set fastcgi_read_timeout to more than %s.", ours))
	case set != nil && theirs > ours && ours > 0:
		p.add(kindReadTimeoutShort, p.at(at), fmt.Sprintf("nginx waits %s for a script (fastcgi_read_timeout), and realdocd gives it up after read_timeout = %s.", theirs, ours),
			fmt.Sprintf("Set read_timeout of the site or its pool to %s, if scripts may take so long.", theirs))
	}
}

// nginxTime reads a time as nginx has it: "300", "5m", "1m 30s" in one word.
func nginxTime(text string) (sum time.Duration) {
	for text != "" {
		n := strings.IndexFunc(text, func(c rune) bool { return c < '0' || c > '9' })
		if n < 0 {
			n = len(text)
		}
		number, err := strconv.Atoi(text[:n])
		if err != nil {
			return 0
		}
		text = text[n:]
		unit, length := time.Second, min(1, len(text))
		switch {
		case strings.HasPrefix(text, "ms"):
			unit, length = time.Millisecond, 2
		case strings.HasPrefix(text, "m"):
			unit = time.Minute
		case strings.HasPrefix(text, "h"):
			unit = time.Hour
		case strings.HasPrefix(text, "d"):
			unit = 24 * time.Hour
		}
		sum, text = sum+time.Duration(number)*unit, text[length:]
	}
	return sum
}

// checkFileCache finds nginx remembering which file a path led to: the page is of the new
// release then, and its styles of the old one.
func (p *passing) checkFileCache() {
	cache := p.pass.In.Get("open_file_cache")
	if cache == nil || cache.Arg(0) == "off" {
		return
	}
	p.add(kindOpenFileCache, p.at(cache), "nginx has open_file_cache: after a flip it serves static files of the release before, for as long as open_file_cache_valid says.",
		"Set open_file_cache off for the site; or take the sample for static files of one release.")
}

// checkReach sees whether nginx may connect to realdocd.
func (n *nginx) checkReach() {
	for _, addr := range n.config.Listen {
		if !addr.IsUnix() {
			continue
		}
		for _, who := range n.workers() {
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
	for _, w := range n.workers() {
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
