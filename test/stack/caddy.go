package stack

import (
	"fmt"
	"path/filepath"
	"strconv"
	"syscall"
)

// CaddyConfig is one Caddy with any number of sites, each on its own loopback port.
type CaddyConfig struct{ Sites []CaddySite }

// CaddySite is a site whose PHP goes to one FastCGI backend.
type CaddySite struct {
	Root        string
	Backend     Addr
	ResolveRoot bool     // Caddy follows the links of the root by itself
	Env         []string // further params: name, value, name, value …
}

// Caddy is a running Caddy.
type Caddy struct {
	*Process
	Addrs []Addr // one a site
}

// URL of a path on the n-th site.
func (c *Caddy) URL(site int, path string) string { return "http://" + string(c.Addrs[site]) + path }

// Caddy starts a Caddy and returns when every site accepts.
func (s *Stack) Caddy(c CaddyConfig) *Caddy {
	s.t.Helper()
	path := s.find("caddy")
	dir, name := s.room("caddy")
	running := &Caddy{}
	conf := []string{"{", "  admin off", "  auto_https off", "  storage file_system " + filepath.Join(dir, "data"), "}"}
	for _, site := range c.Sites {
		addr := s.FreeAddr()
		running.Addrs = append(running.Addrs, addr)
		conf = append(conf, site.text(addr)...)
	}
	file := filepath.Join(dir, "Caddyfile")
	s.check(writeLines(file, conf))
	running.Process = s.start(dir, name, syscall.SIGTERM, path, "run", "--config", file, "--adapter", "caddyfile")
	for _, addr := range running.Addrs {
		s.check(running.answers(addr))
	}
	return running
}

func (c CaddySite) text(addr Addr) []string {
	conf := []string{"http://" + string(addr) + " {", "  root * " + strconv.Quote(c.Root), "  php_fastcgi " + caddyBackend(c.Backend) + " {"}
	if c.ResolveRoot {
		conf = append(conf, "    resolve_root_symlink")
	}
	for i := 0; i < len(c.Env); i += 2 {
		conf = append(conf, fmt.Sprintf("    env %s %s", c.Env[i], caddyQuoted(c.Env[i+1])))
	}
	return append(conf, "  }", "}")
}

// caddyQuoted quotes with what nothing in a Caddyfile is escaped in.
func caddyQuoted(s string) string { return "`" + s + "`" }

func caddyBackend(backend Addr) string {
	if backend.Unix() {
		return "unix/" + string(backend)
	}
	return string(backend)
}

// writeCaddySample imports the sample as its comment says.
func writeCaddySample(p *place) ([]string, error) {
	conf := []string{
		"{", "  admin off", "  auto_https off", "  storage file_system " + p.file("data"), "}",
		"import Caddyfile.d/*.caddyfile",
	}
	if err := writeLines(p.file("Caddyfile"), conf); err != nil {
		return nil, err
	}
	if err := p.install("caddy", "Caddyfile.d/realdocd-example.caddyfile",
		"shop.example.com", "http://"+string(p.listen), "unix/"+sampleSocket, caddyBackend(p.Backend)); err != nil {
		return nil, err
	}
	return []string{"run", "--config", p.file("Caddyfile"), "--adapter", "caddyfile"}, nil
}
