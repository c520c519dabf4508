package conf

import (
	"fmt"
	"net"
	"net/netip"
	"path"
	"strconv"
	"strings"

	"realdocd/gateway/sock"
)

// checkClients refuses a TCP listener that everybody could use: whoever may speak
// FastCGI to PHP-FPM may run code.
func (d *document) checkClients() {
	g := &d.config.Gateway
	clients := []string{"allowed_clients"}
	if len(g.AllowedClients) > 0 || d.isExcused(clients) {
		return
	}
	for _, addr := range g.Listen {
		if !addr.IsUnix() {
			d.fault([]string{"listen"}, `%q is open to the network: say who may connect with %s, for example "127.0.0.1"`, addr, d.label(clients))
		}
	}
}

// checkAddresses refuses an address that has two uses.
func (d *document) checkAddresses() {
	g := &d.config.Gateway
	for _, addr := range g.Listen {
		switch addr := path.Clean(string(addr)); {
		case addr == path.Clean(g.Control):
			d.fault([]string{"control"}, "%q is in %s already: take another path", g.Control, d.label([]string{"listen"}))
		case addr == path.Clean(g.Metrics):
			d.fault([]string{"metrics"}, "%q is in %s already: take another port", g.Metrics, d.label([]string{"listen"}))
		case addr == path.Clean(g.Page):
			d.fault([]string{"page", "listen"}, "%q is in %s already: take another", g.Page, d.label([]string{"listen"}))
		}
	}
	if g.Page != "" && path.Clean(g.Page) == path.Clean(g.Control) {
		d.fault([]string{"page", "listen"}, "%q is that of %s already: take another path; realdocd status --web shows the page there", g.Page, d.label([]string{"control"}))
	}
}

// address reads a unix socket's absolute path or "host:port".
func address(v any) (sock.Addr, error) {
	s, err := text(v)
	if err != nil {
		return "", err
	}
	if unixPath, ok := strings.CutPrefix(s, "unix:"); ok {
		return "", fmt.Errorf(`write %q without "unix:", as %q`, s, unixPath)
	}
	if addr := sock.Addr(s); addr.IsUnix() {
		_, err := socketPath(v)
		return addr, err
	}
	if !isHostPort(s) {
		return "", wanted(`the absolute path of a socket, or "host:port"`, v)
	}
	return sock.Addr(s), nil
}

// addressText is address for what keeps it as text.
func addressText(v any) (string, error) {
	addr, err := address(v)
	return string(addr), err
}

func socketPath(v any) (string, error) {
	s, err := text(v)
	switch {
	case err != nil:
		return "", err
	case !path.IsAbs(s):
		return "", wanted("the absolute path of a socket", v)
	case len(s) > sock.MaxUnixPath:
		return "", fmt.Errorf("the socket path %q has %d bytes, at most %d are possible", s, len(s), sock.MaxUnixPath)
	}
	return s, nil
}

func hostPort(v any) (string, error) {
	s, err := text(v)
	if err == nil && !isHostPort(s) {
		return "", wanted(`"host:port" such as "127.0.0.1:9117"`, v)
	}
	return s, err
}

func isHostPort(s string) bool {
	_, port, err := net.SplitHostPort(s)
	_, portErr := strconv.ParseUint(port, 10, 16)
	return err == nil && portErr == nil
}

// network reads "10.0.0.0/8", or a bare address as the network of itself.
func network(v any) (netip.Prefix, error) {
	s, _ := v.(string)
	if addr, err := netip.ParseAddr(s); err == nil && addr.Zone() == "" {
		addr = addr.Unmap()
		return netip.PrefixFrom(addr, addr.BitLen()), nil
	}
	prefix, err := netip.ParsePrefix(s)
	if err != nil {
		return netip.Prefix{}, wanted(`an address or a network such as "127.0.0.1" or "10.0.0.0/8"`, v)
	}
	return prefix.Masked(), nil
}
