package stack

import (
	"errors"
	"fmt"
	"path/filepath"
	"syscall"
)

// HAProxy is a running HAProxy in TCP mode: it passes bytes on and closes as its two sides close.
type HAProxy struct{ *Process }

// HAProxy starts HAProxy and returns when every listener accepts.
func (s *Stack) HAProxy(forwards ...Forward) *HAProxy {
	s.t.Helper()
	path := s.find("haproxy")
	dir, name := s.room("haproxy")
	conf := []string{
		"global", "  log stderr format raw local0", "  maxconn 4096",
		"defaults", "  mode tcp", "  timeout connect 5s", "  timeout client 60s", "  timeout server 60s",
	}
	for i, f := range forwards {
		conf = append(conf, fmt.Sprintf("listen forward%d", i), "  bind "+f.Listen.haproxy()+mode(f.Listen), "  server only "+f.Backend.haproxy())
	}
	file := filepath.Join(dir, "haproxy.conf")
	s.check(writeLines(file, conf))
	p := s.start(dir, name, syscall.SIGTERM, path, "-db", "-f", file)
	for _, f := range forwards {
		s.check(p.answers(f.Listen))
	}
	return &HAProxy{p}
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
