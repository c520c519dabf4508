package e2e

import (
	"errors"
	"io"
	"net"
	"net/http"
	"testing"
	"time"

	"realdocd/test/stack"
)

// Without a Content-Length a web server may take any end of the FastCGI connection for the end of the
// page: what matters is what the browser is told, in each way that web servers read from realdocd.
func TestABrokenResponseIsBrokenInTheBrowser(t *testing.T) {
	s := openBench(t, nil, nil)
	stack.Need(t, "nginx", "apache2")
	root, unbuffered := s.site.DocRoot(), []string{"fastcgi_buffering off;"}
	nginx := s.Nginx(stack.NginxConfig{Servers: []stack.NginxServer{
		{Root: root, Backend: s.gw.Addr},
		{Root: root, Backend: s.gw.Addr, Lines: unbuffered},
		{Root: root, Backend: s.gw.Addr, KeepAlive: 4},
		{Root: root, Backend: s.gw.Addr, KeepAlive: 4, Lines: unbuffered},
	}})
	apache := s.Apache(stack.ApacheConfig{Hosts: []stack.ApacheHost{{Root: root, Backend: s.gw.Addr}}})
	for _, c := range []struct{ name, url string }{
		{"nginx", nginx.URL(0, "/index.php")},
		{"nginx, unbuffered", nginx.URL(1, "/index.php")},
		{"nginx, kept connections", nginx.URL(2, "/index.php")},
		{"nginx, kept connections, unbuffered", nginx.URL(3, "/index.php")},
		{"Apache", apache.URL(0, "/index.php")},
	} {
		t.Run(c.name, func(t *testing.T) {
			type answer struct {
				*http.Response
				err error
			}
			answered := make(chan answer, 1)
			go func() {
				client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: 5 * time.Second}
				resp, err := client.Get(c.url)
				answered <- answer{resp, err}
			}()
			q := s.fpm.Next()
			if err := q.Stdout("Content-Type: text/plain\r\n\r\nthe beginning"); err != nil {
				t.Fatal(err)
			}
			q.Close()
			got := <-answered
			resp, err := got.Response, got.err
			var body []byte
			if err == nil { // it is not broken before the first byte
				defer resp.Body.Close()
				body, err = io.ReadAll(resp.Body)
			}
			if timeout := net.Error(nil); errors.As(err, &timeout) && timeout.Timeout() {
				t.Fatalf("the browser waits for ever: %v", err)
			}
			if err == nil && resp.StatusCode < 500 {
				t.Errorf("the browser took %s with %q for the whole answer", resp.Status, body)
			}
		})
	}
}
