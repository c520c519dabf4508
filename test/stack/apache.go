package stack

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
)

// ApacheConfig is one Apache with any number of virtual hosts, each on its own loopback port.
type ApacheConfig struct {
	MPM   string // event (default), worker or prefork
	Hosts []ApacheHost
}

// ApacheHost is a virtual host whose PHP goes through mod_proxy_fcgi.
type ApacheHost struct {
	Root      string
	Backend   Addr
	PassMatch bool // ProxyPassMatch with the docroot in the URL; default SetHandler
	Lines     []string
}

// Apache is a running Apache.
type Apache struct {
	*Process
	Addrs []Addr // one a host
}

// URL of a path on the n-th host.
func (a *Apache) URL(host int, path string) string { return "http://" + string(a.Addrs[host]) + path }

// Apache starts Apache and returns when every host accepts.
func (s *Stack) Apache(c ApacheConfig) *Apache {
	s.t.Helper()
	path := s.find("apache2")
	dir, name := s.room("apache")
	a := &Apache{}
	for range c.Hosts {
		a.Addrs = append(a.Addrs, s.FreeAddr())
	}
	file := filepath.Join(dir, "apache.conf")
	s.check(writeLines(file, c.text(dir, a.Addrs)))
	a.Process = s.start(dir, name, syscall.SIGTERM, path, "-DFOREGROUND", "-d", dir, "-f", file)
	for _, addr := range a.Addrs {
		s.check(a.answers(addr))
	}
	return a
}

// apacheModules are the directories where distributions keep them.
var apacheModules = []string{"/usr/lib/apache2/modules", "/usr/lib64/httpd/modules", "/usr/libexec/apache2"}

func (c ApacheConfig) text(dir string, addrs []Addr) []string {
	mpm := c.MPM
	if mpm == "" {
		mpm = "event"
	}
	conf := apacheMain(dir, mpm)
	for i, host := range c.Hosts {
		conf = append(conf, host.text(addrs[i])...)
	}
	return conf
}

// apacheMain is what every Apache here has: modules, the user, and leave to serve files.
func apacheMain(dir, mpm string) []string {
	conf := []string{
		"ServerName localhost", "PidFile " + dir + "/pid", "DefaultRuntimeDir " + dir,
		"ErrorLog /proc/self/fd/2", "LogLevel warn proxy_fcgi:info", "ProxyTimeout 60", "MaxKeepAliveRequests 0",
	}
	// LoadModule comes before the directives of the module, and proxy before proxy_fcgi.
	conf = append(apacheLoads("mpm_"+mpm, "unique_id", "unixd", "authz_core", "dir", "proxy", "proxy_fcgi"), conf...)
	if user := worker(); user != "" {
		conf = append(conf, "User "+user, "Group "+workerGroup())
	}
	conf = append(conf, `<Directory "/">`, "  Require all granted", "  Options FollowSymLinks", "  AllowOverride None", "</Directory>")
	return conf
}

// apacheLoads loads modules, but for those that are compiled in.
func apacheLoads(modules ...string) (lines []string) {
	for _, module := range modules {
		for _, dir := range apacheModules {
			file := filepath.Join(dir, "mod_"+module+".so")
			if _, err := os.Stat(file); err == nil {
				lines = append(lines, fmt.Sprintf("LoadModule %s_module %s", module, file))
			}
		}
	}
	return lines
}

func (h ApacheHost) text(addr Addr) []string {
	conf := []string{"Listen " + string(addr), "<VirtualHost " + string(addr) + ">", "  DocumentRoot " + strconv.Quote(h.Root), "  DirectoryIndex index.php"}
	target := "fcgi://" + string(h.Backend)
	if h.Backend.Unix() {
		target = "unix:" + string(h.Backend) + "|fcgi://localhost"
	}
	if h.PassMatch {
		conf = append(conf, fmt.Sprintf(`  ProxyPassMatch "^/(.*\.php(/.*)?)$" "%s%s/$1"`, target, h.Root))
	} else {
		conf = append(conf, `  <FilesMatch "\.php$">`, fmt.Sprintf(`    SetHandler "proxy:%s/"`, target), "  </FilesMatch>")
	}
	for _, line := range h.Lines {
		conf = append(conf, "  "+line)
	}
	return append(conf, "</VirtualHost>")
}

// writeApacheSample puts the samples into a configuration like Debian's, with this MPM.
func writeApacheSample(mpm string) func(*place) ([]string, error) {
	return func(p *place) ([]string, error) {
		conf := append(apacheMain(p.dir, mpm), "Listen "+string(p.listen), "Include conf-available/*.conf", "Include sites-available/*.conf")
		backend := "fcgi://" + string(p.Backend)
		if p.Backend.Unix() {
			backend = "unix:" + string(p.Backend) + "|fcgi://localhost"
		}
		return []string{"-DFOREGROUND", "-d", p.dir, "-f", p.file("apache.conf")}, errors.Join(
			writeLines(p.file("apache.conf"), conf),
			p.install("apache2", "conf-available/realdocd.conf", `"unix:`+sampleSocket+`|fcgi://localhost"`, strconv.Quote(backend)),
			p.install("apache2", "sites-available/realdocd-example.conf", "*:80", string(p.listen)),
			p.installApacheStatic(),
		)
	}
}

// installApacheStatic puts the sample for static files to work, with what a2enmod loads for it.
func (p *place) installApacheStatic() error {
	if !p.Static {
		return nil
	}
	if err := p.install("apache2", "conf-available/realdocd-static.conf", "127.0.0.1:9100", string(p.Backend)); err != nil {
		return err
	}
	return writeLines(p.file("conf-available/a-modules.conf"), apacheLoads("authnz_fcgi", "authn_core", "authz_user", "rewrite", "setenvif", "alias", "headers"))
}
