package conf

import (
	"fmt"
	"net"
	"net/url"
	"os"
	"path"
	"strings"
	"time"
)

// Fleet is what the agent of a fleet and its commands need to know. What the daemon needs is in
// gateway.Config.
type Fleet struct {
	// Etcd are the URLs of the store's servers, all of them http or all of them https; none
	// is no fleet.
	Etcd []string
	// Prefix is what the keys begin with, and Group which hosts flip together.
	Prefix, Group string
	// Host is the name of this host; "" is that of the machine, see [Fleet.HostName].
	Host string
	// User and Password are those of etcd; both are "" for none. See [Config.FleetPassword].
	User, Password string
	// CAFile has the authorities that the servers' certificates are checked with; "" is those of
	// the machine. CertFile and KeyFile are who this host is; both are "" for none.
	CAFile, CertFile, KeyFile string
	// Lost is how long without a word from the store the host says that it is ready; 0 is for
	// ever.
	Lost time.Duration
	// Fetch and Push are shell commands that bring a release; "" for none.
	Fetch, Push string
}

// Configured says whether there is a fleet.
func (f *Fleet) Configured() bool { return len(f.Etcd) > 0 }

// HostName is the name of this host in the fleet.
func (f *Fleet) HostName() (string, error) {
	if f.Host != "" {
		return f.Host, nil
	}
	name, err := os.Hostname()
	if err != nil || name == "" || name == "localhost" {
		return "", fmt.Errorf("the machine has no name of its own (%q): set host in [fleet]", name)
	}
	return name, nil
}

// FleetPassword is the password of the fleet's store. The error is that of a credential which
// this process cannot read.
func (c *Config) FleetPassword() (string, error) {
	if written, secret := c.Secrets[fleetPassword]; secret && c.Fleet.Password == "" {
		return "", fmt.Errorf("password in [fleet] is %s, which only %s and root can read: add LoadCredential= to that unit (systemctl edit %[2]s)", written, agentUnit)
	}
	return c.Fleet.Password, nil
}

// fleetPassword is the key of the password in Config.Secrets.
const fleetPassword = "fleet.password"

func (d *document) fleetKeys() keys {
	f := &d.config.Fleet
	return keys{
		"etcd":      into(&f.Etcd, listOf(storeURL)),
		"prefix":    into(&f.Prefix, keyPrefix),
		"group":     into(&f.Group, hostName),
		"host":      into(&f.Host, orNone(hostName)),
		"user":      into(&f.User, text),
		"password":  into(&f.Password, text).hidden(),
		"ca_file":   into(&f.CAFile, orNone(absolute)),
		"cert_file": into(&f.CertFile, orNone(absolute)),
		"key_file":  into(&f.KeyFile, orNone(absolute)),
		"behind":    behind.into(&d.config.Gateway.Fleet.ServeBehind),
		"lost":      intoAs(&f.Lost, lostAfter, lostText),
		"fetch":     into(&f.Fetch, orNone(shellCommand)).forShell(),
		"push":      into(&f.Push, orNone(shellCommand)).forShell(),
	}
}

// behind says whether requests of a site are served that does not have what is committed.
var behind = choice[bool]{{"refuse", false}, {"serve", true}}

// storeURL reads the URL of a server of etcd.
func storeURL(v any) (string, error) {
	s, err := text(v)
	if err != nil {
		return "", err
	}
	u, err := url.Parse(s)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" || strings.Trim(u.Path, "/") != "" || u.RawQuery+u.Fragment != "" {
		return "", wanted(`the URL of a server of etcd, such as "https://10.0.0.1:2379"`, v)
	}
	if u.User != nil {
		return "", fmt.Errorf("%s has a user in it: write that as user and password in [fleet]", u.Redacted())
	}
	if u.Port() == "" {
		u.Host = net.JoinHostPort(u.Hostname(), "2379")
	}
	return u.Scheme + "://" + u.Host, nil
}

// keyPrefix reads what all keys of realdocd begin with.
func keyPrefix(v any) (string, error) {
	s, err := text(v)
	if err == nil && (!strings.HasPrefix(s, "/") || path.Clean(s) != s || s == "/") {
		return "", wanted(`a prefix such as "/realdocd"`, v)
	}
	return s, err
}

// maxHostName is the longest name of a host, and of a group, in bytes: that of the DNS.
const maxHostName = 253

// hostName reads the name of a host or of a group of hosts.
func hostName(v any) (string, error) {
	s, err := text(v)
	if err == nil && (s == "" || len(s) > maxHostName || strings.ContainsAny(s, " /,")) {
		return "", wanted(`a name such as "www1"`, v)
	}
	return s, err
}

const (
	lostKeeps = "keep"
	leastLost = 15 * time.Second // fleet.LostLeast: less is no loss, but an election
)

// lostAfter reads how long a host is ready without a word from the store; 0 is "keep".
func lostAfter(v any) (time.Duration, error) {
	if v == lostKeeps {
		return 0, nil
	}
	d, err := duration(v)
	if err != nil || d < leastLost {
		return 0, wanted(`"keep", or a duration of at least "15s", such as "30s"`, v)
	}
	return d, nil
}

func lostText(d time.Duration) any {
	if d == 0 {
		return lostKeeps
	}
	return durationText(d)
}

// checkFleet refuses a fleet that could not be joined, and fills in what the daemon needs.
func (d *document) checkFleet() {
	f, g := &d.config.Fleet, &d.config.Gateway
	at := func(key string) []string { return []string{"fleet", key} }
	g.Fleet.On = f.Configured()
	d.checkStore(at)
	if !f.Configured() || d.isExcused(at("etcd")) {
		return
	}
	if g.StateDir == "" {
		d.fault(at("etcd"), `where the sites stand has to survive a restart, and state_dir is "": set state_dir`)
	}
	if g.Control == "" {
		d.fault(at("etcd"), `the agent tells the daemon where the sites stand, and control is "": set control`)
	}
}

// checkStore refuses ways to etcd that do not go together.
func (d *document) checkStore(at func(key string) []string) {
	f := &d.config.Fleet
	tls := 0
	for _, server := range f.Etcd {
		if strings.HasPrefix(server, "https:") {
			tls++
		}
	}
	if tls > 0 && tls < len(f.Etcd) {
		d.fault(at("etcd"), "some servers are asked by https, and some by http: what one of them hears, everybody can; write https for all")
	}
	for _, key := range []struct {
		name, value string
	}{{"ca_file", f.CAFile}, {"cert_file", f.CertFile}, {"key_file", f.KeyFile}} {
		if key.value != "" && f.Configured() && tls == 0 {
			d.fault(at(key.name), "it is for https, and the servers in etcd are asked by http")
		}
	}
	if (f.CertFile == "") != (f.KeyFile == "") && !d.isExcused(at("cert_file")) && !d.isExcused(at("key_file")) {
		d.fault(at(oneOfTwo(f.CertFile, "cert_file", "key_file")), "a certificate and its key go together: set cert_file and key_file")
	}
	_, secret := d.config.Secrets[fleetPassword]
	if (f.User == "") != (f.Password == "" && !secret) && !d.isExcused(at("user")) {
		d.fault(at(oneOfTwo(f.User, "user", "password")), "a user and a password go together: set user and password, or cert_file and key_file")
	}
}

// oneOfTwo is the name of the one that is set.
func oneOfTwo(first, its, other string) string {
	if first != "" {
		return its
	}
	return other
}
