package stack

import (
	"fmt"
	"os/exec"
	"regexp"
	"syscall"
)

// A WebServer is a kind of web server that runs on its sample configuration in etc/. The part around the
// sample is what its distribution has: modules, the user, where it listens.
type WebServer struct {
	Program string // as Find knows it

	version string // the argument with which it tells its version
	// write writes the configuration and returns the arguments to run with.
	write func(*place) ([]string, error)
}

// The web servers that have a sample.
var (
	SampleNginx    = WebServer{"nginx", "-v", writeNginxSample}
	SampleEvent    = WebServer{"apache2", "-v", writeApacheSample("event")}
	SamplePrefork  = WebServer{"apache2", "-v", writeApacheSample("prefork")}
	SampleLighttpd = WebServer{"lighttpd", "-v", writeLighttpdSample}
	SampleCaddy    = WebServer{"caddy", "version", writeCaddySample}
	SampleHAProxy  = WebServer{"haproxy", "-v", writeHAProxySample}
)

// Version is the one that is installed, such as "2.4.66".
func (w WebServer) Version() (string, error) {
	path, err := Find(w.Program)
	if err != nil {
		return "", err
	}
	out, err := exec.Command(path, w.version).CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("%s %s: %w: %s", path, w.version, err, out)
	}
	version := regexp.MustCompile(`\d+\.\d+\.\d+`).Find(out)
	if version == nil {
		return "", fmt.Errorf("%s %s: no version in %q", path, w.version, out)
	}
	return string(version), nil
}

// FrontConfig puts a web server in front of realdocd.
type FrontConfig struct {
	Server  WebServer
	Site    *Site
	Backend Addr
	// Snippets are those of etc/nginx/snippets that nginx's sample has in a comment.
	Snippets []string
	// Static adds the sample of Apache or of lighttpd by which static files are those of the
	// page's release.
	Static bool
}

// Front is a running web server that serves one site.
type Front struct {
	*Process
	Addr Addr
}

// URL of a path of the site.
func (f *Front) URL(path string) string { return "http://" + string(f.Addr) + path }

// Front starts a web server on its sample configuration and returns when it accepts.
func (s *Stack) Front(c FrontConfig) *Front {
	s.t.Helper()
	path := s.find(c.Server.Program)
	dir, name := s.room(c.Server.Program)
	listen := s.FreeAddr()
	args, err := c.Server.write(&place{c, dir, listen})
	if err != nil {
		s.t.Fatalf("configure %s: %v", name, err)
	}
	p := s.start(dir, name, syscall.SIGTERM, path, args...)
	s.check(p.answers(listen))
	return &Front{p, listen}
}
