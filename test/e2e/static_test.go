package e2e

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"realdocd/test/stack"
)

const (
	immutable = "public, max-age=31536000, immutable"
	noCache   = "no-cache"
)

// assetShop is a shop whose nginx has the two samples for static files.
type assetShop struct {
	*stack.Stack
	site *stack.Site
	web  *stack.Front
}

func openAssetShop(t *testing.T) *assetShop {
	t.Helper()
	s := stack.For(t, "nginx", "php-fpm", "rsync")
	site := s.Site(stack.SiteConfig{Pages: pages()})
	shop := &assetShop{Stack: s, site: site}
	for _, n := range site.Releases {
		shop.writeAssets(t, n, n)
	}
	gw := s.Gateway(stack.GatewayFor(s.FPM(stack.FPMConfig{}), site))
	shop.web = s.Front(stack.FrontConfig{
		Server: stack.SampleNginx, Site: site, Backend: gw.Addr,
		Snippets: []string{"realdocd-static.conf", "realdocd-static-shared.conf"},
	})
	return shop
}

// hashed is the name that a bundler gives to a version of app.css.
func hashed(version int) string { return fmt.Sprintf("app.%08x.css", version) }

// writeAssets fills a release's public with a version of the assets.
func (s *assetShop) writeAssets(t *testing.T, release, version int) {
	t.Helper()
	public := s.site.Release(release) + "/public"
	if err := os.RemoveAll(public + "/build"); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"assets/css/app.css":       fmt.Sprintf("css %d", version),
		"assets/logo.png":          fmt.Sprintf("logo %d", version),
		"assets/code.php":          "<?php // the source",
		"assets/css/.hidden":       "HUSH",
		"../secret.txt":            "HUSH",
		"build/manifest.json":      fmt.Sprintf(`{"app": %q}`, hashed(version)),
		"build/" + hashed(version): fmt.Sprintf("build %d", version),
	} {
		writeFile(t, filepath.Join(public, name), text)
	}
}

// share adds a release's assets to the directory that all share, as the sample says.
func (s *assetShop) share(t *testing.T, release int) {
	t.Helper()
	from := s.site.Release(release) + "/public/build/"
	if out, err := exec.Command("rsync", "-r", "--mkpath", from, s.site.Dir+"/shared/build/").CombinedOutput(); err != nil {
		t.Fatalf("rsync: %v\n%s", err, out)
	}
}

func writeFile(t *testing.T, file, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// assets asks for the page and returns the URLs in it.
func (s *assetShop) assets(t *testing.T) (byRelease, byHash string) {
	t.Helper()
	request, err := http.NewRequest("GET", s.web.URL("/assets.php"), nil)
	if err != nil {
		t.Fatal(err)
	}
	urls := strings.Fields(fetch(t, request))
	if len(urls) != 2 {
		t.Fatalf("the page has %q", urls)
	}
	return urls[0], urls[1]
}

// want asks for a file, with the path as it is.
func (s *assetShop) want(t *testing.T, path string, status int, body, cacheControl string) {
	t.Helper()
	resp, err := http.Get(s.web.URL(path))
	if err != nil {
		t.Fatal(err)
	}
	got := readAll(t, resp)
	if resp.StatusCode != status || status == 200 && (got != body || resp.Header.Get("Cache-Control") != cacheControl) {
		t.Errorf("%s: got %d %q, Cache-Control %q; want %d %q, %q", path, resp.StatusCode, got, resp.Header.Get("Cache-Control"), status, body, cacheControl)
	}
}

// A page that was fetched before a flip gets the assets that belong to it afterwards.
func TestAssetsMatchThePageThatAskedForThem(t *testing.T) {
	s := openAssetShop(t)
	s.share(t, 1)
	oldRelease, oldHash := s.assets(t)
	s.want(t, oldRelease, 200, "css 1", immutable)
	s.want(t, oldHash, 200, "build 1", immutable)
	s.want(t, "/build/manifest.json", 200, `{"app": "app.00000001.css"}`, noCache)

	s.share(t, 2)
	s.Flip(s.site, 2)
	newRelease, newHash := s.assets(t)
	if newRelease == oldRelease || newHash == oldHash {
		t.Fatalf("the pages of both releases have %s and %s", newRelease, newHash)
	}
	s.want(t, newRelease, 200, "css 2", immutable)
	s.want(t, newHash, 200, "build 2", immutable)
	s.want(t, oldRelease, 200, "css 1", immutable)
	s.want(t, oldHash, 200, "build 1", immutable)

	// What names no release is the live one's, and nobody keeps it.
	s.want(t, "/assets/logo.png", 200, "logo 2", noCache)
	s.want(t, "/assets/css/app.css", 200, "css 2", noCache)
	s.want(t, "/build/manifest.json", 200, `{"app": "app.00000002.css"}`, noCache)
}

// Directories that alternate are filled again: the third version goes over the first. What a page of the first
// asks for is in the shared directory.
func TestSharedAssetsOutliveTheirSlot(t *testing.T) {
	s := openAssetShop(t)
	s.share(t, 1)
	_, first := s.assets(t)
	s.share(t, 2)
	s.Flip(s.site, 2)
	s.writeAssets(t, 1, 3) // and its assets are not shared: the live release has them
	s.Flip(s.site, 1)
	s.want(t, first, 200, "build 1", immutable)
	_, third := s.assets(t)
	s.want(t, third, 200, "build 3", immutable)
}

func TestOnlyAssetsAreDelivered(t *testing.T) {
	s := openAssetShop(t)
	for _, path := range []string{
		"/assets/3/css/app.css", // no such release
		"/assets/1/none.css",
		"/assets/1/css/",
		"/assets/./css/none.css",
		"/assets/../releases/1/public/assets/css/app.css",
		"/assets/1/../../secret.txt/x",
		"/assets/1/..%2f..%2flib/part_00.php",
		"/assets/1/%2e%2e/secret.txt",
		"/assets/1/../../../secret.txt",
		"/assets/1/%2e%2e/%2e%2e/secret.txt",
		"/assets/1/css/%2e%2e/%2e%2e/%2e%2e/secret.txt",
		"/assets/%2e%2e/lib/part.txt",
		"/assets/1%2f..%2fsecret.txt",
		"/assets/1/css/.hidden",
		"/assets/.hidden/app.css",
		"/assets/1/code.php",
		"/assets/code.php",
		"/assets/1/css/app.css%00.png",
		"/assets/a%20b/css/app.css",
		"/build/none.00000009.css",
		"/build/%2e%2e/%2e%2e/%2e%2e/releases/1/secret.txt",
		"/build/../../releases/app.00000001.css",
	} {
		resp, err := http.Get(s.web.URL(path))
		if err != nil {
			t.Fatal(err)
		}
		body := readAll(t, resp)
		if resp.StatusCode < 400 && !strings.Contains(body, `"release":"1"`) || strings.Contains(body, "HUSH") || strings.Contains(body, "<?php") {
			t.Errorf("%s: got %s, %q", path, resp.Status, body)
		}
	}
	s.want(t, "/assets/3/css/app.css", 404, "", "")
}

func readAll(t *testing.T, resp *http.Response) string {
	t.Helper()
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}
