package stack

import (
	"errors"
	"fmt"
	"path/filepath"
	"syscall"
)

// HAProxy is a running HAProxy in TCP mode: it passes bytes on and closes as its two sides close.
type HAProxy struct{ *Process }

// StartHAProxy returns when every listener accepts.
func (s *Stack) StartHAProxy(forwards ...Forward) (*HAProxy, error) {
	path, err := Find("haproxy")
	if err != nil {
		return nil, err
	}
	dir, name, err := s.room("haproxy")
	if err != nil {
		return nil, err
	}
	conf := []string{
		"global", "  log stderr format raw local0", "  maxconn 4096",
		"defaults", "  mode tcp", "  timeout connect 5s", "  timeout client 60s", "  timeout server 60s",
	}
	for i, f := range forwards {
		conf = append(conf, fmt.Sprintf("listen forward%d", i), "  bind "+f.Listen.haproxy()+mode(f.Listen), "  server only "+f.Backend.haproxy())
	}
	file := filepath.Join(dir, "haproxy.conf")
	if err := writeLines(file, conf); err != nil {
		return nil, err
	}
	p, err := s.start(dir, name, syscall.SIGTERM, path, "-db", "-f", file)
	if err != nil {
		return nil, err
	}
	for _, f := range forwards {
		if err := p.answers(f.Listen); err != nil {
			return nil, err
		}
	}
	return &HAProxy{p}, nil
}

// mode lets nginx's workers, which run as another user, connect to a unix socket.
func mode(listen Addr) string {
	if listen.Unix() {
		return " mode 666"
	}
	return ""
}

// writeHAProxySample loads the sample beside a configuration like Debian's, as its comment says.
func writeHAProxySample(p *place) ([]string, error) {
	conf := []string{
		"global", "  log stderr format raw local0", "  maxconn 4096",
		"defaults", "  mode http", "  log global", "  option dontlognull",
		"  timeout connect 5s", "  timeout client 60s", "  timeout server 60s",
	}
	return []string{"-db", "-f", p.file("haproxy.cfg"), "-f", p.file("conf.d")}, errors.Join(
		writeLines(p.file("haproxy.cfg"), conf),
		p.install("haproxy", "conf.d/realdocd-example.cfg", "bind :80", "bind "+string(p.listen), "127.0.0.1:9100", p.Backend.haproxy()),
	)
}
