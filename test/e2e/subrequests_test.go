package e2e

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"realdocd/test/stack"
)

// nginx sends its subrequests with the CONTENT_LENGTH of the main request, and with nothing.
func TestAPostBehindAuthRequestAndMirrorIsServed(t *testing.T) {
	s := stack.For(t, "nginx", "php-fpm")
	site := s.Site(stack.SiteConfig{})
	marks := marksDir(t, s)
	for _, release := range site.Releases {
		for name, text := range map[string]string{
			"auth.php":   "<?php http_response_code(204);",
			"mirror.php": fmt.Sprintf("<?php file_put_contents('%s/mirror', $_SERVER['CONTENT_LENGTH'] . ' ' . strlen(file_get_contents('php://input')));", marks),
			"post.php":   "<?php echo 'got ', $_POST['a'] ?? 'nothing';",
		} {
			if err := os.WriteFile(filepath.Join(site.Release(release), "public", name), []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	gw := s.Gateway(stack.GatewayFor(s.FPM(stack.FPMConfig{}), site))
	addr := s.FreeAddr()
	pass := func(script string) string {
		return "include params; fastcgi_param SCRIPT_FILENAME $document_root/" + script + "; fastcgi_param SCRIPT_NAME /" + script + "; fastcgi_pass unix:" + string(gw.Addr) + ";"
	}
	s.Nginx(stack.NginxConfig{
		Servers: []stack.NginxServer{{Root: site.DocRoot(), Backend: gw.Addr}},
		HTTP: []string{
			"server { listen " + string(addr) + "; root " + site.DocRoot() + ";",
			"location = /auth { internal; " + strings.ReplaceAll(pass("auth.php"), "include params;", nginxSubrequest) + " }",
			"location = /mirror { internal; " + strings.ReplaceAll(pass("mirror.php"), "include params;", nginxSubrequest) + " }",
			"location = /post { auth_request /auth; mirror /mirror; mirror_request_body off; " + strings.ReplaceAll(pass("post.php"), "include params;", nginxSubrequest) + " }",
			"}",
		},
	})
	resp, err := http.Post("http://"+string(addr)+"/post", "application/x-www-form-urlencoded", strings.NewReader("a=body"))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body := make([]byte, 100)
	n, _ := resp.Body.Read(body)
	if resp.StatusCode != http.StatusOK || string(body[:n]) != "got body" {
		t.Errorf("got %d %q", resp.StatusCode, body[:n])
	}
	stack.Until(t, "the mirrored request", func() bool { return marked(marks + "/mirror") })
	if got, _ := os.ReadFile(marks + "/mirror"); string(got) != "0 0" {
		t.Errorf("the mirrored request had the length and the body %q", got)
	}
}

// nginxSubrequest are the params of a subrequest, which nginx takes from the main one.
const nginxSubrequest = "fastcgi_param DOCUMENT_ROOT $document_root; fastcgi_param REQUEST_METHOD $request_method; " +
	"fastcgi_param CONTENT_LENGTH $content_length; fastcgi_param CONTENT_TYPE $content_type; fastcgi_param REQUEST_URI $request_uri;"

// FPM that sees only a part of the tree, as in a container: here by chroot.
func TestPHPFPMInAChrootRunsTheReleaseThatItSeesElsewhere(t *testing.T) {
	stack.NeedRoot(t, "for PHP-FPM's chroot")
	s := stack.For(t, "nginx", "php-fpm")
	site := s.Site(stack.SiteConfig{})
	fpm := s.FPM(stack.FPMConfig{Pool: []string{"chroot = " + site.Dir}})
	c := stack.GatewayFor(fpm, site)
	c.Pools["www"]["map"] = []string{site.Dir + ":/"}
	gw := s.Gateway(c)
	web := s.Nginx(stack.NginxConfig{Servers: []stack.NginxServer{{Root: site.DocRoot(), Backend: gw.Addr}}})
	for _, release := range []int{site.Releases[0], site.Releases[1], site.Releases[0]} {
		if err := site.Flip(release); err != nil {
			t.Fatal(err)
		}
		o, err := stack.Observe(http.DefaultClient, web.URL(0, "/index.php"))
		if err != nil {
			t.Fatal(err)
		}
		if v := o.Verdict(); v.Release != fmt.Sprint(release) || !strings.HasPrefix(o.File, "/releases/") {
			t.Errorf("release %d is live: %+v, __FILE__ is %s", release, v, o.File)
		}
	}
}

// lighttpd lets everybody in if an authorizer ends without a response.
func TestLighttpdsAuthorizerLetsNobodyIn(t *testing.T) {
	s := stack.For(t, "lighttpd", "php-fpm")
	site := s.Site(stack.SiteConfig{})
	if err := os.WriteFile(filepath.Join(site.Release(site.Releases[0]), "public", "secret.txt"), []byte("secret"), 0o644); err != nil {
		t.Fatal(err)
	}
	gw := s.Gateway(stack.GatewayFor(s.FPM(stack.FPMConfig{}), site))
	web := s.Lighttpd(site.DocRoot(), []string{
		`server.modules += ( "mod_fastcgi" )`,
		`fastcgi.server = ( "/secret.txt" => (( "socket" => "` + string(gw.Addr) + `", "mode" => "authorizer", "check-local" => "disable", "docroot" => "` + site.DocRoot() + `" )) )`,
	})
	resp, err := http.Get(web.URL("/secret.txt"))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusForbidden {
		t.Errorf("the file behind an authorizer got %s", resp.Status)
	}
}
