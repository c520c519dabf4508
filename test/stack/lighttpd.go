package stack

import (
	"fmt"
	"path/filepath"
	"strings"
	"syscall"
)

// Lighttpd is a running lighttpd.
type Lighttpd struct {
	*Process
	Addr Addr
}

// URL of a path.
func (l *Lighttpd) URL(path string) string { return "http://" + string(l.Addr) + path }

// Lighttpd starts a lighttpd that serves the files below root, with these further lines, and returns when it accepts.
func (s *Stack) Lighttpd(root string, lines []string) *Lighttpd {
	s.t.Helper()
	path := s.find("lighttpd")
	dir, name := s.room("lighttpd")
	l := &Lighttpd{Addr: s.FreeAddr()}
	host, port, _ := strings.Cut(string(l.Addr), ":")
	conf := []string{fmt.Sprintf("server.bind = %q", host), "server.port = " + port, fmt.Sprintf("server.document-root = %q", root)}
	if user := worker(); user != "" {
		conf = append(conf, fmt.Sprintf("server.username = %q", user), fmt.Sprintf("server.groupname = %q", workerGroup()))
	}
	file := filepath.Join(dir, "lighttpd.conf")
	s.check(writeLines(file, append(conf, lines...)))
	l.Process = s.start(dir, name, syscall.SIGTERM, path, "-D", "-f", file)
	s.check(l.answers(l.Addr))
	return l
}

// writeLighttpdSample puts the samples into a configuration like Debian's.
func writeLighttpdSample(p *place) ([]string, error) {
	host, port, _ := strings.Cut(string(p.listen), ":")
	conf := []string{
		// What lighttpd-enable-mod fastcgi has included before.
		`server.modules = ( "mod_setenv", "mod_indexfile", "mod_access", "mod_alias", "mod_redirect", "mod_fastcgi" )`,
		fmt.Sprintf("server.bind = %q", host), "server.port = " + port,
		fmt.Sprintf("server.document-root = %q", p.dir), fmt.Sprintf("server.upload-dirs = ( %q )", p.dir+"/uploads"),
		`index-file.names = ( "index.php", "index.html" )`,
		`static-file.exclude-extensions = ( ".php", ".pl", ".fcgi" )`,
		`server.feature-flags += ( "server.graceful-shutdown-timeout" => 5 )`,
	}
	if user := worker(); user != "" {
		conf = append(conf, fmt.Sprintf("server.username = %q", user), fmt.Sprintf("server.groupname = %q", workerGroup()))
	}
	if p.Static {
		conf = append(conf, `server.modules += ( "mod_magnet" )`)
	}
	conf = append(conf, `include "conf-available/*.conf"`, `server.modules += ( "mod_dirlisting", "mod_staticfile" )`)
	if err := writeLines(p.file("lighttpd.conf"), conf); err != nil {
		return nil, err
	}
	if err := workerDir(p.file("uploads")); err != nil {
		return nil, err
	}
	backend := []string{`"socket" => "` + sampleSocket + `"`, `"socket" => "` + string(p.Backend) + `"`}
	if !p.Backend.Unix() {
		host, port, _ := strings.Cut(string(p.Backend), ":")
		backend[1] = fmt.Sprintf(`"host" => %q, "port" => %s`, host, port)
	}
	if err := p.install("lighttpd", "conf-available/16-realdocd.conf", backend...); err != nil {
		return nil, err
	}
	if err := p.install("lighttpd", "conf-available/17-realdocd-example.conf", "shop.example.com", string(p.listen)); err != nil {
		return nil, err
	}
	if p.Static {
		if err := p.install("lighttpd", "conf-available/18-realdocd-static.conf", append(backend, "shop.example.com", string(p.listen), "/etc/lighttpd/", p.dir+"/")...); err != nil {
			return nil, err
		}
		if err := p.install("lighttpd", "realdocd-static.lua"); err != nil {
			return nil, err
		}
	}
	return []string{"-D", "-f", p.file("lighttpd.conf")}, nil
}
