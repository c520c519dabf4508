package pins

import (
	"bytes"
	"embed"
	"encoding/json"
	"io"
	"io/fs"
	"net/http"
	"os"
	"strconv"
	"testing"

	"realdocd/test/stack"
)

func TestMain(m *testing.M) { os.Exit(stack.Main(m)) }

//go:embed pages
var embedded embed.FS

func pages() fs.FS {
	sub, err := fs.Sub(embedded, "pages")
	if err != nil {
		panic(err) // the directory is in this package
	}
	return sub
}

// number is how many of something a test does: what the environment says, or so few that it is quick.
func number(t *testing.T, name string, quick int) int {
	t.Helper()
	text := os.Getenv(name)
	if text == "" {
		return quick
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return n
}

// shop is nginx in front of realdocd in front of PHP-FPM, with a site that has pins.
type shop struct {
	*stack.Stack
	site   *stack.Site
	config stack.GatewayConfig
	gw     *stack.Gateway
	web    *stack.Nginx
}

func openShop(t *testing.T, keys stack.Keys, nginx stack.NginxConfig) *shop {
	t.Helper()
	s := stack.For(t, "nginx", "php-fpm")
	sh := &shop{Stack: s, site: s.Site(stack.SiteConfig{Pages: pages()})}
	sh.config = stack.GatewayFor(s.FPM(stack.FPMConfig{MaxChildren: 16}), sh.site)
	sh.config.Sites[sh.site.Name]["pin"] = "page"
	for key, value := range keys {
		sh.config.Sites[sh.site.Name][key] = value
	}
	sh.gw = s.Gateway(sh.config)
	server := stack.NginxServer{Root: sh.site.DocRoot(), Backend: sh.gw.Addr, KeepAlive: 16}
	if len(nginx.Servers) > 0 {
		server.Lines = nginx.Servers[0].Lines
	}
	nginx.Servers = []stack.NginxServer{server}
	sh.web = s.Nginx(nginx)
	return sh
}

// What a browser says of a page that it loads, and of what the page asks for.
var (
	toPage   = http.Header{"Sec-Fetch-Dest": {"document"}, "Accept": {"text/html"}}
	fromPage = http.Header{"Sec-Fetch-Dest": {"empty"}, "Accept": {"*/*"}}
)

// An answer is what a client got.
type answer struct {
	status int
	header http.Header
	body   []byte
	// said by says.php
	Release, Code, Method, Query string
}

// cookie is the pin that the answer sets; "" for none.
func (a *answer) cookie() string {
	for _, c := range (&http.Response{Header: a.header}).Cookies() {
		if c.Name == "release" {
			return c.Value
		}
	}
	return ""
}

// ask sends a request with these headers and the pairs of more.
func ask(t testing.TB, method, url string, header http.Header, more ...string) *answer {
	t.Helper()
	var body io.Reader
	if method == http.MethodPost {
		body = bytes.NewReader([]byte("a=b"))
	}
	request, err := http.NewRequest(method, url, body)
	if err != nil {
		t.Fatal(err)
	}
	request.Header = header.Clone()
	for i := 0; i < len(more); i += 2 {
		request.Header.Add(more[i], more[i+1])
	}
	response, err := http.DefaultTransport.RoundTrip(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	a := &answer{status: response.StatusCode, header: response.Header}
	if a.body, err = io.ReadAll(response.Body); err != nil {
		t.Fatal(err)
	}
	json.Unmarshal(a.body, a) // a page is no JSON
	if a.Release != a.Code {
		t.Errorf("%s: torn, the release is %s and the code that of %s", url, a.Release, a.Code)
	}
	return a
}

// page loads a page, with a cookie if there is one, and gives its release and the cookie afterwards.
func (s *shop) page(t testing.TB, cookie string) (release, after string) {
	t.Helper()
	var more []string
	if cookie != "" {
		more = []string{"Cookie", "release=" + cookie}
	}
	a := ask(t, http.MethodGet, s.web.URL(0, "/page.php"), toPage, more...)
	if set := a.cookie(); set != "" {
		cookie = set
	}
	if a.status != http.StatusOK || cookie == "" {
		t.Fatalf("the page: %d %q", a.status, a.header)
	}
	return a.header.Get("X-Release"), cookie
}

// says asks for what a page asks for, and gives the release that it ran on.
func (s *shop) says(t testing.TB, query string, more ...string) *answer {
	t.Helper()
	a := ask(t, http.MethodGet, s.web.URL(0, "/says.php"+query), fromPage, more...)
	if a.status != http.StatusOK {
		t.Fatalf("%s %q: %d %s", query, more, a.status, a.body)
	}
	return a
}
