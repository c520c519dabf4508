package paths

import (
	"bufio"
	"fmt"
	"maps"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"realdocd/test/stack"
)

// odd are requests whose URLs a web server, Apache's prefix or PHP's own fix-ups may take apart in several ways.
var odd = []string{
	"/index.php", "/index.php/", "/index.php/a b", "/index.php/a%20b", "/index.php/a+b", "/index.php/100%25", "/index.php/%2525",
	"/index.php/%C3%A9t%C3%A9", "/index.php//x//y", "//index.php/x", "/index.php/a/../b", "/index.php/%2e%2e/b", "/index.php/a%2Fb",
	"/index.php/x.php/y", "/index.php/a;b=c?d=/e%20f", "/index.php?a=%2Fb+c", "/a%20b.php/x", "/a+b.php/x%20y", "/%C3%A9.php/%C3%A9", "/100%25.php/%25",
}

// shown are the variables that scripts find out their URL by.
const shown = `<?php foreach (['PATH_INFO', 'SCRIPT_NAME', 'PHP_SELF', 'ORIG_PATH_INFO', 'ORIG_SCRIPT_NAME', 'REQUEST_URI', 'QUERY_STRING', 'DOCUMENT_URI'] as $name) {
    echo $name, '=', bin2hex((string) ($_SERVER[$name] ?? '(none)')), ' ';
}
echo '__FILE__=', bin2hex(basename(__FILE__));`

// get asks for a URL as it is written, for an HTTP client of Go's would clean it.
func get(addr stack.Addr, url string) (string, error) {
	conn, err := net.Dial("tcp", string(addr))
	if err != nil {
		return "", err
	}
	defer conn.Close()
	if strings.Contains(url, " ") {
		url = strings.ReplaceAll(url, " ", "%20")
	}
	fmt.Fprintf(conn, "GET %s HTTP/1.0\r\nHost: shop.example\r\n\r\n", url)
	in := bufio.NewReader(conn)
	status, err := in.ReadString('\n')
	if err != nil {
		return "", err
	}
	var body string
	for {
		line, err := in.ReadString('\n')
		if strings.Contains(line, "PATH_INFO=") {
			body = line
		}
		if err != nil {
			break
		}
	}
	_, code, _ := strings.Cut(strings.TrimSpace(status), " ")
	return code[:3] + " " + body, nil
}

// What a script is told of its URL is byte for byte what PHP-FPM alone tells it.
func TestURLsReachScriptsAsWithPHPFPMAlone(t *testing.T) {
	s := stack.For(t, "nginx", "apache2", "caddy", "php-fpm")
	fpm := s.FPM(stack.FPMConfig{TCP: true})
	for i, layout := range []layout{layouts[0], layouts[4], layouts[11]} {
		p := lay(t, filepath.Join(s.Dir, fmt.Sprintf("site%d", i)), layout)
		for _, release := range p.releases {
			for _, name := range []string{"index.php", "a b.php", "a+b.php", "é.php", "100%.php"} {
				if err := os.WriteFile(filepath.Join(p.root, release+p.below, name), []byte(shown), 0o644); err != nil {
					t.Fatal(err)
				}
			}
		}
		gw := s.Gateway(gatewayFor(fpm, p))
		root := p.at(p.docroot)
		var nginx stack.NginxConfig
		var apache stack.ApacheConfig
		var caddy stack.CaddyConfig
		for _, backend := range []stack.Addr{fpm.Addr, gw.TCP} {
			nginx.Servers = append(nginx.Servers, stack.NginxServer{Root: root, Backend: backend})
			apache.Hosts = append(apache.Hosts, stack.ApacheHost{Root: root, Backend: backend}, stack.ApacheHost{Root: root, Backend: backend, PassMatch: true})
			caddy.Sites = append(caddy.Sites, stack.CaddySite{Root: root, Backend: backend})
		}
		n, a, c := s.Nginx(nginx), s.Apache(apache), s.Caddy(caddy)
		pairs := map[string][2]stack.Addr{
			"nginx": {n.Addrs[0], n.Addrs[1]}, "Apache, SetHandler": {a.Addrs[0], a.Addrs[2]},
			"Apache, ProxyPassMatch": {a.Addrs[1], a.Addrs[3]}, "Caddy": {c.Addrs[0], c.Addrs[1]},
		}
		for _, name := range slices.Sorted(maps.Keys(pairs)) {
			t.Run(layout.name+", "+name, func(t *testing.T) {
				served := 0
				for _, url := range odd {
					alone, err := get(pairs[name][0], url)
					if err != nil {
						t.Fatal(err)
					}
					through, err := get(pairs[name][1], url)
					if err != nil {
						t.Fatal(err)
					}
					if through != alone {
						t.Errorf("%s\nwith PHP-FPM alone %s\nthrough realdocd   %s", url, alone, through)
					}
					if strings.HasPrefix(alone, "200") {
						served++
					}
				}
				t.Logf("%d of %d URLs ran a script", served, len(odd))
			})
		}
	}
}
