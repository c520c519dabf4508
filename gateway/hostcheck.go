package gateway

import (
	"net"
	"net/http"
	"net/netip"
	"os"
	"strings"
)

// hostChecked answers requests for the address that it listens on. A page of another
// site could otherwise have a visitor's browser read what is only for this machine, by
// a name of its own that leads here (DNS rebinding). Such a name is in Host.
func hostChecked(listen string, h http.Handler) http.Handler {
	own, _, _ := net.SplitHostPort(listen)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !namesUs(r.Host, own) {
			http.Error(w, "this is not the host that you ask for: use its address, or write the name into metrics of realdocd.toml", http.StatusMisdirectedRequest)
			return
		}
		h.ServeHTTP(w, r)
	})
}

// namesUs says whether a Host is an address, localhost, this machine's name, or the
// host of the configuration.
func namesUs(host, own string) bool {
	name := host
	if h, _, err := net.SplitHostPort(host); err == nil {
		name = h
	}
	name = strings.TrimSuffix(strings.ToLower(name), ".")
	if _, err := netip.ParseAddr(strings.Trim(name, "[]")); err == nil {
		return true
	}
	machine, _ := os.Hostname()
	return name == "localhost" || name != "" && (name == strings.ToLower(own) || name == strings.ToLower(machine))
}
