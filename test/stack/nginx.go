package stack

import (
	"errors"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// NginxConfig is one nginx with any number of servers, each on its own loopback port.
type NginxConfig struct {
	Workers int // default 1
	Servers []NginxServer
	Streams []Forward // a stream {} block: TCP passed on as it is
	HTTP    []string  // further lines of http {}
}

// NginxServer is a virtual host whose PHP goes to one FastCGI backend.
type NginxServer struct {
	Root      string
	Backend   Addr
	KeepAlive int      // upstream connections kept; 0 = a new one for each request
	Params    []string // further "fastcgi_param NAME value"s: only NAME and value
	Lines     []string // further lines of the location that PHP goes through
}

// Forward is one listener passed on to another, byte for byte.
type Forward struct{ Listen, Backend Addr }

// Nginx is a running nginx.
type Nginx struct {
	*Process
	Addrs []Addr // one a server
}

// URL of a path on the n-th server.
func (n *Nginx) URL(server int, path string) string {
	return "http://" + string(n.Addrs[server]) + path
}

// nginxParams is the fastcgi_params that nginx ships.
const nginxParams = `
fastcgi_param  QUERY_STRING       $query_string;
fastcgi_param  REQUEST_METHOD     $request_method;
fastcgi_param  CONTENT_TYPE       $content_type;
fastcgi_param  CONTENT_LENGTH     $content_length;
fastcgi_param  SCRIPT_NAME        $fastcgi_script_name;
fastcgi_param  REQUEST_URI        $request_uri;
fastcgi_param  DOCUMENT_URI       $document_uri;
fastcgi_param  DOCUMENT_ROOT      $document_root;
fastcgi_param  SERVER_PROTOCOL    $server_protocol;
fastcgi_param  REQUEST_SCHEME     $scheme;
fastcgi_param  HTTPS              $https if_not_empty;
fastcgi_param  GATEWAY_INTERFACE  CGI/1.1;
fastcgi_param  SERVER_SOFTWARE    nginx/$nginx_version;
fastcgi_param  REMOTE_ADDR        $remote_addr;
fastcgi_param  REMOTE_PORT        $remote_port;
fastcgi_param  REMOTE_USER        $remote_user;
fastcgi_param  SERVER_ADDR        $server_addr;
fastcgi_param  SERVER_PORT        $server_port;
fastcgi_param  SERVER_NAME        $server_name;
fastcgi_param  REDIRECT_STATUS    200;
`

// nginxScript is what everybody adds to them.
const nginxScript = `
fastcgi_param  SCRIPT_FILENAME    $document_root$fastcgi_script_name;
fastcgi_param  PATH_INFO          $fastcgi_path_info;
`

// Nginx starts nginx and returns when every server and stream accepts.
func (s *Stack) Nginx(c NginxConfig) *Nginx {
	s.t.Helper()
	path := s.find("nginx")
	dir, name := s.room("nginx")
	n := &Nginx{}
	for range c.Servers {
		n.Addrs = append(n.Addrs, s.FreeAddr())
	}
	file := filepath.Join(dir, "nginx.conf")
	s.check(writeLines(file, must(c.text(dir, n.Addrs))(s.t)))
	n.Process = s.start(dir, name, syscall.SIGTERM, path, "-p", dir, "-c", file, "-e", "stderr")
	listeners := n.Addrs
	for _, stream := range c.Streams {
		listeners = append(listeners, stream.Listen)
	}
	for _, addr := range listeners {
		s.check(n.answers(addr))
	}
	return n
}

func (c NginxConfig) text(dir string, addrs []Addr) ([]string, error) {
	conf := []string{
		"daemon off;", "error_log stderr warn;", "pid " + dir + "/pid;",
		fmt.Sprintf("worker_processes %d;", max(1, c.Workers)),
		fmt.Sprintf("worker_rlimit_nofile %d;", openFiles()),
	}
	if user := worker(); user != "" {
		conf = append(conf, fmt.Sprintf("user %s %s;", user, workerGroup()))
	}
	if len(c.Streams) > 0 {
		module, err := Find("nginx-stream")
		if err != nil {
			return nil, err
		}
		conf = append(conf, "load_module "+module+";", "stream {")
		for _, f := range c.Streams {
			conf = append(conf, fmt.Sprintf("  server { listen %s; proxy_pass %s; }", f.Listen.nginx(), f.Backend.nginx()))
		}
		conf = append(conf, "}")
	}
	conf = append(conf, "events { worker_connections 4096; }", "http {", "  access_log off;", "  client_max_body_size 0;",
		"  keepalive_requests 1000000;")
	for _, kind := range []string{"client_body", "proxy", "fastcgi", "uwsgi", "scgi"} {
		conf = append(conf, fmt.Sprintf("  %s_temp_path %s/%s;", kind, dir, kind))
	}
	conf = append(conf, c.HTTP...)
	for i, server := range c.Servers {
		conf = append(conf, server.text(i, addrs[i])...)
	}
	return append(conf, "}"), nil
}

// openFiles is enough for all of a worker's connections, as far as the hard limit allows it.
func openFiles() uint64 {
	const wanted = 2 * 4096
	var limit syscall.Rlimit
	if syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit) != nil {
		return wanted
	}
	return min(limit.Max, wanted)
}

func (v NginxServer) text(i int, addr Addr) []string {
	pass := fmt.Sprintf("backend%d", i)
	conf := []string{"  upstream " + pass + " {", "    server " + v.Backend.nginx() + " max_fails=0;"}
	if v.KeepAlive > 0 {
		conf = append(conf, fmt.Sprintf("    keepalive %d; keepalive_requests 100000;", v.KeepAlive))
		v.Lines = append([]string{"fastcgi_keep_conn on;"}, v.Lines...)
	}
	conf = append(conf, "  }", "  server {", "    listen "+string(addr)+" backlog=4096;", "    root "+strconv.Quote(v.Root)+";", "    index index.php;",
		`    location ~ ^.+\.php(/|$) {`, `      fastcgi_split_path_info ^(.+?\.php)(/.*)$;`, "      fastcgi_pass "+pass+";")
	conf = append(conf, strings.Split(strings.TrimSpace(nginxParams+nginxScript), "\n")...)
	for _, param := range v.Params {
		conf = append(conf, "      fastcgi_param "+param+";")
	}
	for _, line := range v.Lines {
		conf = append(conf, "      "+line)
	}
	return append(conf, "    }", "  }")
}

// writeNginxSample puts the samples into a configuration like Debian's.
func writeNginxSample(p *place) ([]string, error) {
	conf, err := NginxConfig{HTTP: []string{
		"include conf.d/*.conf;", "include sites-available/*.conf;", "types { text/css css; text/javascript js; }",
	}}.text(p.dir, nil)
	if err != nil {
		return nil, err
	}
	if err := writeLines(p.file("nginx.conf"), conf); err != nil {
		return nil, err
	}
	if err := writeLines(p.file("fastcgi_params"), []string{nginxParams}); err != nil {
		return nil, err
	}
	site := []string{"listen 80;", "listen " + string(p.listen) + ";", "listen [::]:80;", "listen unix:" + p.file("ipv6") + ";"}
	for _, snippet := range p.Snippets {
		if err := p.install("nginx", "snippets/"+snippet); err != nil {
			return nil, err
		}
		include := "include snippets/" + snippet + ";"
		site = append(site, "# "+include, include)
	}
	return []string{"-p", p.dir, "-c", p.file("nginx.conf"), "-e", "stderr"}, errors.Join(
		p.install("nginx", "sites-available/realdocd-example.conf", site...),
		p.install("nginx", "snippets/realdocd.conf"),
		p.install("nginx", "conf.d/realdocd-pins.conf"),
		p.install("nginx", "conf.d/realdocd.conf", "unix:"+sampleSocket, p.Backend.nginx()),
	)
}
