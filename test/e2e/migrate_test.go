package e2e

import (
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"realdocd/test/stack"
)

// A site behind a real Apache and PHP-FPM, with what mod_realdoc and incpath have been told
// of it, is moved to realdocd by the configuration that realdocd migrate prints.
func TestASiteIsMovedByWhatMigratePrints(t *testing.T) {
	s := stack.For(t, "apache2", "php-fpm")
	site := s.Site(stack.SiteConfig{})
	fpm := s.FPM(stack.FPMConfig{})
	before := s.Apache(stack.ApacheConfig{MPM: "event", Hosts: []stack.ApacheHost{{
		Root: site.DocRoot(), Backend: fpm.Addr,
		Lines: []string{"ServerName shop.example", "<IfModule mod_realdoc.c>", "  RealpathEvery 1", "  UseReadlink On", "</IfModule>"},
	}}})
	if _, err := stack.Observe(http.DefaultClient, before.URL(0, "/index.php?pause=0")); err != nil {
		t.Fatal(err)
	}

	dir := t.TempDir()
	files := map[string]string{
		"realdoc.load": "LoadModule realdoc_module /usr/lib/apache2/modules/mod_realdoc.so\n",
		"php.ini": fmt.Sprintf("include_path = %q\nincpath.docroot_sapi_list = apache2handler\nincpath.search_replace_pattern = %s\n",
			site.IncludePath(), site.Link()),
	}
	args := []string{"migrate"}
	for _, name := range []string{"realdoc.load", "php.ini"} {
		file := filepath.Join(dir, name)
		if err := os.WriteFile(file, []byte(files[name]), 0o644); err != nil {
			t.Fatal(err)
		}
		args = append(args, file)
	}
	binary, err := stack.Binary()
	if err != nil {
		t.Fatal(err)
	}
	made, err := exec.Command(binary, append(args, filepath.Join(s.Dir, "apache", "apache.conf"))...).Output()
	if err != nil {
		t.Fatalf("realdocd migrate: %v", err)
	}
	for _, want := range []string{
		`["` + string(fpm.Addr) + `"]`, "[site.shop-example]", `= "readlink"`, `= "1s"`, `= "` + site.IncludePath() + `"`, "link " + site.Link() + " -> releases/1",
	} {
		if !strings.Contains(string(made), want) {
			t.Errorf("%s is not in\n%s", want, made)
		}
	}

	gw := s.Gateway(stack.GatewayConfig{Rest: string(made)})
	after := s.Apache(stack.ApacheConfig{MPM: "event", Hosts: []stack.ApacheHost{{Root: site.DocRoot(), Backend: gw.Addr}}})
	url := after.URL(0, "/index.php")
	s.Flip(site, 2)
	if err := stack.Poll(func() error {
		o, err := stack.Observe(http.DefaultClient, url)
		if err == nil && o.Verdict().Release != "2" {
			err = fmt.Errorf("release %q is served", o.Verdict().Release)
		}
		return err
	}); err != nil {
		t.Error(err)
	}
	load := stack.Load{URLs: []string{url}, Duration: 4 * time.Second}
	if tally := s.Run(stack.FlipEvery(20*time.Millisecond, site), load)[0]; tally.Torn > 0 || tally.Failed > 0 || tally.Unnamed > 0 {
		t.Errorf("want every request whole: %v", tally)
	}
	// Looks are realpath_every apart, a second: of faster flips they may all see the same release.
	wantWhole(t, site, s.Run(stack.FlipEvery(1300*time.Millisecond, site), load)[0])
}

// While mod_realdoc is still loaded, or $realpath_root still sent, the docroot arrives
// resolved, from the first request on.
func TestADocrootThatArrivesResolvedIsTakenAsItsRelease(t *testing.T) {
	s := stack.For(t, "php-fpm")
	site := s.Site(stack.SiteConfig{})
	gw := s.Gateway(stack.GatewayFor(s.FPM(stack.FPMConfig{}), site))
	for _, n := range site.Releases {
		s.Flip(site, n)
		root := site.Release(n) + "/public"
		got := s.Ask(gw.Addr, nil, stack.ParamsFor(root, "GET", "/index.php", "QUERY_STRING", "pause=0")...)
		if got.Status != http.StatusOK || !strings.Contains(strings.ReplaceAll(string(got.Body), `\/`, "/"), root) {
			t.Errorf("release %d: %+v", n, got)
		}
	}
}
