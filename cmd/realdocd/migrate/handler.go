package migrate

import (
	"net"
	"regexp"
	"slices"
	"strings"
)

// handler takes the directives that say who runs PHP.
func (a *apache) handler(name string, args []string, at place) {
	switch name {
	case "sethandler", "addhandler", "addtype":
		switch backend, isProxy := strings.CutPrefix(args[0], "proxy:"); {
		case isProxy:
			a.addRule(rule{value: backend, at: at})
		case strings.Contains(args[0], "x-httpd-php") || strings.HasPrefix(args[0], "php") && strings.HasSuffix(args[0], "-script"):
			a.modPHP = at
		}
	case "proxypass", "proxypassmatch":
		// Inside <Location> the path is left out.
		for _, backend := range args[:min(2, len(args))] {
			if isFastCGI(backend) {
				r := rule{value: backend, at: at}
				r.scope = a.scope()
				r.scope.some = r.scope.some || name == "proxypass" && len(args) > 1 && args[0] != "/"
				a.now.rules = append(a.now.rules, r)
				a.backendTimeout(args, at)
			}
		}
	case "balancermember":
		a.member(args)
		if slices.ContainsFunc(args, isFastCGI) {
			a.backendTimeout(args, at)
		}
	case "fastcgiexternalserver":
		a.externalServer(args)
		a.addRule(rule{value: a.external[args[0]], at: at})
	case "fcgidwrapper", "fcgiwrapper":
		a.noteOnce(at, args[0]+" is started by mod_fcgid: realdocd starts nothing; set up PHP-FPM instead")
	}
}

// proxiesFastCGI says whether what is read is in the <Proxy> of a FastCGI server.
func (a *apache) proxiesFastCGI() bool {
	return len(a.stack) > 0 && isFastCGI(a.stack[len(a.stack)-1].balancer)
}

func isFastCGI(backend string) bool {
	return strings.Contains(backend, "fcgi://") || strings.HasPrefix(backend, "balancer://")
}

// member notes one server of a balancer, named by its section or before the member.
func (a *apache) member(args []string) {
	balancer := args[0]
	if strings.HasPrefix(balancer, "balancer://") && len(args) > 1 {
		args = args[1:]
	} else if balancer = ""; len(a.stack) > 0 {
		balancer = a.stack[len(a.stack)-1].balancer
	}
	if isFastCGI(args[0]) && balancer != "" {
		balancer = balancerName(balancer)
		a.members[balancer] = append(a.members[balancer], args[0])
	}
}

// balancerName is name of balancer://name/…
func balancerName(url string) string {
	name, _, _ := strings.Cut(strings.TrimPrefix(url, "balancer://"), "/")
	return strings.ToLower(name)
}

// externalServer notes mod_fastcgi's way to an FPM.
func (a *apache) externalServer(args []string) {
	for i := 1; i+1 < len(args); i++ {
		switch args[i] {
		case "-socket":
			a.external[args[0]] = "unix:" + a.absolute(args[i+1]) + "|fcgi://localhost"
		case "-host":
			a.external[args[0]] = "fcgi://" + args[i+1]
		}
	}
}

// servers are the addresses of a backend, as realdocd writes them; none if it is not
// PHP-FPM.
func (a *apache) servers(backend string) []string {
	if strings.HasPrefix(backend, "balancer://") {
		var all []string
		for _, member := range a.members[balancerName(backend)] {
			all = append(all, a.servers(member)...)
		}
		return all
	}
	if address := fastCGIAddress(backend); address != "" {
		return []string{address}
	}
	return nil
}

// apachePort is the port of fcgi:// without one.
const apachePort = "8000"

var hasPort = regexp.MustCompile(`:\d+$`)

// fastCGIAddress is that of unix:/path|fcgi://… and of fcgi://host:port/…; "" for others.
func fastCGIAddress(backend string) string {
	if socket, ok := strings.CutPrefix(backend, "unix:"); ok {
		socket, rest, _ := strings.Cut(socket, "|")
		if !strings.HasPrefix(rest, "fcgi://") {
			return ""
		}
		return socket
	}
	host, ok := strings.CutPrefix(backend, "fcgi://")
	if !ok {
		return ""
	}
	host, _, _ = strings.Cut(host, "/")
	if !hasPort.MatchString(host) {
		host = net.JoinHostPort(strings.Trim(host, "[]"), apachePort)
	}
	return host
}
